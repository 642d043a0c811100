-- name: run
-- What the marts stand at: a rollback raises the generation, so the newest row is not the one with the highest run.
SELECT TO_SEQ, RUN_ID, GENERATION, AS_OF_MS, RECEIPT, PUBLISHED_AT
FROM OPS.PUBLISH_LEDGER
WHERE DATASET = %(dataset)s
QUALIFY ROW_NUMBER() OVER (ORDER BY GENERATION DESC, TO_SEQ DESC, PUBLISHED_AT DESC) = 1;

-- name: marts
-- Which marts have been published.
SELECT TABLE_NAME FROM INFORMATION_SCHEMA.TABLES WHERE TABLE_SCHEMA = 'MARTS';
