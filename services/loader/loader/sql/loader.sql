-- name: create_lock
-- A table's lock: a table of its own with one row, because the warehouse locks whole tables and four loads shall run
-- side by side. A table that joins a dataset later begins at the run its dataset stands at.
CREATE TABLE IF NOT EXISTS {lock} AS
SELECT
    %(dataset)s::VARCHAR AS DATASET,
    %(table)s::VARCHAR AS TABLE_NAME,
    0::NUMBER(19,0) AS GENERATION,
    COALESCE(MAX(RUN_SEQ), 0)::NUMBER(19,0) AS RUN_SEQ
FROM OPS.LOAD_LEDGER
WHERE DATASET = %(dataset)s

-- name: take_lock
-- Changes nothing and must touch one row: whoever comes second waits here for the first one's end.
UPDATE {lock} SET RUN_SEQ = RUN_SEQ

-- name: position
SELECT GENERATION, RUN_SEQ FROM {lock}

-- name: move_on
UPDATE {lock} SET GENERATION = %(generation)s, RUN_SEQ = %(run_seq)s

-- name: receipt
-- What the ledger says that a run loaded into one table.
SELECT TABLE_NAME, ROWS_LOADED, FILES, BYTES, SECONDS
FROM OPS.LOAD_LEDGER
WHERE DATASET = %(dataset)s AND TABLE_NAME = %(table)s AND RUN_ID = %(run_id)s

-- name: receipts
-- The same for all of a run's tables.
SELECT TABLE_NAME, ROWS_LOADED, FILES, BYTES, SECONDS
FROM OPS.LOAD_LEDGER
WHERE DATASET = %(dataset)s AND RUN_ID = %(run_id)s

-- name: delete_run
-- The number lets the warehouse skip what other runs wrote; the id says which run.
DELETE FROM {table} WHERE _RUN_SEQ = %(run_seq)s AND _RUN_ID = %(run_id)s

-- name: delete_after
-- A rollback: what later runs wrote.
DELETE FROM {table} WHERE _RUN_SEQ > %(to_seq)s

-- name: forget_after
-- Runs that were rolled back have never been loaded; the audit still tells of them.
DELETE FROM OPS.LOAD_LEDGER
WHERE DATASET = %(dataset)s AND TABLE_NAME = %(table)s AND RUN_SEQ > %(to_seq)s

-- name: copy
-- FORCE: the load history outlives a DELETE, and a file it knows would be skipped without a word.
COPY INTO {table}
FROM @OPS.LAKE
FILES = (%(files)s)
FILE_FORMAT = (TYPE = PARQUET USE_LOGICAL_TYPE = TRUE)
MATCH_BY_COLUMN_NAME = CASE_INSENSITIVE
INCLUDE_METADATA = (
    _FILE_NAME = METADATA$FILENAME,
    _FILE_ROW_NUMBER = METADATA$FILE_ROW_NUMBER,
    _LOADED_AT = METADATA$START_SCAN_TIME
)
ON_ERROR = ABORT_STATEMENT
FORCE = TRUE

-- name: record
INSERT INTO OPS.LOAD_LEDGER
(DATASET, TABLE_NAME, RUN_ID, RUN_SEQ, GENERATION, ROWS_LOADED, FILES, BYTES, SECONDS, MAX_TS_MS, LOADED_AT)
SELECT
    %(dataset)s, %(table)s, %(run_id)s, %(run_seq)s, %(generation)s, %(rows)s, %(files)s, %(bytes)s, %(seconds)s,
    %(max_ts_ms)s, %(at)s::TIMESTAMP_NTZ(6)
