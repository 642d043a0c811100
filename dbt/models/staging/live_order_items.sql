{{ config(materialized='view') }}

with order_items as (
    select * from {{ ref('stg_order_items') }}
),

orders as (
    select
        id,
        _flagged
    from {{ ref('live_orders') }}
),

products as (
    select
        id,
        _flagged
    from {{ ref('live_products') }}
),

final as (
    select
        order_items.id,
        order_items.order_id,
        order_items.product_id,
        order_items.quantity,
        order_items.unit_price,
        order_items.created_at,
        order_items.updated_at,
        order_items._flags,
        order_items._flags is not null or orders._flagged or products._flagged as _flagged,
        order_items._ts_ms,
        order_items._source_ts,
        order_items._run_seq
    from order_items
    inner join orders on order_items.order_id = orders.id
    inner join products on order_items.product_id = products.id
    where not order_items._deleted
)

select * from final
