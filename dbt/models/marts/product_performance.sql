with products as (
    select * from {{ ref('dim_products') }}
),

order_items as (
    select * from {{ ref('fct_order_items') }}
),

returns as (
    select distinct order_id
    from {{ ref('fct_order_status_transitions') }}
    where is_return
),

products_of_orders as (
    select
        order_id,
        count(distinct product_id) as products
    from order_items
    group by order_id
),

judged as (
    select
        order_items.*,
        products_of_orders.products as products_of_order,
        returns.order_id is not null as is_returned,
        coalesce(
            order_items.ordered_at > dateadd('day', -28, {{ as_of() }})
            and order_items.ordered_at <= {{ as_of() }}, false
        ) as is_of_28_days,
        coalesce(
            order_items.ordered_at > dateadd('day', -56, {{ as_of() }})
            and order_items.ordered_at <= dateadd('day', -28, {{ as_of() }}), false
        ) as is_of_28_days_before
    from order_items
    inner join products_of_orders on order_items.order_id = products_of_orders.order_id
    left join returns on order_items.order_id = returns.order_id
),

sold as (
    select
        product_id,
        count(distinct iff(is_cancelled, null, order_id)) as orders,
        count(distinct iff(is_cancelled or products_of_order = 1, null, order_id)) as orders_with_others,
        sum(units_sold) as units_sold,
        sum(iff(is_cancelled, quantity, 0)) as cancelled_units,
        sum(iff(is_returned, quantity, 0)) as returned_units,
        sum(quantity) as ordered_units,
        cast(sum(revenue) as number(38, 2)) as item_revenue,
        cast(sum(iff(list_price is null, 0, revenue)) as number(38, 2)) as listed_revenue,
        cast(sum(units_sold * list_price) as number(38, 2)) as list_amount,
        cast(sum(iff(is_of_28_days, revenue, 0)) as number(38, 2)) as item_revenue_28_days,
        cast(sum(iff(is_of_28_days_before, revenue, 0)) as number(38, 2)) as item_revenue_28_days_before,
        min(iff(is_cancelled, null, ordered_at)) as first_sold_at,
        max(iff(is_cancelled, null, ordered_at)) as last_sold_at
    from judged
    group by product_id
),

measured as (
    select
        products.*,
        sold.orders,
        sold.orders_with_others,
        sold.cancelled_units,
        sold.returned_units,
        sold.ordered_units,
        sold.listed_revenue,
        sold.list_amount,
        sold.first_sold_at,
        sold.last_sold_at,
        coalesce(sold.units_sold, 0) as units_sold,
        coalesce(sold.item_revenue, 0) as item_revenue,
        coalesce(sold.item_revenue_28_days, 0) as item_revenue_28_days,
        coalesce(sold.item_revenue_28_days_before, 0) as item_revenue_28_days_before
    from products
    left join sold on products.product_id = sold.product_id
),

ranked as (
    select
        *,
        row_number() over (partition by category order by item_revenue desc, units_sold desc, product_id asc) as place,
        sum(item_revenue) over (
            order by item_revenue desc, product_id asc rows between unbounded preceding and current row
        ) - item_revenue as revenue_before,
        sum(item_revenue) over () as revenue_of_all
    from measured
),

final as (
    select
        product_id,
        name,
        category,
        price,
        stock_quantity,
        cast(coalesce(orders, 0) as number(10, 0)) as orders,
        cast(units_sold as number(38, 0)) as units_sold,
        cast(item_revenue as number(38, 2)) as item_revenue,
        {{ exact_quotient('item_revenue', 'units_sold') }} as average_unit_price,
        {{ exact_quotient('listed_revenue * 100', 'list_amount') }} as price_realised_percent,
        {{ exact_quotient('orders_with_others * 100', 'orders') }} as attach_rate_percent,
        cast(coalesce(cancelled_units, 0) as number(38, 0)) as cancelled_units,
        {{ exact_quotient('cancelled_units * 100', 'ordered_units') }} as cancelled_percent,
        cast(coalesce(returned_units, 0) as number(38, 0)) as returned_units,
        {{ exact_quotient('returned_units * 100', 'ordered_units') }} as returned_percent,
        cast(place as number(10, 0)) as rank_in_category,
        cast(item_revenue_28_days as number(38, 2)) as item_revenue_28_days,
        cast(item_revenue_28_days_before as number(38, 2)) as item_revenue_28_days_before,
        {{ exact_quotient(
            '(item_revenue_28_days - item_revenue_28_days_before) * 100', 'item_revenue_28_days_before'
        ) }} as revenue_trend_percent,
        case
            when item_revenue <= 0 then 'C'
            when revenue_before * 100 < revenue_of_all * 80 then 'A'
            when revenue_before * 100 < revenue_of_all * 95 then 'B'
            else 'C'
        end as abc_class,
        first_sold_at,
        last_sold_at,
        flags
    from ranked
)

select * from final
