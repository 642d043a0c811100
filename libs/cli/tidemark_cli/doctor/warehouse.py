"""Checks of the warehouse: it lets us in with a warehouse to compute with, its tables are there, it sees the lake."""

from collections.abc import Iterator
from contextlib import closing
from typing import Any

from snowflake.connector import errors

from tidemark_cli.doctor.check import Amiss, Check
from tidemark_warehouse import connect, execute, expected_tables, load

SIGN_IN = "see that TIDEMARK_SNOWFLAKE_ACCOUNT is right and can be reached from here"
REMEDIES = {
    "incorrect username or password": "mend TIDEMARK_SNOWFLAKE_USER and its key or password",
    "jwt token is invalid": "give the user this key: ALTER USER ... SET RSA_PUBLIC_KEY (`tidemark init --account`)",
    "private key": "see that TIDEMARK_SNOWFLAKE_PRIVATE_KEY_FILE is a PEM file, and its passphrase the right one",
    "is not granted to this user": "grant the user the role of TIDEMARK_SNOWFLAKE_ROLE (`tidemark init --account`)",
    "no warehouse": "set TIDEMARK_SNOWFLAKE_WAREHOUSE, and grant the role its USAGE (`tidemark init --account`)",
    "no database": "set TIDEMARK_SNOWFLAKE_DATABASE, and grant the role its USAGE (`tidemark init --account`)",
    "lacks": "run `tidemark init` as TIDEMARK_OWNER",
}
STAGE = "run `tidemark init`; if it is there, DESC INTEGRATION TIDEMARK_LAKE names whom the AWS role must trust"


def of_warehouse(settings: Any) -> Iterator[Check]:
    """Sign in, then what this role sees. `settings`: Snowflake's and the lake's."""
    statements = load("tidemark_cli")

    def asked(*names: str) -> list[list[tuple[Any, ...]]]:
        with closing(connect(settings, "tidemark doctor")) as session:
            return [execute(session, statements[name]) for name in names]

    def session() -> str:
        [[(role, warehouse, database)]] = asked("doctor_session")
        for what, found in (("warehouse", warehouse), ("database", database)):
            if found is None and not settings.snowflake_host:
                raise Amiss(f"no {what} in the session of role {role}")
        return f"role {role}, warehouse {warehouse}, database {database}"

    def tables() -> str:
        [[(role, _, _)], seen] = asked("doctor_session", "doctor_tables")
        expected = expected_tables(settings, role)
        if lacking := expected - {name for (name,) in seen}:
            raise Amiss(f"role {role} lacks {', '.join(sorted(lacking))}")
        return f"role {role} sees {len(expected)} tables of RAW and OPS"

    def stage() -> str:
        asked("doctor_stage")
        return "the lake can be listed through OPS.LAKE"

    yield Check("warehouse: sign in", session, SIGN_IN, REMEDIES, (errors.Error,))
    yield Check("warehouse: tables", tables, SIGN_IN, REMEDIES, (errors.Error,))
    yield Check("warehouse: stage", stage, STAGE, {}, (errors.Error,))
