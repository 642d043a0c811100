"""The chain on a running lab, as the end-to-end tests see it: steps of the source, and what stands in every layer."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import pyarrow as pa
from places import SERVICES
from pyiceberg.catalog import Catalog
from snowflake.connector import SnowflakeConnection
from waiting import until

from tidemark import kafka
from tidemark.events import CHAIN, RunRequested
from tidemark.records import Message, Record
from tidemark.settings import KafkaSettings, LakeSettings, SnowflakeSettings, load
from tidemark.tables import registry
from tidemark_cli.chain import read_runs
from tidemark_cli.lab import wait_until_reconciled
from tidemark_cli.runs import Run
from tidemark_lab import lab
from tidemark_lab.upstream.truth import Truth
from tidemark_lake.catalog import open_catalog
from tidemark_lake.decisions import Decision, DecisionStore
from tidemark_lake.objects import Folder, s3_client
from tidemark_warehouse import connect

Row = Mapping[str, Any]
LOAD_TIMES = frozenset({"_loaded_at"})
RUN_COLUMNS = frozenset({"_run_id", "_run_seq", "_file_name", "_file_row_number"})


class Chain:
    """A lab with services in `home`."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.connect()

    def connect(self) -> None:
        """Take the lab's addresses: a lab that comes up again may have found a port taken and chosen another."""
        os.environ.update(lab.environment(self.home))
        self.kafka = load(KafkaSettings)
        self.lake = load(LakeSettings)
        self._catalog: Catalog | None = None

    def upstream(self, *arguments: str, wait: bool = True) -> None:
        """The source takes a step; wait until the chain has taken it whole."""
        command = [sys.executable, "-m", "tidemark_lab.upstream", *arguments, "--home", str(self.home)]
        subprocess.run(command, check=True, capture_output=True)
        if wait:
            wait_until_reconciled()

    def send(self, record: Record) -> None:
        """The record once more, as it was."""
        message = Message(record.topic, record.partition, record.key, record.value, record.headers)
        kafka.send(self.kafka, message)

    def records(self, topic: str) -> list[Record]:
        """All committed records of a topic."""
        return list(kafka.read_topic(self.kafka, topic))

    def all_chain_records(self) -> list[Record]:
        """Every event of every run, stage by stage."""
        return [record for event in (RunRequested, *CHAIN) for record in self.records(event.topic)]

    def runs(self) -> dict[str, Run]:
        """The runs as the topics tell them."""
        return read_runs()

    def runs_of(self, dataset: str) -> list[Run]:
        """A dataset's runs, in order."""
        return [run for run in self.runs().values() if run.dataset == dataset]

    def wait_for(self, promise: Callable[[], Any], what: str, seconds: float = 120) -> Any:
        """Poll until it is true; its value."""
        return until(promise, what, seconds)

    def truth(self) -> Truth:
        """What must have come of everything delivered."""
        return Truth.load(self.home)

    def catalog(self) -> Catalog:
        """The lake's catalog, opened once: its clients are slow to make."""
        if self._catalog is None:
            self._catalog = open_catalog(self.lake.catalog_properties())
        return self._catalog

    def lake_rows(self, table: str, kind: str = "") -> list[dict[str, Any]]:
        """All rows of a curated table as it stands on main."""
        curated = registry().datasets[registry().tables[table].dataset].curated
        return list(self.catalog().load_table(f"{curated}.{table}{kind}").scan().to_arrow().to_pylist())

    def data_files(self, table: str) -> int:
        """Data files of a curated table's main, by its full name."""
        curated = registry().datasets[registry().tables[table.removesuffix("_changes")].dataset].curated
        return len(self.catalog().load_table(f"{curated}.{table}").inspect.data_files())

    def source_rows(self, table: str) -> int:
        """Rows of a source table."""
        source = registry().datasets[registry().tables[table].dataset].source
        return int(self.catalog().load_table(f"{source}.{table}").scan().count())

    def decisions(self, dataset: str) -> list[Decision]:
        """Every decision of a dataset, in order."""
        store = DecisionStore(Folder(s3_client(self.lake.aws_region, self.lake.s3_endpoint), self.lake.lake_state))
        newest = store.newest(dataset)
        found = [store.get(dataset, n) for n in range(1, (newest.number if newest else 0) + 1)]
        return [d for d in found if d is not None]

    def query(self, sql: str) -> list[dict[str, Any]]:
        """Rows of the warehouse, column names in lower case."""
        with closing(connect(load(SnowflakeSettings), "tests")) as session:
            return rows_of(session, sql)

    def tidemark(self, *arguments: str) -> str:
        """What a command of `tidemark` prints."""
        command = [str(Path(sys.executable).parent / "tidemark"), *arguments]
        environment = os.environ | {"TIDEMARK_HOME": str(self.home), "COLUMNS": "200"}
        return subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout

    def health_ports(self) -> dict[str, int]:
        """Where each service shows its metrics."""
        return {name: lab.state(name, self.home)["ports"]["health"] for name in SERVICES}

    def metrics(self) -> list[str]:
        """What each service shows."""
        urls = [f"http://127.0.0.1:{port}/metrics" for port in self.health_ports().values()]
        return [httpx.get(url, timeout=10).raise_for_status().text for url in urls]

    def trace(self, trace_id: str) -> list[dict[str, Any]]:
        """The spans of a trace, from the trace backend's API."""
        url = lab.environment(self.home)["TIDEMARK_TRACES_URL"]
        return list(httpx.get(f"{url}/api/traces/{trace_id}", timeout=10).raise_for_status().json())

    def fingerprint(self, dataset: str | None = None, but: frozenset[str] = frozenset()) -> dict[str, str]:
        """What every layer holds, by table, for comparing before and after: order and load times left out.

        `dataset`: without the tables and marts of the other one; `but`: without these columns.
        """
        left_out = LOAD_TIMES | but
        found = {}
        for name in registry().tables:
            for kind in ("", "_changes", "_held", "_quarantined"):
                found[f"lake.{name}{kind}"] = digest(self.lake_rows(name, kind), left_out)
        listed = "SELECT table_schema, table_name FROM information_schema.tables WHERE table_schema IN "
        with closing(connect(load(SnowflakeSettings), "tests")) as session:
            for row in rows_of(session, f"{listed} ('RAW', 'STAGING', 'MARTS')"):
                name = f"{row['table_schema']}.{row['table_name']}"
                found[name.lower()] = digest(rows_of(session, f"SELECT * FROM {name}"), left_out)
        others = ("user_events", "transactions", "sessions") if dataset == "ecommerce" else ()
        return {name: rows for name, rows in found.items() if not any(other in name for other in others)}


