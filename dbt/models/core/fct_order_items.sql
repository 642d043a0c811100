with order_items as (
    select *
    from {{ ref('live_order_items') }}
    where {{ kept('_flagged') }}
),

orders as (
    select * from {{ ref('live_orders') }}
),

{# The price that was valid at a time: each one counts until the next begins, the first one before it too. #}
list_prices as (
    select
        product_id,
        price as list_price,
        iff(version = 1, null, valid_from) as counts_from,
        lead(valid_from) over (partition by product_id order by version) as counts_to
    from {{ ref('dim_products_history') }}
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
        list_prices.list_price,
        cast(order_items.quantity * order_items.unit_price as number(38, 2)) as line_amount,
        coalesce(orders.status = 'cancelled', false) as is_cancelled,
        {{ joined_flags('order_items._flags', 'orders._flags') }} as flags
    from order_items
    inner join orders on order_items.order_id = orders.id
    left join list_prices
        on
            order_items.product_id = list_prices.product_id
            and (list_prices.counts_from is null or orders.created_at >= list_prices.counts_from)
            and (list_prices.counts_to is null or orders.created_at < list_prices.counts_to)
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
        list_price,
        line_amount,
        is_cancelled,
        iff(is_cancelled, 0, quantity) as units_sold,
        cast(iff(is_cancelled, 0, line_amount) as number(38, 2)) as revenue,
        flags
    from priced
)

select * from final
