-- name: newest_run
-- The newest comparison of some datasets.
SELECT RUN_ID
FROM OPS.RECONCILIATION_RUN
WHERE DATASET IN (%(datasets)s)
ORDER BY RECORDED_MS DESC, RUN_SEQ DESC
LIMIT 1;

-- name: run_of_seq
-- A run by its number in the dataset, of the newest generation that has one.
SELECT RUN_ID
FROM OPS.RECONCILIATION_RUN
WHERE DATASET = %(dataset)s AND RUN_SEQ = %(run_seq)s
ORDER BY GENERATION DESC
LIMIT 1;

-- name: history_runs
-- Comparisons by dataset and day (UTC), and how they ended.
SELECT
    DATASET,
    FLOOR(RECORDED_MS / 86400000),
    COUNT(*),
    COUNT_IF(STATUS = 'DIVERGED'),
    COUNT_IF(STATUS = 'STALLED')
FROM OPS.RECONCILIATION_RUN
WHERE RECORDED_MS >= %(from_ms)s
GROUP BY DATASET, FLOOR(RECORDED_MS / 86400000);

-- name: history_found
-- Differences by pair and the day on which they were first seen, and how many of them are still there.
SELECT PAIR, FLOOR(FIRST_SEEN_MS / 86400000), COUNT(*), COUNT_IF(RESOLVED_MS IS NULL)
FROM OPS.RECONCILIATION_ENTRY
WHERE FIRST_SEEN_MS >= %(from_ms)s
GROUP BY PAIR, FLOOR(FIRST_SEEN_MS / 86400000);

-- name: history_lag
-- Convergence lag by pair and the day of the agreement: seconds from first sight to gone, by nearest rank.
SELECT
    PAIR,
    FLOOR(RESOLVED_MS / 86400000),
    COUNT(*),
    PERCENTILE_DISC(0.5) WITHIN GROUP (ORDER BY SECONDS_TO_RESOLVE),
    PERCENTILE_DISC(0.95) WITHIN GROUP (ORDER BY SECONDS_TO_RESOLVE)
FROM OPS.RECONCILIATION_ENTRY
WHERE RESOLVED_MS >= %(from_ms)s
GROUP BY PAIR, FLOOR(RESOLVED_MS / 86400000);

-- name: speed_remove
-- Every version of some keys up to the newest that was looked at; what has streamed in since stays.
DELETE FROM {table} WHERE {key} IN %(keys)s AND toUnixTimestamp64Milli({version}) <= %(processed_ms)s;
