{{ config(unique_key=['id'], incremental_strategy='delete+insert') }}

with changes as (
    {{ changes_of_window('users', ['id']) }}
),

versions as (
    {{ versions_of('changes', ['id']) }}
),

final as (
    select
        cast(id as number(10, 0)) as id,
        cast(_version as number(10, 0)) as _version,
        cast(email as varchar) as email,
        cast(first_name as varchar) as first_name,
        cast(last_name as varchar) as last_name,
        cast(created_at as timestamp_ntz(6)) as created_at,
        cast(updated_at as timestamp_ntz(6)) as updated_at,
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
