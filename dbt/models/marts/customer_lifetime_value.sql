with customers as (
    select * from {{ ref('dim_customers') }}
),

orders as (
    select * from {{ ref('fct_orders') }}
),

ordered as (
    select
        user_id,
        count_if(not is_cancelled) as orders,
        count_if(is_cancelled) as cancelled_orders,
        cast(sum(revenue) as number(38, 2)) as lifetime_revenue,
        sum(iff(is_cancelled, 0, units)) as units,
        min(iff(is_cancelled, null, ordered_at)) as first_order_at,
        max(iff(is_cancelled, null, ordered_at)) as last_order_at,
        max(iff(is_cancelled, null, least(ordered_at, {{ as_of() }}))) as last_order_until_as_of
    from orders
    group by user_id
),

final as (
    select
        customers.user_id,
        customers.email,
        cast(coalesce(ordered.orders, 0) as number(10, 0)) as orders,
        cast(coalesce(ordered.cancelled_orders, 0) as number(10, 0)) as cancelled_orders,
        cast(coalesce(ordered.units, 0) as number(38, 0)) as units,
        cast(coalesce(ordered.lifetime_revenue, 0) as number(38, 2)) as lifetime_revenue,
        {{ exact_quotient('ordered.lifetime_revenue', 'ordered.orders') }} as average_order_value,
        ordered.first_order_at,
        ordered.last_order_at,
        cast(datediff('day', ordered.last_order_until_as_of, {{ as_of() }}) as number(10, 0)) as days_since_last_order,
        customers.flags
    from customers
    left join ordered on customers.user_id = ordered.user_id
)

select * from final
