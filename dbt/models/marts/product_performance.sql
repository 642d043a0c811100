with products as (
    select * from {{ ref('dim_products') }}
),

order_items as (
    select * from {{ ref('fct_order_items') }}
),

sold as (
    select
        product_id,
        count(distinct iff(is_cancelled, null, order_id)) as orders,
        sum(units_sold) as units_sold,
        sum(iff(is_cancelled, quantity, 0)) as cancelled_units,
        sum(quantity) as ordered_units,
        cast(sum(revenue) as number(38, 2)) as revenue,
        min(iff(is_cancelled, null, ordered_at)) as first_sold_at,
        max(iff(is_cancelled, null, ordered_at)) as last_sold_at
    from order_items
    group by product_id
),

final as (
    select
        products.product_id,
        products.name,
        products.category,
        products.price,
        products.stock_quantity,
        cast(coalesce(sold.orders, 0) as number(10, 0)) as orders,
        cast(coalesce(sold.units_sold, 0) as number(38, 0)) as units_sold,
        cast(coalesce(sold.revenue, 0) as number(38, 2)) as revenue,
        {{ exact_quotient('sold.revenue', 'sold.units_sold') }} as average_unit_price,
        cast(coalesce(sold.cancelled_units, 0) as number(38, 0)) as cancelled_units,
        {{ exact_quotient('sold.cancelled_units * 100', 'sold.ordered_units') }} as cancelled_percent,
        sold.first_sold_at,
        sold.last_sold_at,
        products.flags
    from products
    left join sold on products.product_id = sold.product_id
)

select * from final
