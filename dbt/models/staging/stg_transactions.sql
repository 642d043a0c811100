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
        cast(transaction_id as varchar) as transaction_id,
        cast(user_id as varchar) as user_id,
        cast(product_id as varchar) as product_id,
        cast(quantity as number(10, 0)) as quantity,
        cast(unit_price as number(10, 2)) as unit_price,
        cast(total_amount as number(10, 2)) as total_amount,
        cast(discount_amount as number(10, 2)) as discount_amount,
        cast(tax_amount as number(10, 2)) as tax_amount,
        cast(status as varchar) as status,
        cast(payment_method as varchar) as payment_method,
        cast(user_tier as varchar) as user_tier,
        cast(created_at as timestamp_ntz(6)) as created_at,
        cast(processing_time as timestamp_ntz(6)) as processing_time,
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
