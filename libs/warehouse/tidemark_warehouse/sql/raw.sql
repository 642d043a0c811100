-- name: columns
-- A RAW table's columns as they stand, with types as the registry's types are spelt.
SELECT
    COLUMN_NAME,
    CASE
        WHEN DATA_TYPE IN ('NUMBER', 'DECIMAL', 'NUMERIC')
            THEN 'NUMBER(' || NUMERIC_PRECISION || ',' || NUMERIC_SCALE || ')'
        ELSE DATA_TYPE
    END AS COLUMN_TYPE
FROM INFORMATION_SCHEMA.COLUMNS
WHERE TABLE_SCHEMA = 'RAW' AND TABLE_NAME = %(table)s
ORDER BY ORDINAL_POSITION;

-- name: create_raw
-- Append-only history of one source table.
CREATE TABLE IF NOT EXISTS {table} ({columns}) {cluster};

-- name: add_column
ALTER TABLE {table} ADD COLUMN IF NOT EXISTS {column} {type};

-- name: widen_column
ALTER TABLE {table} ALTER COLUMN {column} SET DATA TYPE {type};

-- name: count_without
SELECT COUNT(*) FROM {table} WHERE {column} IS NULL;

-- name: fill_default
-- The registry's default for rows that came without the column.
UPDATE {table} SET {column} = %(value)s::{type} WHERE {column} IS NULL;
