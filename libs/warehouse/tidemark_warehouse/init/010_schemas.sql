-- The layers of the database. RAW holds append-only history, STAGING one row per key, MARTS what people read,
-- OPS ledgers, locks, audit and reconciliation.
USE DATABASE {database};
CREATE SCHEMA IF NOT EXISTS RAW;
CREATE SCHEMA IF NOT EXISTS STAGING;
CREATE SCHEMA IF NOT EXISTS MARTS;
CREATE SCHEMA IF NOT EXISTS OPS;
