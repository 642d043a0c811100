{{ config(unique_key=['event_id']) }}

with changes as (
    {{ changes_of_window('user_events', ['event_id']) }}
),

latest as (
    {{ latest_arrival('changes', ['event_id'], [
        'event_id',
        'user_id',
        'session_id',
        'event_type',
        'timestamp',
        'device_type',
        'browser',
        'ip_address',
        'page_url',
        'product_id',
        'search_query',
        'transaction_id',
        'user_tier',
        'properties',
        'processing_time',
        'batch_id',
    ]) }}
),

final as (
    select
        cast(event_id as varchar) as event_id,
        cast(user_id as varchar) as user_id,
        cast(session_id as varchar) as session_id,
        cast(event_type as varchar) as event_type,
        cast(timestamp as timestamp_ntz(6)) as timestamp,
        cast(device_type as varchar) as device_type,
        cast(browser as varchar) as browser,
        cast(ip_address as varchar) as ip_address,
        cast(page_url as varchar) as page_url,
        cast(product_id as varchar) as product_id,
        cast(search_query as varchar) as search_query,
        cast(transaction_id as varchar) as transaction_id,
        cast(user_tier as varchar) as user_tier,
        cast(properties as varchar) as properties,
        cast(processing_time as timestamp_ntz(6)) as processing_time,
        cast(batch_id as number(19, 0)) as batch_id,
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
