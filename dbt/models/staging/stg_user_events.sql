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
        event_id,
        user_id,
        session_id,
        event_type,
        timestamp,
        device_type,
        browser,
        ip_address,
        page_url,
        product_id,
        search_query,
        transaction_id,
        user_tier,
        properties,
        processing_time,
        batch_id,
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
