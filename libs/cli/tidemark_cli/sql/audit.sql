-- name: audit_rows
-- What was done to lake and warehouse, oldest first. A row belongs to a dataset by its run, or by its object where
-- there is no run; null for a value means any.
SELECT "AT", RUN_ID, ACTOR, ACTION, OBJECT, DETAIL
FROM OPS.AUDIT
WHERE
    (%(run_id)s IS NULL OR RUN_ID = %(run_id)s)
    AND (%(dataset)s IS NULL OR STARTSWITH(RUN_ID, %(dataset)s || '-') OR OBJECT IN (%(objects)s))
ORDER BY "AT", RUN_ID, OBJECT, ACTION, DETAIL;
