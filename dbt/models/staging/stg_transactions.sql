{{ config(unique_key=['transaction_id', 'product_id']) }}

with changes as (
    {{ changes_of_window('transactions', ['transaction_id', 'product_id']) }}
),

latest as (
    {{ latest_arrival('changes', ['transaction_id', 'product_id'], [
        'transaction_id',
        'user_id',
        'product_id',
        'quantity',
        'unit_price',
        'total_amount',
        'discount_amount',
        'tax_amount',
        'status',
        'payment_method',
        'user_tier',
        'created_at',
        'processing_time',
    ]) }}
),

final as (
    select
        transaction_id,
        user_id,
        product_id,
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
        _op,
        _lsn,
        _ts_ms,
        _source_ts,
        _flags,
        _run_seq,
        _op = 'd' as _deleted
    from latest
)

select * from final
