-- name: lock
-- Held until the end of the transaction, so that two workers can never record one run.
UPDATE OPS.RECONCILIATION_LOCK
SET GENERATION = GREATEST(GENERATION, %(generation)s), RUN_SEQ = %(run_seq)s
WHERE DATASET = %(dataset)s;

-- name: receipt
-- What a run's comparison sent.
SELECT EVENTS FROM OPS.RECONCILIATION_RUN WHERE RUN_ID = %(run_id)s;

-- name: newest_generation
SELECT COALESCE(MAX(GENERATION), 0) FROM OPS.RECONCILIATION_RUN WHERE DATASET = %(dataset)s;

-- name: standing
-- How the newest comparison left each pair.
SELECT STANDING
FROM OPS.RECONCILIATION_RUN
WHERE DATASET = %(dataset)s
ORDER BY RECORDED_MS DESC, RUN_SEQ DESC
LIMIT 1;

-- name: open_entries
SELECT
    ENTRY_ID, DATASET, PAIR, ROW_KEY, STATE, DIFFERENCE, DIFFERENT_COLUMNS, BATCH_COPIES, EVENT_MS, FIRST_RUN_ID,
    FIRST_SEEN_MS, JUDGED_CUTOFF_MS, LAST_RUN_ID, LAST_SEEN_MS, RESOLVED_MS, SECONDS_TO_RESOLVE, SPEED_ROW, BATCH_ROW
FROM OPS.RECONCILIATION_ENTRY
WHERE PAIR = %(pair)s AND RESOLVED_MS IS NULL
ORDER BY ROW_KEY;

-- name: remove_entries
DELETE FROM OPS.RECONCILIATION_ENTRY WHERE ENTRY_ID IN (%(entries)s);

-- name: add_entries
-- Many entries as one JSON array, so that a statement has one value however many there are.
INSERT INTO OPS.RECONCILIATION_ENTRY (
    ENTRY_ID, DATASET, PAIR, ROW_KEY, STATE, DIFFERENCE, DIFFERENT_COLUMNS, BATCH_COPIES, EVENT_MS, FIRST_RUN_ID,
    FIRST_SEEN_MS, JUDGED_CUTOFF_MS, LAST_RUN_ID, LAST_SEEN_MS, RESOLVED_MS, SECONDS_TO_RESOLVE, SPEED_ROW, BATCH_ROW
)
SELECT
    F.VALUE:entry_id::VARCHAR,
    F.VALUE:dataset::VARCHAR,
    F.VALUE:pair::VARCHAR,
    F.VALUE:row_key::VARCHAR,
    F.VALUE:state::VARCHAR,
    F.VALUE:difference::VARCHAR,
    F.VALUE:columns::VARCHAR,
    F.VALUE:copies::NUMBER(19,0),
    F.VALUE:event_ms::NUMBER(19,0),
    F.VALUE:first_run_id::VARCHAR,
    F.VALUE:first_seen_ms::NUMBER(19,0),
    F.VALUE:judged_cutoff_ms::NUMBER(19,0),
    F.VALUE:last_run_id::VARCHAR,
    F.VALUE:last_seen_ms::NUMBER(19,0),
    F.VALUE:resolved_ms::NUMBER(19,0),
    F.VALUE:seconds_to_resolve::FLOAT,
    F.VALUE:speed_row::VARCHAR,
    F.VALUE:batch_row::VARCHAR
FROM TABLE(FLATTEN(INPUT => PARSE_JSON(%(entries)s))) AS F;

-- name: add_run
INSERT INTO OPS.RECONCILIATION_RUN (
    DATASET, RUN_ID, RUN_SEQ, GENERATION, COMPARED_SEQ, STATUS, EVENTS, STANDING, RECORDED_MS, SECONDS
)
VALUES (
    %(dataset)s, %(run_id)s, %(run_seq)s, %(generation)s, %(compared_seq)s, %(status)s, %(events)s, %(standing)s,
    %(recorded_ms)s, %(seconds)s
);
