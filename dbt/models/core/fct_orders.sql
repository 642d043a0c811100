with orders as (
    select *
    from {{ ref('live_orders') }}
    where {{ kept('_flagged') }}
),

order_items as (
    select * from {{ ref('fct_order_items') }}
),

contents as (
    select
        order_id,
        count(*) as items,
        sum(quantity) as units,
        sum(line_amount) as items_amount
    from order_items
    group by order_id
),

statused as (
    select
        *,
        coalesce(status = 'cancelled', false) as is_cancelled
    from orders
),

final as (
    select
        statused.id as order_id,
        statused.user_id,
        statused.status,
        statused.is_cancelled,
        statused.total_amount,
        cast(iff(statused.is_cancelled, 0, statused.total_amount) as number(38, 2)) as revenue,
        cast(coalesce(contents.items, 0) as number(10, 0)) as items,
        cast(coalesce(contents.units, 0) as number(38, 0)) as units,
        cast(coalesce(contents.items_amount, 0) as number(38, 2)) as items_amount,
        statused.shipping_address,
        statused.created_at as ordered_at,
        statused.updated_at,
        statused._flags as flags
    from statused
    left join contents on statused.id = contents.order_id
)

select * from final
