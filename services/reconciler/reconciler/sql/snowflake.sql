-- name: mart_columns
-- The columns of a table or view, numbers with precision and scale.
SELECT
    LOWER(COLUMN_NAME),
    CASE
        WHEN DATA_TYPE IN ('NUMBER', 'DECIMAL', 'NUMERIC')
            THEN 'NUMBER(' || NUMERIC_PRECISION || ',' || NUMERIC_SCALE || ')'
        ELSE DATA_TYPE
    END
FROM INFORMATION_SCHEMA.COLUMNS
WHERE TABLE_SCHEMA = %(schema)s AND TABLE_NAME = %(table)s;

-- name: mart_totals
-- In a table's place: daily totals of its rows. A day without a date is NULL.
SELECT
    {group_columns},
    TO_DATE({event_time}) AS DAY,
    DATEADD(DAY, 1, TO_DATE({event_time}))::TIMESTAMP_NTZ AS DAY_END,
    COUNT(*) AS ROW_COUNT,
    {sums}
FROM {table}
WHERE {filter}
GROUP BY {group_columns}, TO_DATE({event_time});

-- name: mart_fingerprints
-- Of settled rows, by the ending of their key: how many, and the sum of Snowflake's own hashes of what is compared,
-- which are never NULL. An unchanged sum says that nothing has changed, for a sixth of what bucket sums cost.
SELECT {ending} AS ENDING, COUNT(*), SUM(HASH({compared_columns}))
FROM {source}
WHERE {filter} AND {event_us} < %(settled_us)s
GROUP BY ENDING;

-- name: mart_placed
-- Rows inside the window with their bucket (day, end of the key, settled, judged or neither), key and hash.
SELECT
    COALESCE(TO_VARCHAR({day}), '~') || ':' || {suffix}
    || CASE WHEN {event_us} > %(cutoff_us)s THEN ':p' WHEN {event_us} < %(settled_us)s THEN ':s' ELSE ':j' END
        AS BUCKET,
    {key} AS ROW_KEY,
    {row_hash} AS HASH_OF_ROW
FROM {source}
WHERE {filter} AND {wanted} AND ({event_us} <= %(upper_us)s OR {event_us} IS NULL);

-- name: mart_sums
-- Rows and the sum of row hashes per bucket.
WITH placed AS ({placed})
SELECT BUCKET, COUNT(*), SUM(HASH_OF_ROW)
FROM placed
GROUP BY BUCKET;

-- name: mart_keys
-- Rows and the sum of row hashes per key of some buckets.
WITH placed AS ({placed})
SELECT ROW_KEY, COUNT(*), SUM(HASH_OF_ROW)
FROM placed
WHERE BUCKET IN (%(buckets)s)
GROUP BY ROW_KEY;

-- name: mart_rows
-- All rows of some keys, as canonical texts in the registry's order.
SELECT {key}, {event_us}, {texts}
FROM {source}
WHERE {filter} AND {key} IN (%(keys)s);

-- name: published
-- The newest publication of a dataset's marts, and whether they leave out flagged rows.
SELECT
    TO_SEQ,
    GENERATION,
    COALESCE(AS_OF_MS, 0),
    (SELECT EXCLUDE_FLAGGED FROM OPS.PUBLISH_LOCK WHERE DATASET = %(dataset)s)
FROM OPS.PUBLISH_LEDGER
WHERE DATASET = %(dataset)s
ORDER BY GENERATION DESC, TO_SEQ DESC
LIMIT 1;

-- name: raw_changes
-- Changes in RAW up to a run.
SELECT COUNT(*) FROM {table} WHERE "_RUN_SEQ" <= %(seq)s;

-- name: staging_totals
-- Rows, deleted rows, and sums over the rows not deleted.
SELECT COUNT(*), COUNT_IF("_DELETED"), {sums}
FROM {table};

-- name: table_totals
-- Rows and sums.
SELECT COUNT(*), {sums}
FROM {table};

-- name: kept_totals
-- The same of the rows that marts without flagged rows are made from.
SELECT COUNT(*), {sums}
FROM {table}
WHERE NOT "_FLAGGED";
