{# Of an increment the days of a touched product are made anew, of any other product those that are not there. #}
{{ config(
    materialized='incremental',
    incremental_strategy='append',
    pre_hook="
        delete from {{ this }}
        where
            date_day not in (select date_day from {{ ref('dim_dates') }})
            or product_id not in (select product_id from {{ ref('dim_products') }})
            or product_id in ({{ touched_keys('products', ['id']) }})
            or product_id in (
                select there.product_id
                from {{ this }} as there
                left join ({{ units_sold_daily() }}) as sold
                    on
                        there.product_id = sold.product_id
                        and there.date_day = sold.date_day
                where there.units_sold != coalesce(sold.units_sold, 0)
            )
    "
) }}

with products as (
    select product_id from {{ ref('dim_products') }}
),

{# The stretch of days that is there, by product. #}
there as (
    {% if is_incremental() %}
    select
        product_id,
        min(date_day) as first_day,
        max(date_day) as last_day
    from {{ this }}
    group by product_id
    {% else %}
    select
        product_id,
        cast(null as date) as first_day,
        cast(null as date) as last_day
    from products
    {% endif %}
),

versions as (
    select stg_product_versions.*
    from {{ ref('stg_product_versions') }} as stg_product_versions
    inner join products on stg_product_versions.id = products.product_id
),

dates as (
    select date_day from {{ ref('dim_dates') }}
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

within_calendar as (
    select
        changed_days.product_id,
        changed_days.last_version,
        greatest(changed_days.date_day, calendar.first_day) as date_day
    from changed_days
    cross join calendar
),

{# What is known of days that are there stands on the next day after them. #}
placed as (
    select
        within_calendar.product_id,
        iff(
            within_calendar.date_day between there.first_day and there.last_day,
            cast(dateadd('day', 1, there.last_day) as date),
            within_calendar.date_day
        ) as placed_on,
        max(within_calendar.last_version) as last_version
    from within_calendar
    left join there on within_calendar.product_id = there.product_id
    group by within_calendar.product_id, placed_on
),

product_days as (
    select
        first_days.product_id,
        dates.date_day
    from first_days
    inner join dates on first_days.first_day <= dates.date_day
    left join there on first_days.product_id = there.product_id
    where
        there.first_day is null
        or dates.date_day < there.first_day
        or dates.date_day > there.last_day
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
            and product_days.date_day = placed.placed_on
),

sold as (
    {{ units_sold_daily() }}
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
