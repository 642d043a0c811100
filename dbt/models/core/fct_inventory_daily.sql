with products as (
    select product_id from {{ ref('dim_products') }}
),

versions as (
    select stg_product_versions.*
    from {{ ref('stg_product_versions') }} as stg_product_versions
    inner join products on stg_product_versions.id = products.product_id
),

dates as (
    select date_day from {{ ref('dim_dates') }}
),

order_items as (
    select * from {{ ref('fct_order_items') }}
),

{# A first version tells of the stock since its row's last update, not since the product was entered. #}
known as (
    select
        *,
        cast(
            iff(
                _version = 1,
                greatest(valid_from, {{ updated_until_commit() }}),
                valid_from
            ) as date
        ) as known_from
    from versions
),

first_days as (
    select
        id as product_id,
        min(known_from) as first_day
    from known
    group by id
),

changed_days as (
    select
        id as product_id,
        known_from as date_day,
        max(_version) as last_version
    from known
    group by id, known_from
),

{# What was known before the calendar begins stands on its first day, so that it is carried on from there. #}
calendar as (
    select min(date_day) as first_day
    from dates
),

placed as (
    select
        changed_days.product_id,
        greatest(changed_days.date_day, calendar.first_day) as date_day,
        max(changed_days.last_version) as last_version
    from changed_days
    cross join calendar
    group by changed_days.product_id, greatest(changed_days.date_day, calendar.first_day)
),

product_days as (
    select
        first_days.product_id,
        dates.date_day
    from first_days
    inner join dates on first_days.first_day <= dates.date_day
),

{# Versions only count up, so the highest one so far is the one at the day's end. #}
filled as (
    select
        product_days.product_id,
        product_days.date_day,
        max(placed.last_version) over (
            partition by product_days.product_id
            order by product_days.date_day
            rows between unbounded preceding and current row
        ) as version_at_end
    from product_days
    left join placed
        on
            product_days.product_id = placed.product_id
            and product_days.date_day = placed.date_day
),

sold as (
    select
        product_id,
        cast(ordered_at as date) as date_day,
        sum(units_sold) as units_sold
    from order_items
    group by product_id, cast(ordered_at as date)
),

final as (
    select
        filled.product_id,
        filled.date_day,
        known.stock_quantity,
        cast(coalesce(sold.units_sold, 0) as number(38, 0)) as units_sold,
        coalesce(known.stock_quantity <= 0, false) as is_stock_out
    from filled
    inner join known
        on
            filled.product_id = known.id
            and filled.version_at_end = known._version
    left join sold
        on
            filled.product_id = sold.product_id
            and filled.date_day = sold.date_day
    where not known._deleted
)

select * from final
