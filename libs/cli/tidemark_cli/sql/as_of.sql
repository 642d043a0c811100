-- name: spark
-- A current table as a decision left it; `lake` is the catalog's name.
SELECT * FROM lake.{table} VERSION AS OF {snapshot}

-- name: raw
-- The changes that a run and those before it loaded, of a run that stands: a rollback deletes rows from RAW.
SELECT * FROM {table} WHERE _RUN_SEQ <= {run_seq}

-- name: staging
-- A staging table as it stood when the run's marts were published.
SELECT * FROM {table} AT (TIMESTAMP => {at}::TIMESTAMP_TZ)
