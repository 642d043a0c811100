with orders as (
    select * from {{ ref('live_orders') }}
),

numbers as (
    {{ numbers() }}
),

{# A row's own clock is trusted for ten years back, and up to as_of. #}
bounds as (
    select
        cast({{ as_of() }} as date) as last_day,
        greatest(
            least(coalesce(cast(min(created_at) as date), cast({{ as_of() }} as date)), cast({{ as_of() }} as date)),
            cast(dateadd('year', -10, {{ as_of() }}) as date)
        ) as first_day
    from orders
),

days as (
    select cast(dateadd('day', numbers.number, bounds.first_day) as date) as date_day
    from bounds
    cross join numbers
    where numbers.number <= datediff('day', bounds.first_day, bounds.last_day)
),

final as (
    select
        date_day,
        cast(dayofweekiso(date_day) as number(10, 0)) as weekday,
        case dayofweekiso(date_day)
            when 1 then 'Monday'
            when 2 then 'Tuesday'
            when 3 then 'Wednesday'
            when 4 then 'Thursday'
            when 5 then 'Friday'
            when 6 then 'Saturday'
            else 'Sunday'
        end as weekday_name,
        dayofweekiso(date_day) >= 6 as is_weekend,
        cast(weekiso(date_day) as number(10, 0)) as iso_week,
        cast(yearofweekiso(date_day) as number(10, 0)) as iso_year,
        cast(month(date_day) as number(10, 0)) as month,
        cast(quarter(date_day) as number(10, 0)) as quarter,
        cast(year(date_day) as number(10, 0)) as year
    from days
)

select * from final
