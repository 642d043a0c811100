{# A touched event's session, and any that it was in by an earlier delivery; the sessions of a touched transaction. #}
{{ config(
    materialized='incremental',
    incremental_strategy='append',
    pre_hook="
        delete from {{ this }}
        where
            session_id in (
                select session_id
                from {{ source('raw', 'user_events') }}
                where
                    _run_seq <= {{ var('to_seq') }}
                    and event_id in ({{ touched_keys('user_events', ['event_id']) }})
            )
            or session_id in (
                select session_id
                from {{ ref('stg_user_events') }}
                where transaction_id in ({{ touched_keys('transactions', ['transaction_id']) }})
            )
    "
) }}

with events as (
    select stg_user_events.*
    from {{ ref('stg_user_events') }} as stg_user_events
    where
        not stg_user_events._deleted
        {% if is_incremental() %}
        and stg_user_events.session_id not in (select there.session_id from {{ this }} as there)
        {% endif %}
),

transactions as (
    select *
    from {{ ref('fct_transactions') }}
    where status = 'completed'
),

after_previous as (
    select
        *,
        lag(timestamp) over (
            partition by user_id, session_id order by timestamp, event_id
        ) as previous_timestamp
    from events
),

{# 30 minutes of silence still belong to the session; longer ones begin its next part. No time after 9999 is made. #}
split as (
    select
        *,
        sum(iff(datediff('microsecond', previous_timestamp, timestamp) > 1800000000, 1, 0)) over (
            partition by user_id, session_id order by timestamp, event_id
            rows between unbounded preceding and current row
        ) as gaps_before
    from after_previous
),

opened as (
    select
        *,
        first_value(device_type) over (
            partition by user_id, session_id, gaps_before order by timestamp, event_id
        ) as first_device_type,
        first_value(browser) over (
            partition by user_id, session_id, gaps_before order by timestamp, event_id
        ) as first_browser,
        first_value(user_tier) over (
            partition by user_id, session_id, gaps_before order by timestamp, event_id
        ) as first_user_tier
    from split
),

parts as (
    select
        session_id,
        user_id,
        gaps_before,
        first_user_tier as user_tier,
        first_device_type as device_type,
        first_browser as browser,
        min(timestamp) as session_start,
        max(timestamp) as session_end,
        count_if(event_type = 'page_view') as page_views,
        count_if(event_type = 'product_view') as product_views,
        count_if(event_type = 'search') as searches,
        count_if(event_type = 'add_to_cart') as add_to_cart_events,
        count_if(event_type = 'purchase') as purchases
    from opened
    group by session_id, user_id, gaps_before, first_user_tier, first_device_type, first_browser
),

purchases as (
    select distinct
        session_id,
        user_id,
        gaps_before,
        transaction_id
    from split
    where
        event_type = 'purchase'
        and transaction_id is not null
),

spending as (
    select
        purchases.session_id,
        purchases.user_id,
        purchases.gaps_before,
        sum(transactions.total_amount) as total_spent,
        sum(transactions.quantity) as items_purchased
    from purchases
    inner join transactions on purchases.transaction_id = transactions.transaction_id
    group by purchases.session_id, purchases.user_id, purchases.gaps_before
),

measured as (
    select
        parts.*,
        spending.total_spent,
        spending.items_purchased,
        datediff('microsecond', parts.session_start, parts.session_end) as microseconds,
        row_number() over (
            partition by parts.session_id order by parts.session_start, parts.user_id, parts.gaps_before
        ) as session_part
    from parts
    left join spending
        on
            parts.session_id = spending.session_id
            and parts.user_id = spending.user_id
            and parts.gaps_before = spending.gaps_before
),

{# Whole minutes come from whole microseconds: a quotient cut at some scale could round up to the next minute. #}
final as (
    select
        session_id,
        cast(session_part as number(10, 0)) as session_part,
        user_id,
        user_tier,
        session_start,
        session_end,
        cast(
            (microseconds - mod(microseconds, 60000000)) / 60000000 as number(10, 0)
        ) as session_duration_minutes,
        cast(page_views as number(10, 0)) as page_views,
        cast(product_views as number(10, 0)) as product_views,
        cast(searches as number(10, 0)) as searches,
        cast(add_to_cart_events as number(10, 0)) as add_to_cart_events,
        cast(purchases as number(10, 0)) as purchases,
        cast(coalesce(total_spent, 0) as number(38, 2)) as total_spent,
        cast(coalesce(items_purchased, 0) as number(38, 0)) as items_purchased,
        device_type,
        browser,
        purchases > 0 as converted_to_purchase
    from measured
)

select * from final
