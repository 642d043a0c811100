{{ config(unique_key=['id']) }}

with changes as (
    {{ changes_of_window('orders', ['id']) }}
),

latest as (
    {{ latest_change('changes', ['id']) }}
),

final as (
    select
        id,
        user_id,
        status,
        total_amount,
        shipping_address,
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
