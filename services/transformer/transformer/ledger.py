"""What a publication leaves in OPS, in its own transaction: ledger row with the receipt, audit row, a row a model."""

from collections.abc import Mapping
from datetime import datetime

import msgspec
from snowflake.connector import SnowflakeConnection

from tidemark.events import MartsBuilt
from tidemark_warehouse import Transaction, execute, execute_many, load
from transformer.ports import Publication

Sizes = Mapping[str, tuple[int | None, int | None]]
_sql = load("transformer")
_warehouse = load("tidemark_warehouse")


def record(work: Transaction, publication: Publication, built: MartsBuilt, now: datetime) -> None:
    """Ledger row with the receipt, audit row, and the lock row says that the marts stand at this run."""
    window = publication.window
    ledger = {
        "dataset": window.dataset,
        "run_id": publication.run_id,
        "from_seq": window.from_seq,
        "to_seq": window.to_seq,
        "generation": publication.generation,
        "as_of_ms": window.as_of_ms,
        "exclude_flagged": window.exclude_flagged,
        "receipt": msgspec.json.encode(built).decode(),
        "at": now,
    }
    work.execute(_sql["record"], ledger)
    rows = sum(model.rows for model in built.models)
    detail = f"{rows} rows of {len(built.models)} models, runs ({window.from_seq}, {window.to_seq}]"
    if window.exclude_flagged:
        detail += ", flagged rows left out"
    said = {"actor": "transformer", "action": "publish", "object": window.dataset, "detail": detail, "at": now}
    work.execute(_warehouse["audit"], {**said, "run_id": publication.run_id})
    work.execute(_sql["move_on"], ledger)


def sizes(session: SnowflakeConnection, build_schema: str) -> Sizes:
    """Rows and bytes of the build's tables by name, in upper case."""
    return {
        str(table): (rows, size)
        for table, rows, size in execute(session, _sql["sizes"], {"build_schema": build_schema})
    }


def record_models(
    work: Transaction, publication: Publication, built: MartsBuilt, measured: Sizes, now: datetime
) -> None:
    """A row of OPS.MODEL_RUNS for each model of the publication."""
    window, told = publication.window, {model.name: model for model in built.models}
    rows = []
    for model in publication.models:
        total, size = measured.get(model.name.upper(), (None, None))
        row = {
            "dataset": window.dataset,
            "run_id": publication.run_id,
            "from_seq": window.from_seq,
            "to_seq": window.to_seq,
            "model": model.name,
            "kind": model.kind,
            "seconds": told[model.name].seconds if model.name in told else 0.0,
            "changed": told[model.name].rows if model.name in told else 0,
            "rows": total,
            "bytes": size,
            "query_id": publication.queries.get(model.name),
            "at": now,
        }
        rows.append(row)
    execute_many(work.connection, _sql["record_models"], rows)
