-- The speed layer's three tables, as the system beside this one has them. All plain MergeTree: written at least once
-- and in update mode, so exact duplicates happen and the row with the latest processing_time counts.
CREATE DATABASE IF NOT EXISTS speed;

CREATE TABLE IF NOT EXISTS speed.transactions_realtime
(
    transaction_id UUID,
    user_id UUID,
    product_id UUID,
    quantity UInt32,
    unit_price Decimal(10, 2),
    total_amount Decimal(10, 2),
    discount_amount Decimal(10, 2),
    tax_amount Decimal(10, 2),
    status LowCardinality(String),
    payment_method LowCardinality(String),
    user_tier LowCardinality(String),
    created_at DateTime64(3),
    processing_time DateTime64(3)
)
ENGINE = MergeTree
PARTITION BY toYYYYMM(created_at)
ORDER BY (created_at, transaction_id, product_id);

CREATE TABLE IF NOT EXISTS speed.user_sessions_realtime
(
    session_id UUID,
    user_id UUID,
    user_tier LowCardinality(String),
    session_start DateTime64(3),
    session_end DateTime64(3),
    session_duration_minutes UInt32,
    page_views UInt32,
    product_views UInt32,
    searches UInt32,
    add_to_cart_events UInt32,
    purchases UInt32,
    total_spent Decimal(10, 2),
    items_purchased UInt32,
    device_type LowCardinality(String),
    browser LowCardinality(String),
    converted_to_purchase Bool,
    processing_time DateTime64(3)
)
ENGINE = MergeTree
PARTITION BY toYYYYMM(session_start)
ORDER BY (session_start, session_id);

CREATE TABLE IF NOT EXISTS speed.user_events_realtime
(
    event_id UUID,
    user_id UUID,
    session_id UUID,
    event_type LowCardinality(String),
    timestamp DateTime64(3),
    device_type LowCardinality(String),
    browser LowCardinality(String),
    ip_address IPv4,
    page_url Nullable(String),
    product_id Nullable(String),
    search_query Nullable(String),
    transaction_id Nullable(UUID),
    user_tier LowCardinality(String),
    properties String,
    processing_time DateTime64(3),
    batch_id UInt64
)
ENGINE = MergeTree
PARTITION BY toYYYYMM(timestamp)
ORDER BY (timestamp, event_id);
