-- name: doctor_session
-- Who the warehouse takes us for, and what it computes with.
SELECT CURRENT_ROLE(), CURRENT_WAREHOUSE(), CURRENT_DATABASE();

-- name: doctor_tables
-- The tables of RAW and OPS that this role sees.
SELECT TABLE_SCHEMA || '.' || TABLE_NAME
FROM INFORMATION_SCHEMA.TABLES
WHERE TABLE_SCHEMA IN ('RAW', 'OPS');

-- name: doctor_stage
-- A look at the lake through its stage: it needs the storage integration, and the role that AWS lets it take.
LIST @OPS.LAKE/never-there/;

-- name: doctor_speed_columns
-- Which columns the speed layer's tables have.
SELECT table, groupArray(name) FROM system.columns WHERE database = %(database)s GROUP BY table;
