with orders as (
    select
        *,
        {{ region_of('shipping_address') }} as region,
        dayofweekiso(cast(ordered_at as date)) as weekday
    from {{ ref('fct_orders') }}
    where ordered_at <= {{ as_of() }}
),

transitions as (
    select * from {{ ref('fct_order_status_transitions') }}
),

{# Only what was seen to happen: of an order first seen as shipped nobody knows when that was. #}
moments as (
    select
        order_id,
        min(iff(to_status = 'shipped', changed_at, null)) as shipped_at,
        min(iff(to_status = 'delivered', changed_at, null)) as delivered_at
    from transitions
    where is_moment_known
    group by order_id
),

timed as (
    select
        orders.*,
        iff(
            moments.shipped_at >= orders.ordered_at,
            datediff('millisecond', orders.ordered_at, moments.shipped_at), null
        ) as milliseconds_to_ship,
        iff(
            moments.delivered_at >= moments.shipped_at,
            datediff('millisecond', moments.shipped_at, moments.delivered_at), null
        ) as milliseconds_to_deliver
    from orders
    left join moments on orders.order_id = moments.order_id
),

final as (
    select
        region,
        cast(weekday as number(10, 0)) as weekday,
        cast(count_if(not is_cancelled) as number(10, 0)) as orders,
        cast(count_if(is_cancelled) as number(10, 0)) as cancelled_orders,
        cast(sum(iff(is_cancelled, 0, units)) as number(38, 0)) as units_sold,
        cast(count(milliseconds_to_ship) as number(10, 0)) as shipments_timed,
        {{ exact_quotient('sum(milliseconds_to_ship)', '(count(milliseconds_to_ship) * 3600000)') }} as hours_to_ship,
        cast(count(milliseconds_to_deliver) as number(10, 0)) as deliveries_timed,
        {{ exact_quotient('sum(milliseconds_to_deliver)', '(count(milliseconds_to_deliver) * 3600000)') }}
            as hours_to_deliver
    from timed
    group by region, weekday
)

select * from final
