{{ config(unique_key=['id']) }}

with changes as (
    {{ changes_of_window('order_items', ['id']) }}
),

latest as (
    {{ latest_change('changes', ['id']) }}
),

final as (
    select
        id,
        order_id,
        product_id,
        quantity,
        unit_price,
        created_at,
        updated_at,
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
