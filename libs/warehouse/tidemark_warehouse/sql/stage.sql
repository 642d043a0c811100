-- name: stage_with_integration
-- The lake as a stage. The integration is made once by an account's administrator (init/account.sql).
CREATE STAGE IF NOT EXISTS OPS.LAKE URL = %(url)s STORAGE_INTEGRATION = TIDEMARK_LAKE;

-- name: stage_public
-- The lake as a stage on a store that needs no credentials of the warehouse.
CREATE STAGE IF NOT EXISTS OPS.LAKE URL = %(url)s;
