-- name: speed_progress
-- The speed layer's heartbeat: the newest processing time of its three tables, epoch ms; 0 while they hold nothing.
SELECT max(newest) FROM (
    SELECT max(toUnixTimestamp64Milli(processing_time)) AS newest FROM {transactions}
    UNION ALL
    SELECT max(toUnixTimestamp64Milli(processing_time)) FROM {sessions}
    UNION ALL
    SELECT max(toUnixTimestamp64Milli(processing_time)) FROM {events}
);

-- name: speed_columns
-- A table's columns and types as ClickHouse spells them.
SELECT name, type FROM system.columns WHERE database = %(database)s AND table = %(table)s;

-- name: speed_sums
-- Rows and the sum of row hashes per bucket (day, end of the key, judged or not). Written at least once and in update
-- mode, so of each key only the latest version counts; the hash decides between versions of one moment.
WITH latest AS (
    SELECT
        {key_columns},
        argMax(tuple({event_us}, {row_hash}), tuple({version}, {row_hash})) AS latest_row
    FROM {table}
    WHERE toUnixTimestamp64Milli({version}) <= %(processed_ms)s
    GROUP BY {key_columns}
),
placed AS (
    SELECT {suffix} AS suffix, tupleElement(latest_row, 1) AS at_us, tupleElement(latest_row, 2) AS hash_of_row
    FROM latest
)
SELECT
    concat(ifNull(toString({day}), '~'), ':', suffix, if(at_us > %(cutoff_us)s, ':p', ':j')) AS bucket,
    count() AS row_count,
    sum(toUInt128(hash_of_row)) AS hash_sum
FROM placed
WHERE at_us <= %(upper_us)s OR at_us IS NULL
GROUP BY bucket;

-- name: speed_keys
-- Rows and hash per key of some buckets.
WITH latest AS (
    SELECT
        {key_columns},
        argMax(tuple({event_us}, {row_hash}), tuple({version}, {row_hash})) AS latest_row
    FROM {table}
    WHERE toUnixTimestamp64Milli({version}) <= %(processed_ms)s
    GROUP BY {key_columns}
),
placed AS (
    SELECT
        {key} AS row_key,
        {suffix} AS suffix,
        tupleElement(latest_row, 1) AS at_us,
        tupleElement(latest_row, 2) AS hash_of_row
    FROM latest
)
SELECT row_key, 1 AS row_count, hash_of_row
FROM placed
WHERE
    (at_us <= %(upper_us)s OR at_us IS NULL)
    AND concat(ifNull(toString({day}), '~'), ':', suffix, if(at_us > %(cutoff_us)s, ':p', ':j')) IN %(buckets)s;

-- name: speed_rows
-- The latest version of some keys, as canonical texts in the registry's order.
SELECT row_key, tupleElement(latest_row, 1) AS at_us, tupleElement(latest_row, 2) AS texts
FROM (
    SELECT {key} AS row_key, argMax(tuple({event_us}, [{texts}]), tuple({version}, {row_hash})) AS latest_row
    FROM {table}
    WHERE toUnixTimestamp64Milli({version}) <= %(processed_ms)s AND {key} IN %(keys)s
    GROUP BY row_key
);
