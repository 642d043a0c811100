{{ config(unique_key=['id']) }}

with changes as (
    {{ changes_of_window('products', ['id']) }}
),

latest as (
    {{ latest_change('changes', ['id']) }}
),

final as (
    select
        id,
        name,
        description,
        price,
        stock_quantity,
        category,
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
