"""Benches for the contract of the transformer's warehouse: build rows can be put in place and published rows read.

`TwinBench` has the in-memory twin; `RealBench` the ordinary connector on the emulator, in a database that is emptied.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from transformer_bench import Database

from tidemark.events import BuiltModel, MartsBuilt
from tidemark_warehouse import connect, execute, execute_many, names, quote
from transformer.memory import MemoryWarehouse
from transformer.ports import Model, Plan, Position, Publication, Warehouse, Window
from transformer.snowflake import SnowflakeWarehouse

Row = tuple[Any, ...]
COLUMNS = {"id": "NUMBER(10,0)", "name": "VARCHAR", "amount": "NUMBER(18,2)"}
DAYS = Model(name="days", kind="incremental", published_schema="marts", key=["id"], columns=[*COLUMNS])
VISITS = Model(name="visits", kind="table", published_schema="marts", key=["id", "name"], columns=[*COLUMNS])
EMPTY = Plan([], [], [])


class Bench(Protocol):
    """A warehouse into whose build tables can be put. Rows are tuples of COLUMNS."""

    def warehouse(self) -> Warehouse:
        """The port, as a process of its own would have it."""

    def put(self, warehouse: Warehouse, model: Model, rows: Sequence[Row]) -> None:
        """Let the build of this process hold these rows."""

    def meddle(self, model: Model, rows: Sequence[Row]) -> None:
        """Add rows to what is published, as only a stranger's hand would."""

    def built(self, warehouse: Warehouse, model: Model) -> list[Row]:
        """Rows of the build, in order."""

    def published(self, model: Model) -> list[Row]:
        """Rows that readers see, in order."""

    def ledger(self) -> list[str]:
        """Run ids of the ledger, in order."""

    def load(self, dataset: str, run_seq: int, tables: Mapping[str, int], max_ts_ms: int | None) -> None:
        """Let RAW's ledger hold so many rows of each table from this run."""


class TwinBench:
    """The in-memory twin."""

    def __init__(self) -> None:
        self.twin = MemoryWarehouse()
        self.load = self.twin.load

    def warehouse(self) -> Warehouse:
        return self.twin

    def put(self, warehouse: Warehouse, model: Model, rows: Sequence[Row]) -> None:
        self.twin.build[model.name] = [dict(zip(COLUMNS, row, strict=True)) for row in rows]

    def meddle(self, model: Model, rows: Sequence[Row]) -> None:
        self.twin.tables[model.name] += [dict(zip(COLUMNS, row, strict=True)) for row in rows]

    def built(self, warehouse: Warehouse, model: Model) -> list[Row]:
        return in_order([tuple(row.values()) for row in self.twin.build[model.name]])

    def published(self, model: Model) -> list[Row]:
        return in_order([tuple(row.values()) for row in self.twin.tables[model.name]])

    def ledger(self) -> list[str]:
        return sorted(run_id for run_id, _ in self.twin.ledger)


class RealBench:
    """The ordinary connector on the emulator; nothing is published when it is made."""

    def __init__(self, database: Database) -> None:
        self.database, self.connection = database, database.connection
        database.empty()
        for model in (DAYS, VISITS):
            execute(self.connection, f"DROP TABLE IF EXISTS {quote('marts', model.name)}")
        self.opened: list[SnowflakeWarehouse] = []

    def warehouse(self) -> Warehouse:
        self.opened.append(SnowflakeWarehouse(lambda: connect(self.database.settings)))
        return self.opened[-1]

    def put(self, warehouse: Warehouse, model: Model, rows: Sequence[Row]) -> None:
        table = quote(_build_schema(warehouse), model.name)
        columns = ", ".join(f"{quote(name)} {kind}" for name, kind in COLUMNS.items())
        execute(self.connection, f"CREATE OR REPLACE TABLE {table} ({columns})")
        self._insert(table, rows)

    def meddle(self, model: Model, rows: Sequence[Row]) -> None:
        self._insert(quote("marts", model.name), rows)

    def built(self, warehouse: Warehouse, model: Model) -> list[Row]:
        return self._rows(quote(_build_schema(warehouse), model.name))

    def published(self, model: Model) -> list[Row]:
        return self._rows(quote("marts", model.name))

    def ledger(self) -> list[str]:
        return [row[0] for row in execute(self.connection, "SELECT RUN_ID FROM OPS.PUBLISH_LEDGER ORDER BY 1")]

    def load(self, dataset: str, run_seq: int, tables: Mapping[str, int], max_ts_ms: int | None) -> None:
        for table, rows in tables.items():
            self.database.record_load(dataset, run_seq, table, rows, max_ts_ms)

    def close(self) -> None:
        """Drop what the processes have built."""
        for warehouse in self.opened:
            warehouse.close()

    def _insert(self, table: str, rows: Sequence[Row]) -> None:
        if rows:
            places = ", ".join(f"%({name})s" for name in COLUMNS)
            statement = f"INSERT INTO {table} ({names(COLUMNS)}) VALUES ({places})"
            execute_many(self.connection, statement, [dict(zip(COLUMNS, row, strict=True)) for row in rows])

    def _rows(self, table: str) -> list[Row]:
        return in_order(execute(self.connection, f"SELECT {names(COLUMNS)} FROM {table}"))


def _build_schema(warehouse: Warehouse) -> str:
    assert isinstance(warehouse, SnowflakeWarehouse)
    return warehouse.build_schema


def in_order(rows: Sequence[Row]) -> list[Row]:
    """Rows by their text: nulls have no order of their own."""
    return sorted(rows, key=repr)


def publication(
    models: Sequence[Model],
    run_seq: int,
    base: Position,
    generation: int = 1,
    dataset: str = "ecommerce",
    exclude_flagged: bool = False,
) -> Publication:
    """What a run publishes from the window after `base`."""
    window = Window(
        dataset=dataset,
        from_seq=base.run_seq,
        to_seq=run_seq,
        as_of_ms=run_seq,
        exclude_flagged=exclude_flagged,
    )
    return Publication(
        run_id=f"{dataset}-{run_seq}",
        generation=generation,
        base=base,
        window=window,
        models=list(models),
        views={},
    )


def receipt_of(published: Publication, changed: Mapping[str, int]) -> MartsBuilt:
    """The event that tells of a publication."""
    window = published.window
    return MartsBuilt(
        dataset=window.dataset,
        run_id=published.run_id,
        run_seq=window.to_seq,
        kind="process",
        generation=published.generation,
        from_seq=window.from_seq,
        to_seq=window.to_seq,
        as_of_ms=window.as_of_ms,
        models=[BuiltModel(name=name, status="success", rows=rows, seconds=0.5) for name, rows in changed.items()],
        tests=0,
        committed_at_ms=1,
        seconds=0.5,
    )
