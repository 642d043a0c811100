with versions as (
    select * from {{ ref('stg_user_versions') }}
),

history as (
    {{ history_of('versions', ['email', 'first_name', 'last_name']) }}
),

final as (
    select
        id as user_id,
        cast(version as number(10, 0)) as version,
        email,
        first_name,
        last_name,
        valid_from,
        valid_to,
        valid_to is null as is_current
    from history
)

select * from final
