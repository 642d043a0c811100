"""tidemark's access to Snowflake.

connect.py sessions, transactions and which errors are outages; identifiers.py `quote()`; sql.py statements from .sql
files; raw.py RAW's DDL from the registry; initialise.py the database's own objects (init/*.sql).
"""

from tidemark_warehouse.connect import Transaction, connect, execute, execute_many, outages, transaction
from tidemark_warehouse.identifiers import Sql, column_type, names, quote, widens
from tidemark_warehouse.initialise import account_sql, expected_tables, init_sql, initialise
from tidemark_warehouse.sql import load, render

__all__ = [
    "Sql",
    "Transaction",
    "account_sql",
    "column_type",
    "connect",
    "execute",
    "execute_many",
    "expected_tables",
    "init_sql",
    "initialise",
    "load",
    "names",
    "outages",
    "quote",
    "render",
    "transaction",
    "widens",
]
