{{ config(materialized='view') }}

with products as (
    select * from {{ ref('stg_products') }}
),

final as (
    select
        id,
        name,
        description,
        price,
        stock_quantity,
        category,
        created_at,
        updated_at,
        _flags,
        _flags is not null as _flagged,
        _ts_ms,
        _source_ts,
        _run_seq
    from products
    where not _deleted
)

select * from final
