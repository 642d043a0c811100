{{ config(unique_key=['id']) }}

with changes as (
    {{ changes_of_window('products', ['id']) }}
),

latest as (
    {{ latest_change('changes', ['id']) }}
),

final as (
    select
        cast(id as number(10, 0)) as id,
        cast(name as varchar) as name,
        cast(description as varchar) as description,
        cast(price as number(10, 2)) as price,
        cast(stock_quantity as number(10, 0)) as stock_quantity,
        cast(category as varchar) as category,
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
