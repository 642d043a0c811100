with customers as (
    select
        user_id,
        cohort_month
    from {{ ref('customer_lifetime_value') }}
    where cohort_month is not null
),

orders as (
    select
        user_id,
        revenue,
        cast(date_trunc('month', least(ordered_at, {{ as_of() }})) as date) as order_month
    from {{ ref('fct_orders') }}
    where not is_cancelled
),

numbers as (
    {{ numbers() }}
),

cohorts as (
    select
        cohort_month,
        count(*) as customers
    from customers
    group by cohort_month
),

cohort_months as (
    select
        cohorts.cohort_month,
        cohorts.customers,
        numbers.number as months_since
    from cohorts
    cross join numbers
    where numbers.number <= datediff('month', cohorts.cohort_month, {{ as_of() }})
),

ordering as (
    select
        customers.cohort_month,
        datediff('month', customers.cohort_month, orders.order_month) as months_since,
        count(distinct orders.user_id) as active_customers,
        count(*) as orders,
        sum(orders.revenue) as revenue
    from orders
    inner join customers on orders.user_id = customers.user_id
    group by customers.cohort_month, datediff('month', customers.cohort_month, orders.order_month)
),

final as (
    select
        cohort_months.cohort_month,
        cast(cohort_months.months_since as number(10, 0)) as months_since,
        cast(cohort_months.customers as number(10, 0)) as customers,
        cast(coalesce(ordering.active_customers, 0) as number(10, 0)) as active_customers,
        {{ exact_quotient('coalesce(ordering.active_customers, 0) * 100', 'cohort_months.customers') }}
            as retention_percent,
        cast(coalesce(ordering.orders, 0) as number(10, 0)) as orders,
        cast(coalesce(ordering.revenue, 0) as number(38, 2)) as revenue
    from cohort_months
    left join ordering
        on
            cohort_months.cohort_month = ordering.cohort_month
            and cohort_months.months_since = ordering.months_since
)

select * from final
