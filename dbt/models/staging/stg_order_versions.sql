{{ config(
    incremental_strategy='append',
    pre_hook="delete from {{ this }} where id in ({{ touched_keys('orders', ['id']) }})"
) }}

with changes as (
    {{ changes_of_window('orders', ['id']) }}
),

versions as (
    {{ versions_of('changes', ['id']) }}
),

final as (
    select
        id,
        cast(_version as number(10, 0)) as _version,
        user_id,
        status,
        total_amount,
        created_at,
        updated_at,
        cast(valid_from as timestamp_ntz(6)) as valid_from,
        cast(valid_to as timestamp_ntz(6)) as valid_to,
        _op,
        _lsn,
        _ts_ms,
        _source_ts,
        _flags,
        _run_seq,
        _op = 'd' as _deleted
    from versions
)

select * from final
