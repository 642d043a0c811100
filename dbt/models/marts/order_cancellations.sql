with orders as (
    select
        *,
        case
            when total_amount < 25 then 0
            when total_amount < 50 then 25
            when total_amount < 100 then 50
            when total_amount < 250 then 100
            when total_amount < 500 then 250
            else 500
        end as value_from
    from {{ ref('fct_orders') }}
),

{# The status that an order was cancelled from last; none when it was first seen cancelled. #}
cancellations as (
    select
        order_id,
        coalesce(from_status, 'not seen') as cancelled_from
    from {{ ref('fct_order_status_transitions') }}
    where to_status = 'cancelled'
    qualify row_number() over (partition by order_id order by step desc) = 1
),

bands as (
    select
        value_from,
        count(*) as orders_in_band
    from orders
    group by value_from
),

cancelled as (
    select
        orders.value_from,
        coalesce(cancellations.cancelled_from, 'not seen') as cancelled_from,
        count(*) as cancelled_orders,
        sum(orders.total_amount) as cancelled_amount
    from orders
    left join cancellations on orders.order_id = cancellations.order_id
    where orders.is_cancelled
    group by orders.value_from, coalesce(cancellations.cancelled_from, 'not seen')
),

final as (
    select
        cast(cancelled.value_from as number(10, 0)) as value_from,
        cancelled.cancelled_from,
        cast(bands.orders_in_band as number(10, 0)) as orders_in_band,
        cast(cancelled.cancelled_orders as number(10, 0)) as cancelled_orders,
        cast(cancelled.cancelled_amount as number(38, 2)) as cancelled_amount,
        {{ exact_quotient('cancelled.cancelled_orders * 100', 'bands.orders_in_band') }} as cancelled_of_band_percent
    from cancelled
    inner join bands on cancelled.value_from = bands.value_from
)

select * from final
