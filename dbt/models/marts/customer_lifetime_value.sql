with customers as (
    select
        *,
        least(created_at, {{ as_of() }}) as registered_at
    from {{ ref('dim_customers') }}
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
        sum(iff(is_cancelled, 0, cast(revenue as number(38, 2)) * revenue)) as squared_revenue,
        sum(iff(is_cancelled, 0, units)) as units,
        min(iff(is_cancelled, null, ordered_at)) as first_order_at,
        max(iff(is_cancelled, null, ordered_at)) as last_order_at,
        min(iff(is_cancelled, null, least(ordered_at, {{ as_of() }}))) as first_order_until_as_of,
        max(iff(is_cancelled, null, least(ordered_at, {{ as_of() }}))) as last_order_until_as_of
    from orders
    group by user_id
),

{# What the shop saw of each customer: orders, their value, and the days in which they could have been placed. #}
observed as (
    select
        customers.user_id,
        customers.email,
        customers.flags,
        coalesce(ordered.orders, 0) as orders,
        coalesce(ordered.cancelled_orders, 0) as cancelled_orders,
        coalesce(ordered.units, 0) as units,
        coalesce(ordered.lifetime_revenue, 0) as lifetime_revenue,
        coalesce(ordered.squared_revenue, 0) as squared_revenue,
        cast(
            round(
                cast(ordered.lifetime_revenue as double) * cast(ordered.lifetime_revenue as double)
                / nullif(ordered.orders, 0), 2
            ) as number(38, 2)
        ) as orders_times_squared_mean,
        ordered.first_order_at,
        ordered.last_order_at,
        ordered.first_order_until_as_of,
        ordered.last_order_until_as_of,
        coalesce(
            datediff(
                'day',
                least(
                    coalesce(customers.registered_at, ordered.first_order_until_as_of),
                    coalesce(ordered.first_order_until_as_of, customers.registered_at)
                ),
                {{ as_of() }}
            ), 0
        ) as age_days
    from customers
    left join ordered on customers.user_id = ordered.user_id
),

{# Sums of whole numbers and exact decimals: they do not hang on the order in which rows are added. #}
totals as (
    select
        cast(sum(orders) as double) as orders,
        cast(sum(orders * orders) as double) as squared_orders,
        cast(sum(orders * age_days) as double) as orders_times_days,
        cast(sum(age_days) as double) as days,
        cast(sum(age_days * age_days) as double) as squared_days,
        cast(count_if(orders > 0) as double) as buyers,
        cast(sum(lifetime_revenue) as double) as revenue,
        cast(sum(squared_revenue) as double) as squared_revenue,
        cast(sum(orders_times_squared_mean) as double) as orders_times_squared_means
    from observed
),

{# Order rate (Gamma-Poisson) and order value (Buhlmann-Straub): means and variances over all customers. #}
means as (
    select
        *,
        coalesce(orders / nullif(days, 0), 0) as mean_rate,
        coalesce(revenue / nullif(orders, 0), 0) as mean_value,
        greatest(
            coalesce((squared_revenue - orders_times_squared_means) / nullif(orders - buyers, 0), 0), 0
        ) as variance_within
    from totals
),

moments as (
    select
        mean_rate,
        mean_value,
        variance_within,
        greatest(
            coalesce(
                (
                    squared_orders - 2 * mean_rate * orders_times_days + mean_rate * mean_rate * squared_days
                    - orders
                ) / nullif(squared_days, 0), 0
            ), 0
        ) as variance_of_rate,
        greatest(
            coalesce(
                (orders_times_squared_means - revenue * mean_value - (buyers - 1) * variance_within)
                / nullif(orders - squared_orders / nullif(orders, 0), 0), 0
            ), 0
        ) as variance_of_value
    from means
),

predicted as (
    select
        observed.*,
        365 * coalesce(
            (moments.mean_rate * moments.mean_rate + moments.variance_of_rate * observed.orders)
            / nullif(moments.mean_rate + moments.variance_of_rate * observed.age_days, 0), 0
        ) as predicted_orders,
        coalesce(
            (
                moments.variance_of_value * cast(observed.lifetime_revenue as double)
                + moments.variance_within * moments.mean_value
            ) / nullif(moments.variance_of_value * observed.orders + moments.variance_within, 0),
            moments.mean_value
        ) as predicted_value
    from observed
    cross join moments
),

ranked as (
    select
        *,
        row_number() over (
            partition by iff(orders > 0, 1, 0) order by lifetime_revenue desc, user_id asc
        ) as place,
        count(*) over (partition by iff(orders > 0, 1, 0)) as places
    from predicted
),

final as (
    select
        user_id,
        email,
        cast(orders as number(10, 0)) as orders,
        cast(cancelled_orders as number(10, 0)) as cancelled_orders,
        cast(units as number(38, 0)) as units,
        cast(lifetime_revenue as number(38, 2)) as lifetime_revenue,
        {{ exact_quotient('lifetime_revenue', 'orders') }} as average_order_value,
        first_order_at,
        last_order_at,
        cast(datediff('day', last_order_until_as_of, {{ as_of() }}) as number(10, 0)) as days_since_last_order,
        cast(age_days as number(10, 0)) as age_days,
        {{ exact_quotient('orders * 365', 'age_days') }} as orders_per_year,
        cast(round(predicted_orders, 4) as number(38, 4)) as predicted_12_month_orders,
        cast(round(predicted_value, 2) as number(38, 2)) as predicted_order_value,
        cast(round(predicted_orders * predicted_value, 2) as number(38, 2)) as predicted_12_month_value,
        case
            when orders = 0 then 'none'
            when (place - 1) * 100 < 10 * places then 'platinum'
            when (place - 1) * 100 < 30 * places then 'gold'
            when (place - 1) * 100 < 60 * places then 'silver'
            else 'bronze'
        end as tier,
        cast(date_trunc('month', first_order_until_as_of) as date) as cohort_month,
        flags
    from ranked
)

select * from final
