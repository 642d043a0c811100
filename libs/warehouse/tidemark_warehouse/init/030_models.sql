-- A row per model and publication of the runs (FROM_SEQ, TO_SEQ]; FROM_SEQ 0: built from nothing. SECONDS: its build;
-- ROWS_CHANGED: what publishing it changed; ROWS_TOTAL and BYTES_TOTAL: the built table, as the catalog tells (null: a
-- view, or not told). QUERY_ID: the statement that built it, for OPS.QUERY_COSTS.
CREATE TABLE IF NOT EXISTS OPS.MODEL_RUNS (
    DATASET VARCHAR NOT NULL,
    RUN_ID VARCHAR NOT NULL,
    FROM_SEQ NUMBER(19,0) NOT NULL,
    TO_SEQ NUMBER(19,0) NOT NULL,
    MODEL VARCHAR NOT NULL,
    KIND VARCHAR NOT NULL,
    SECONDS FLOAT NOT NULL,
    ROWS_CHANGED NUMBER(19,0) NOT NULL,
    ROWS_TOTAL NUMBER(19,0),
    BYTES_TOTAL NUMBER(19,0),
    QUERY_ID VARCHAR,
    PUBLISHED_AT TIMESTAMP_NTZ(6) NOT NULL
);

-- A row per data test and window of runs that it failed for. QUERY shows the rows, which stay until somebody drops them.
CREATE TABLE IF NOT EXISTS OPS.FAILED_TESTS (
    DATASET VARCHAR NOT NULL,
    RUN_ID VARCHAR,
    FROM_SEQ NUMBER(19,0) NOT NULL,
    TO_SEQ NUMBER(19,0) NOT NULL,
    TEST VARCHAR NOT NULL,
    ROWS_FAILED NUMBER(19,0) NOT NULL,
    QUERY VARCHAR NOT NULL,
    FAILED_AT TIMESTAMP_NTZ(6) NOT NULL
);

-- A row per statement of tidemark's sessions, filled by `tidemark advise`: from Snowflake's query history where there is
-- one, else from the seconds that the ledgers have measured (IS_MEASURED; the costs are then null). STAGE and RUN are
-- told by the session's query tag, `tidemark <stage> [<dataset>#<seq>]`.
CREATE TABLE IF NOT EXISTS OPS.QUERY_COSTS (
    QUERY_ID VARCHAR NOT NULL,
    STAGE VARCHAR NOT NULL,
    RUN VARCHAR,
    WAREHOUSE VARCHAR,
    WAREHOUSE_SIZE VARCHAR,
    ENDED_AT TIMESTAMP_NTZ(6) NOT NULL,
    SECONDS FLOAT NOT NULL,
    CREDITS FLOAT,
    BYTES_SCANNED NUMBER(19,0),
    BYTES_SPILLED_LOCAL NUMBER(19,0),
    BYTES_SPILLED_REMOTE NUMBER(19,0),
    QUEUED_MS NUMBER(19,0),
    PARTITIONS_SCANNED NUMBER(19,0),
    PARTITIONS_TOTAL NUMBER(19,0),
    IS_MEASURED BOOLEAN NOT NULL
);
