{# A row's own clock is trusted up to as_of and no further: what claims to be of a later day is not counted yet. #}
with orders as (
    select
        *,
        cast(ordered_at as date) as metric_date
    from {{ ref('fct_orders') }}
    where ordered_at <= {{ as_of() }}
),

customers as (
    select
        *,
        cast(created_at as date) as metric_date
    from {{ ref('dim_customers') }}
    where created_at <= {{ as_of() }}
),

ordering as (
    select
        metric_date,
        count_if(not is_cancelled) as orders,
        count_if(is_cancelled) as cancelled_orders,
        count(distinct iff(is_cancelled, null, user_id)) as ordering_customers,
        sum(iff(is_cancelled, 0, units)) as units_sold,
        cast(sum(revenue) as number(38, 2)) as revenue
    from orders
    group by metric_date
),

registering as (
    select
        metric_date,
        count(*) as new_customers
    from customers
    group by metric_date
),

days as (
    select metric_date from ordering
    union
    select metric_date from registering
),

final as (
    select
        days.metric_date,
        cast(coalesce(ordering.orders, 0) as number(10, 0)) as orders,
        cast(coalesce(ordering.cancelled_orders, 0) as number(10, 0)) as cancelled_orders,
        cast(coalesce(ordering.ordering_customers, 0) as number(10, 0)) as ordering_customers,
        cast(coalesce(ordering.units_sold, 0) as number(38, 0)) as units_sold,
        cast(coalesce(ordering.revenue, 0) as number(38, 2)) as revenue,
        {{ exact_quotient('ordering.revenue', 'ordering.orders') }} as average_order_value,
        cast(coalesce(registering.new_customers, 0) as number(10, 0)) as new_customers,
        days.metric_date < cast({{ as_of() }} as date) as is_complete
    from days
    left join ordering on days.metric_date = ordering.metric_date
    left join registering on days.metric_date = registering.metric_date
)

select * from final
