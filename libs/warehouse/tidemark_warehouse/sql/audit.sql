-- name: audit
-- What was done to the warehouse: `actor` is the service, `object` the table; `run_id` None outside a run.
INSERT INTO OPS.AUDIT ("AT", RUN_ID, ACTOR, ACTION, OBJECT, DETAIL)
SELECT %(at)s::TIMESTAMP_NTZ(6), %(run_id)s, %(actor)s, %(action)s, %(object)s, %(detail)s;

-- name: said
-- What the audit tells of one object.
SELECT DETAIL FROM OPS.AUDIT WHERE ACTION = %(action)s AND OBJECT = %(object)s;
