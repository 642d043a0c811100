with products as (
    select * from {{ ref('live_products') }}
),

final as (
    select
        id as product_id,
        name,
        description,
        category,
        price,
        stock_quantity,
        created_at,
        updated_at,
        _flags as flags
    from products
    where {{ kept('_flagged') }}
)

select * from final
