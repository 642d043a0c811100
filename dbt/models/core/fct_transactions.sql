{{ config(
    materialized='incremental',
    incremental_strategy='append',
    pre_hook="
        delete from {{ this }}
        where (transaction_id, product_id) in ({{ touched_keys('transactions', ['transaction_id', 'product_id']) }})
    "
) }}

with transactions as (
    select *
    from {{ ref('stg_transactions') }}
    {% if is_incremental() %}
    where (transaction_id, product_id) in ({{ touched_keys('transactions', ['transaction_id', 'product_id']) }})
    {% endif %}
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
