with transitions as (
    select * from {{ ref('fct_order_status_transitions') }}
),

known_statuses as (
    select 'pending' as status
    union all
    select 'processing' as status
    union all
    select 'shipped' as status
    union all
    select 'delivered' as status
    union all
    select 'cancelled' as status
),

named as (
    select
        *,
        coalesce(to_status, 'none') as status,
        lead(to_status) over (partition by order_id order by step) as next_status
    from transitions
),

statuses as (
    select status from known_statuses
    union
    select status from named
),

{# Stays whose beginning and end are known. #}
placed as (
    select
        status,
        hours_in_status,
        row_number() over (partition by status order by hours_in_status, order_id, step) as place,
        count(*) over (partition by status) as places
    from named
    where
        is_moment_known
        and left_at is not null
),

stays as (
    select
        status,
        {{ nearest_rank('hours_in_status', 50, 'place', 'places') }} as median_hours,
        {{ nearest_rank('hours_in_status', 90, 'place', 'places') }} as p90_hours
    from placed
    group by status
),

counted as (
    select
        named.status,
        count(distinct named.order_id) as orders_reached,
        count_if(named.left_at is null) as orders_now,
        count_if(named.left_at is not null) as orders_left,
        count_if(named.left_at is not null and coalesce(named.next_status = 'cancelled', false)) as cancelled_orders,
        count_if(
            named.left_at is null
            and named.status not in ('delivered', 'cancelled')
            and datediff('millisecond', named.changed_at, {{ as_of() }}) > stays.p90_hours * 2 * 3600000
        ) as stuck_orders
    from named
    left join stays on named.status = stays.status
    group by named.status
),

total as (
    select count(distinct order_id) as orders
    from transitions
),

final as (
    select
        statuses.status,
        cast({{ status_place('statuses.status') }} as number(10, 0)) as place,
        cast(coalesce(counted.orders_now, 0) as number(10, 0)) as orders_now,
        cast(coalesce(counted.orders_reached, 0) as number(10, 0)) as orders_reached,
        {{ exact_quotient('coalesce(counted.orders_reached, 0) * 100', 'total.orders') }} as reached_percent,
        stays.median_hours as hours_median,
        stays.p90_hours as hours_p90,
        cast(coalesce(counted.cancelled_orders, 0) as number(10, 0)) as cancellations_from,
        {{ exact_quotient('counted.cancelled_orders * 100', 'counted.orders_left') }} as cancellations_from_percent,
        iff(
            statuses.status in ('delivered', 'cancelled'), null, cast(stays.p90_hours * 2 as number(38, 2))
        ) as stuck_after_hours,
        cast(coalesce(counted.stuck_orders, 0) as number(10, 0)) as stuck_orders
    from statuses
    cross join total
    left join counted on statuses.status = counted.status
    left join stays on statuses.status = stays.status
)

select * from final
