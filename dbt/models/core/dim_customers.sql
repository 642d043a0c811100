with users as (
    select * from {{ ref('live_users') }}
),

final as (
    select
        id as user_id,
        email,
        first_name,
        last_name,
        created_at,
        updated_at,
        {{ joined_flags('_flags', '_state_flags') }} as flags
    from users
    where {{ kept('_flagged') }}
)

select * from final