@contextmanager
def running(home: Path) -> Iterator[Chain]:
    """A lab of its own in `home`, with an initial load; afterwards the environment is as it was."""
    before = dict(os.environ)
    lab.up(home)
    try:
        chain = Chain(home)
        chain.upstream("initial", "--scale", "0.1")
        yield chain
    finally:
        lab.down(home)
        os.environ.clear()
        os.environ.update(before)


def rows_of(session: SnowflakeConnection, sql: str) -> list[dict[str, Any]]:
    """Rows of a query, column names in lower case."""
    cursor = session.cursor()
    cursor.execute(sql)
    names = [d.name.lower() for d in cursor.description]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def digest(rows: Sequence[Row], left_out: frozenset[str] = LOAD_TIMES) -> str:
    """The same, in one process, for the same rows in any order; a doubled row counts, a load time does not."""
    names = sorted({name for row in rows[:1] for name in row} - left_out)
    told = [hash(repr([plain(row[name]) for name in names])) for row in rows]  # their text: -1 and -2 hash alike
    return f"{len(told)}:{hash(tuple(names))}:{sum(told)}"


def plain(value: Any) -> Any:
    """Engines' values on one footing: decimals without trailing zeros, naive timestamps."""
    if isinstance(value, Decimal):
        return str(value.normalize() + 0)
    if isinstance(value, datetime):
        return value.replace(tzinfo=None).isoformat()
    return value


def by_key(rows: Sequence[Row] | pa.Table, key: Sequence[str], columns: Sequence[str]) -> dict[tuple[Any, ...], Any]:
    """Rows by key with these columns; a doubled key fails."""
    listed = rows.to_pylist() if isinstance(rows, pa.Table) else rows
    found = {tuple(row[k] for k in key): {c: plain(row[c]) for c in columns} for row in listed}
    assert len(found) == len(listed), "a key is there twice"
    return found
