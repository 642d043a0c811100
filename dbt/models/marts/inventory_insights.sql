with products as (
    select
        *,
        greatest(1, coalesce(datediff('day', least(created_at, {{ as_of() }}), {{ as_of() }}), 90)) as days_on_sale
    from {{ ref('dim_products') }}
),

order_items as (
    select
        *,
        datediff('millisecond', ordered_at, {{ as_of() }}) as milliseconds_ago
    from {{ ref('fct_order_items') }}
    where ordered_at <= {{ as_of() }}
),

inventory as (
    select * from {{ ref('fct_inventory_daily') }}
),

{# Days are 24 hours back from as_of, 0 the newest, so that no window holds half a day. #}
aged as (
    select
        product_id,
        units_sold,
        (milliseconds_ago - mod(milliseconds_ago, 86400000)) / 86400000 as days_ago
    from order_items
),

sold_in_days as (
    select
        product_id,
        days_ago,
        sum(units_sold) as units
    from aged
    where days_ago < 90
    group by product_id, days_ago
),

sold as (
    select
        product_id,
        sum(iff(days_ago < 7, units, 0)) as units_7_days,
        sum(iff(days_ago < 28, units, 0)) as units_28_days,
        sum(iff(days_ago >= 28 and days_ago < 56, units, 0)) as units_28_days_before,
        sum(units) as units_90_days,
        sum(units * units) as squared_units_90_days
    from sold_in_days
    group by product_id
),

stock as (
    select
        product_id,
        count_if(
            is_stock_out and date_day > cast(dateadd('day', -28, {{ as_of() }}) as date)
        ) as stock_out_days_28_days,
        max(
            iff(date_day = cast(dateadd('day', -28, {{ as_of() }}) as date), stock_quantity, null)
        ) as stock_28_days_ago
    from inventory
    group by product_id
),

measured as (
    select
        products.*,
        stock.stock_28_days_ago,
        least(products.days_on_sale, 7) as days_of_7,
        least(products.days_on_sale, 28) as days_of_28,
        least(products.days_on_sale, 90) as days_of_90,
        coalesce(stock.stock_out_days_28_days, 0) as stock_out_days_28_days,
        coalesce(sold.units_7_days, 0) as units_7_days,
        coalesce(sold.units_28_days, 0) as units_28_days,
        coalesce(sold.units_28_days_before, 0) as units_28_days_before,
        coalesce(sold.units_90_days, 0) as units_90_days,
        coalesce(sold.squared_units_90_days, 0) as squared_units_90_days
    from products
    left join sold on products.product_id = sold.product_id
    left join stock on products.product_id = stock.product_id
),

{# Mean demand in the lead time, and safety stock for its deviation, both from the demand per day of 90 days; and what
   nobody buys. #}
planned as (
    select
        *,
        cast(
            ceil(
                round(
                    cast(units_90_days * {{ var('lead_time_days') }} as double) / days_of_90
                    + {{ service_factor() }} * sqrt(
                        cast({{ var('lead_time_days') }} as double)
                        * greatest(days_of_90 * squared_units_90_days - units_90_days * units_90_days, 0)
                    ) / days_of_90, 6
                )
            ) as number(38, 0)
        ) as reorder_point,
        coalesce(stock_quantity > 0 and units_90_days = 0 and days_on_sale >= 90, false) as is_dead_stock
    from measured
),

final as (
    select
        product_id,
        name,
        category,
        stock_quantity,
        cast(stock_quantity - stock_28_days_ago as number(38, 0)) as stock_change_28_days,
        cast(units_7_days as number(38, 0)) as units_7_days,
        cast(units_28_days as number(38, 0)) as units_28_days,
        cast(units_90_days as number(38, 0)) as units_90_days,
        {{ exact_quotient('units_7_days', 'days_of_7') }} as demand_per_day_7_days,
        {{ exact_quotient('units_28_days', 'days_of_28') }} as demand_per_day_28_days,
        {{ exact_quotient('units_90_days', 'days_of_90') }} as demand_per_day_90_days,
        {{ exact_quotient('(units_28_days - units_28_days_before) * 100', 'units_28_days_before') }}
            as demand_trend_percent,
        {{ exact_quotient('stock_quantity * days_of_28', 'units_28_days') }} as days_of_cover,
        cast(stock_out_days_28_days as number(10, 0)) as stock_out_days_28_days,
        reorder_point,
        coalesce(units_90_days > 0 and stock_quantity <= reorder_point, false) as is_to_reorder,
        is_dead_stock,
        cast(iff(is_dead_stock, stock_quantity * price, 0) as number(38, 2)) as dead_stock_value
    from planned
)

select * from final
