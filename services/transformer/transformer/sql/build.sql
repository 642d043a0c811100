-- name: old_build_schemas
-- Build schemas that an earlier process of this worker left.
SELECT SCHEMA_NAME FROM INFORMATION_SCHEMA.SCHEMATA
WHERE STARTSWITH(SCHEMA_NAME, %(prefix)s) AND SCHEMA_NAME != %(build_schema)s

-- name: drop_schema
DROP SCHEMA IF EXISTS {schema} CASCADE

-- name: create_schema
-- Nothing in it outlives the process.
CREATE TRANSIENT SCHEMA {schema} DATA_RETENTION_TIME_IN_DAYS = 0

-- name: start_from
-- The published rows as an incremental model's start state.
CREATE TRANSIENT TABLE {build} CLONE {published}

-- name: read
-- A published model that is only read in this build.
CREATE VIEW {build} AS SELECT * FROM {published}

-- name: count_failures
-- How many rows one test finds; several, joined by UNION ALL, are one statement.
SELECT {place} AS PLACE, COUNT(*) AS FAILURES
FROM (
{query}
)

-- name: failures_schema
CREATE SCHEMA IF NOT EXISTS TEST_FAILURES

-- name: keep_failures
CREATE OR REPLACE TABLE {failures} AS SELECT * FROM ({query})

-- name: show_failures
-- What OPS.FAILED_TESTS tells people to run.
SELECT * FROM {failures}
