{{ config(materialized='view') }}

with orders as (
    select * from {{ ref('stg_orders') }}
),

users as (
    select
        id,
        _flagged
    from {{ ref('live_users') }}
),

final as (
    select
        orders.id,
        orders.user_id,
        orders.status,
        orders.total_amount,
        orders.shipping_address,
        orders.created_at,
        orders.updated_at,
        orders._flags,
        orders._flags is not null or users._flagged as _flagged,
        orders._ts_ms,
        orders._source_ts,
        orders._run_seq
    from orders
    inner join users on orders.user_id = users.id
    where not orders._deleted
)

select * from final
