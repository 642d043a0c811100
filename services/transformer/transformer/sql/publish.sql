-- name: columns
-- Columns of RAW, of the build's tables and of what is published, with types that ALTER TABLE takes.
SELECT
    TABLE_SCHEMA,
    TABLE_NAME,
    COLUMN_NAME,
    CASE
        WHEN DATA_TYPE IN ('NUMBER', 'DECIMAL', 'NUMERIC')
            THEN 'NUMBER(' || NUMERIC_PRECISION || ',' || NUMERIC_SCALE || ')'
        ELSE DATA_TYPE
    END AS COLUMN_TYPE
FROM INFORMATION_SCHEMA.COLUMNS
WHERE TABLE_SCHEMA != 'OPS'
ORDER BY TABLE_SCHEMA, TABLE_NAME, ORDINAL_POSITION

-- name: sizes
-- Rows and bytes of the build's tables, as the catalog knows them without a scan; 0 bytes: the catalog does not tell.
SELECT TABLE_NAME, ROW_COUNT, NULLIF(BYTES, 0)
FROM INFORMATION_SCHEMA.TABLES
WHERE TABLE_SCHEMA = %(build_schema)s AND TABLE_TYPE != 'VIEW'

-- name: create_published
-- An empty table of the build's shape.
CREATE TABLE IF NOT EXISTS {published} {cluster} AS SELECT * FROM {build} WHERE FALSE

-- name: create_view
CREATE OR REPLACE VIEW {published} AS {query}

-- name: differing_keys
-- Keys of rows that one side holds and the other does not, or not as often. Each side is read once.
CREATE OR REPLACE TRANSIENT TABLE {differing} AS
SELECT DISTINCT {key}
FROM (
    SELECT {columns}, SUM(_SIDE) AS _BALANCE
    FROM (
        SELECT {columns}, 1 AS _SIDE FROM {build}
        UNION ALL
        SELECT {columns}, -1 AS _SIDE FROM {published}
    )
    GROUP BY {columns}
)
WHERE _BALANCE != 0

-- name: remove_differing
DELETE FROM {published} WHERE ({key}) IN (SELECT {key} FROM {differing})

-- name: insert_differing
INSERT INTO {published} ({columns})
SELECT {columns} FROM {build} WHERE ({key}) IN (SELECT {key} FROM {differing})
