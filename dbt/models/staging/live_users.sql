{{ config(materialized='view') }}

with users as (
    select * from {{ ref('stg_users') }}
),

final as (
    select
        id,
        email,
        first_name,
        last_name,
        created_at,
        updated_at,
        _flags,
        _state_flags,
        _flags is not null or _state_flags is not null as _flagged,
        _ts_ms,
        _source_ts,
        _run_seq
    from users
    where not _deleted
)

select * from final
