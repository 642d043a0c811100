with transactions as (
    select * from {{ ref('stg_transactions') }}
),

final as (
    select
        transaction_id,
        product_id,
        user_id,
        quantity,
        unit_price,
        total_amount,
        discount_amount,
        tax_amount,
        status,
        payment_method,
        user_tier,
        created_at,
        processing_time,
        _flags as flags
    from transactions
    where not _deleted
)

select * from final
