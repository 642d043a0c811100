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

-- name: speed_totals
-- In a table's place: daily totals of the latest version of each of its keys. A day without a date is NULL.
SELECT
    {group_columns},
    toDate32(read_at) AS day,
    toDateTime64(day + 1, 6, 'UTC') AS day_end,
    count() AS row_count,
    {sums},
    max(read_version) AS {version}
FROM (
    SELECT {base_columns}, toTimeZone({event_time}, 'UTC') AS read_at, {version} AS read_version
    FROM {table}
    WHERE toUnixTimestamp64Milli({version}) <= %(processed_ms)s
    ORDER BY {key_columns}, {version} DESC, {base_columns}
    LIMIT 1 BY {key_columns}
)
GROUP BY {group_columns}, day, day_end;

-- name: speed_unsettled
-- Keys that have a version in days that are not settled, as hashes, which are never NULL.
SELECT {key_hash}
FROM {source}
WHERE
    toUnixTimestamp64Milli({version}) <= %(processed_ms)s
    AND ifNull({event_us}, 9223372036854775807) >= %(settled_us)s;

-- name: speed_fingerprints
-- Of settled keys, by their ending: how many versions, and the sum of ClickHouse's own hashes of what is compared (of a
-- tuple, for of bare values the hash of a NULL is NULL). An unchanged sum says that nothing has changed, for a sixth of
-- what bucket sums cost.
SELECT
    {ending} AS tidemark_ending, -- an alias stands before a column of its name
    count() AS tidemark_rows,
    sum(cityHash64(tuple({compared_columns}, {version}))) AS tidemark_hashes
FROM {source}
WHERE toUnixTimestamp64Milli({version}) <= %(processed_ms)s AND {key_hash} NOT IN ({unsettled})
GROUP BY tidemark_ending;

-- name: speed_latest
-- Of each key the latest version's event time, bucket (day, end of the key, settled, judged or neither) and hash.
-- Written at least once and in update mode, so that versions and exact repeats are usual; a key whose latest version says
-- two things is doubled, with the largest and the smallest hash of what it says. Version and hash share one number,
-- because an aggregate of numbers needs a quarter of the memory.
SELECT
    {key_columns},
    {suffix} AS suffix,
    max(ifNull(read_us, 9223372036854775807)) < %(settled_us)s AS is_settled,
    nullIf(argMax(ifNull(read_us, -9223372036854775808), largest), -9223372036854775808) AS at_us,
    if(at_us > %(cutoff_us)s, ':p', if(is_settled, ':s', ':j')) AS standing,
    concat(ifNull(toString({day}), '~'), ':', suffix, standing) AS bucket,
    toUInt64(bitAnd(max(largest), 1152921504606846975)) AS hash_of_row,
    1152921504606846975 - toUInt64(bitAnd(max(smallest), 1152921504606846975)) AS other_hash,
    hash_of_row != other_hash AS is_doubled,
    1 + is_doubled AS rows_of_key,
    toUInt128(hash_of_row) + if(is_doubled, other_hash, 0) AS hash_of_key
FROM (
    SELECT
        {key_columns},
        {event_us} AS read_us,
        {row_hash} AS read_hash,
        bitShiftLeft(toInt128(toUnixTimestamp64Micro({version})), 64) AS read_version,
        read_version + read_hash AS largest,
        read_version + 1152921504606846975 - read_hash AS smallest
    FROM {source}
    WHERE toUnixTimestamp64Milli({version}) <= %(processed_ms)s AND {wanted}
)
GROUP BY {key_columns};

-- name: speed_sums
-- Rows and the sum of row hashes per bucket.
SELECT
    bucket,
    sum(rows_of_key) AS row_count,
    sum(hash_of_key) AS hash_sum
FROM ({latest})
WHERE at_us <= %(upper_us)s OR at_us IS NULL
GROUP BY bucket;

-- name: speed_keys
-- Rows and hash per key of some buckets.
SELECT {key} AS row_key, rows_of_key, hash_of_key
FROM ({latest})
WHERE (at_us <= %(upper_us)s OR at_us IS NULL) AND bucket IN %(buckets)s;

-- name: speed_rows
-- The latest version of some keys, as canonical texts in the registry's order; more than one row if it says two things.
SELECT DISTINCT row_key, at_us, texts
FROM (
    SELECT
        {key} AS row_key,
        {event_us} AS at_us,
        [{texts}] AS texts,
        {version} AS read_version,
        max(read_version) OVER (PARTITION BY row_key) AS newest
    FROM {source}
    WHERE toUnixTimestamp64Milli({version}) <= %(processed_ms)s AND {key} IN %(keys)s
)
WHERE read_version = newest;
