{{ config(unique_key=['id']) }}

with changes as (
    {{ changes_of_window('order_items', ['id']) }}
),

latest as (
    {{ latest_change('changes', ['id']) }}
),

final as (
    select
        cast(id as number(10, 0)) as id,
        cast(order_id as number(10, 0)) as order_id,
        cast(product_id as number(10, 0)) as product_id,
        cast(quantity as number(10, 0)) as quantity,
        cast(unit_price as number(10, 2)) as unit_price,
        cast(created_at as timestamp_ntz(6)) as created_at,
        cast(updated_at as timestamp_ntz(6)) as updated_at,
        _op,
        _lsn,
        _ts_ms,
        _source_ts,
        _flags,
        _run_seq,
        _op = 'd' as _deleted
    from latest
)

select * from final
