with order_items as (
    select *
    from {{ ref('live_order_items') }}
    where {{ kept('_flagged') }}
),

orders as (
    select * from {{ ref('live_orders') }}
),

priced as (
    select
        order_items.id as order_item_id,
        order_items.order_id,
        order_items.product_id,
        orders.user_id,
        orders.created_at as ordered_at,
        order_items.quantity,
        order_items.unit_price,
        cast(order_items.quantity * order_items.unit_price as number(38, 2)) as line_amount,
        coalesce(orders.status = 'cancelled', false) as is_cancelled,
        {{ joined_flags('order_items._flags', 'orders._flags') }} as flags
    from order_items
    inner join orders on order_items.order_id = orders.id
),

final as (
    select
        order_item_id,
        order_id,
        product_id,
        user_id,
        ordered_at,
        quantity,
        unit_price,
        line_amount,
        is_cancelled,
        iff(is_cancelled, 0, quantity) as units_sold,
        cast(iff(is_cancelled, 0, line_amount) as number(38, 2)) as revenue,
        flags
    from priced
)

select * from final
