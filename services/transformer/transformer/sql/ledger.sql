-- name: position
-- Where the published marts of a dataset stand, and whether they leave out flagged rows.
SELECT GENERATION, RUN_SEQ, EXCLUDE_FLAGGED FROM OPS.PUBLISH_LOCK WHERE DATASET = %(dataset)s

-- name: take_lock
-- Changes nothing and must touch one row: whoever comes second waits here for the first one's end.
UPDATE OPS.PUBLISH_LOCK SET RUN_SEQ = RUN_SEQ WHERE DATASET = %(dataset)s

-- name: move_on
UPDATE OPS.PUBLISH_LOCK
SET GENERATION = %(generation)s, RUN_SEQ = %(to_seq)s, EXCLUDE_FLAGGED = %(exclude_flagged)s
WHERE DATASET = %(dataset)s

-- name: receipt
SELECT RECEIPT FROM OPS.PUBLISH_LEDGER WHERE DATASET = %(dataset)s AND RUN_ID = %(run_id)s

-- name: record
INSERT INTO OPS.PUBLISH_LEDGER
(DATASET, RUN_ID, FROM_SEQ, TO_SEQ, GENERATION, AS_OF_MS, RECEIPT, PUBLISHED_AT)
SELECT
    %(dataset)s, %(run_id)s, %(from_seq)s, %(to_seq)s, %(generation)s, %(as_of_ms)s, %(receipt)s,
    %(at)s::TIMESTAMP_NTZ(6)

-- name: record_models
INSERT INTO OPS.MODEL_RUNS (
    DATASET, RUN_ID, FROM_SEQ, TO_SEQ, MODEL, KIND, SECONDS, ROWS_CHANGED, ROWS_TOTAL, BYTES_TOTAL, QUERY_ID,
    PUBLISHED_AT
)
VALUES (
    %(dataset)s, %(run_id)s, %(from_seq)s, %(to_seq)s, %(model)s, %(kind)s, %(seconds)s, %(changed)s, %(rows)s,
    %(bytes)s, %(query_id)s, %(at)s
)

-- name: forget_failed_test
-- A repeated run fails anew.
DELETE FROM OPS.FAILED_TESTS
WHERE DATASET = %(dataset)s AND TEST = %(test)s AND FROM_SEQ = %(from_seq)s AND TO_SEQ = %(to_seq)s

-- name: record_failed_test
INSERT INTO OPS.FAILED_TESTS (DATASET, RUN_ID, FROM_SEQ, TO_SEQ, TEST, ROWS_FAILED, QUERY, FAILED_AT)
SELECT
    %(dataset)s,
    (SELECT MAX(RUN_ID) FROM OPS.LOAD_LEDGER WHERE DATASET = %(dataset)s AND RUN_SEQ = %(to_seq)s),
    %(from_seq)s, %(to_seq)s, %(test)s, %(rows)s, %(query)s, %(at)s::TIMESTAMP_NTZ(6)

-- name: changed_tables
-- RAW tables with rows of the window's runs.
SELECT DISTINCT TABLE_NAME
FROM OPS.LOAD_LEDGER
WHERE DATASET = %(dataset)s AND RUN_SEQ > %(from_seq)s AND RUN_SEQ <= %(to_seq)s AND ROWS_LOADED > 0

-- name: as_of
-- The newest change of the dataset up to the window's end.
SELECT MAX(MAX_TS_MS) FROM OPS.LOAD_LEDGER WHERE DATASET = %(dataset)s AND RUN_SEQ <= %(to_seq)s

-- name: newest_loaded
-- The newest run of which enough tables are loaded.
SELECT COALESCE(MAX(RUN_SEQ), 0)
FROM (
    SELECT RUN_SEQ
    FROM OPS.LOAD_LEDGER
    WHERE DATASET = %(dataset)s
    GROUP BY RUN_SEQ
    HAVING COUNT(DISTINCT TABLE_NAME) >= %(tables)s
)
