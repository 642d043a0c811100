{{ config(unique_key=['id']) }}

with changes as (
    {{ changes_of_window('orders', ['id']) }}
),

latest as (
    {{ latest_change('changes', ['id']) }}
),

final as (
    select
        cast(id as number(10, 0)) as id,
        cast(user_id as number(10, 0)) as user_id,
        cast(status as varchar) as status,
        cast(total_amount as number(10, 2)) as total_amount,
        cast(shipping_address as varchar) as shipping_address,
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
