"""Rows of Python values into a table of the warehouse, by a Parquet file and COPY: exact and quick."""

from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from snowflake.connector import SnowflakeConnection

from tidemark.settings import LakeSettings
from tidemark_lake.objects import Folder, s3_client
from tidemark_warehouse import column_type, execute, quote
from tidemark_warehouse.identifiers import definitions


def load_rows(
    warehouse: SnowflakeConnection,
    lake: LakeSettings,
    table: str,
    kinds: Mapping[str, str],
    rows: Sequence[Mapping[str, Any]],
) -> None:
    """Replace the mart `table` by these rows; `kinds` are the columns' canonical types."""
    mart, name = quote("marts", table), f"seed/{table}.parquet"
    content = {c: pa.array([row[c] for row in rows], _arrow_type(kind)) for c, kind in kinds.items()}
    file = pa.BufferOutputStream()
    pq.write_table(pa.table(content), file)
    Folder(s3_client(lake.aws_region, lake.s3_endpoint), lake.lake_warehouse).write(name, file.getvalue().to_pybytes())
    execute(warehouse, f"CREATE OR REPLACE TABLE {mart} ({definitions({c: column_type(k) for c, k in kinds.items()})})")
    execute(
        warehouse,
        f"COPY INTO {mart} FROM @OPS.LAKE FILES = ('{name}') FORCE = TRUE MATCH_BY_COLUMN_NAME = CASE_INSENSITIVE "
        "FILE_FORMAT = (TYPE = PARQUET USE_LOGICAL_TYPE = TRUE)",
    )


def _arrow_type(kind: str) -> pa.DataType:
    if kind.startswith("decimal"):
        return pa.decimal128(10, 2)
    known = {"int": pa.int32(), "long": pa.int64(), "bool": pa.bool_(), "timestamp": pa.timestamp("us")}
    return known.get(kind, pa.string())
