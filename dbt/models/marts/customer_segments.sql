with customers as (
    select * from {{ ref('customer_lifetime_value') }}
),

orders as (
    select * from {{ ref('fct_orders') }}
),

addressed as (
    select
        user_id,
        {{ region_of('shipping_address') }} as region
    from orders
    qualify row_number() over (
        partition by user_id order by least(ordered_at, {{ as_of() }}) desc nulls last, order_id desc
    ) = 1
),

scored as (
    select
        user_id,
        ntile(5) over (
            order by days_since_last_order desc nulls first, last_order_at asc nulls first, user_id asc
        ) as recency_score,
        ntile(5) over (order by orders, user_id) as frequency_score,
        ntile(5) over (order by lifetime_revenue, user_id) as monetary_score
    from customers
    where orders > 0
),

final as (
    select
        customers.user_id,
        cast(scored.recency_score as number(10, 0)) as recency_score,
        cast(scored.frequency_score as number(10, 0)) as frequency_score,
        cast(scored.monetary_score as number(10, 0)) as monetary_score,
        case
            when scored.user_id is null then 'no orders'
            when scored.recency_score >= 4 and scored.frequency_score >= 4 and scored.monetary_score >= 4
                then 'champions'
            when scored.recency_score >= 3 and scored.frequency_score >= 4 then 'loyal'
            when scored.recency_score >= 4 and customers.orders = 1 then 'new'
            when scored.recency_score >= 4 then 'promising'
            when scored.recency_score = 3 then 'need attention'
            when scored.recency_score = 1 and scored.frequency_score >= 4 and scored.monetary_score >= 4
                then 'cannot lose'
            when scored.frequency_score >= 4 or scored.monetary_score >= 4 then 'at risk'
            when scored.recency_score = 2 then 'hibernating'
            else 'lost'
        end as segment,
        customers.tier,
        coalesce(addressed.region, 'unknown') as region,
        case
            when customers.days_since_last_order is null then 'never ordered'
            when customers.days_since_last_order <= 90 then 'active'
            when customers.days_since_last_order <= 180 then 'lapsing'
            else 'inactive'
        end as activity,
        coalesce(
            customers.orders >= 2
            and customers.days_since_last_order > 30
            and customers.days_since_last_order * (customers.orders - 1)
            > 2 * datediff('day', customers.first_order_at, customers.last_order_at),
            false
        ) as is_overdue,
        customers.orders + customers.cancelled_orders >= 3
        and customers.cancelled_orders * 100 >= 30 * (customers.orders + customers.cancelled_orders)
            as is_often_cancelling
    from customers
    left join scored on customers.user_id = scored.user_id
    left join addressed on customers.user_id = addressed.user_id
)

select * from final
