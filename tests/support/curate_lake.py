"""A Spark of its own with an Iceberg warehouse in a folder, and small lakes in it, for the job's tests and bench."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from msgspec import to_builtins

from curate_job.catalog import load_table, snapshot_of
from tidemark.tables import registry
from tidemark_lab import jars
from tidemark_lab.java import QUICK_START

# for modules whose promises do not hang on the cut's size: the large way is walked in the soak
MANY_ROWS_IN_SOAK = pytest.mark.parametrize(
    "size", ["few rows", pytest.param("many rows", marks=pytest.mark.soak)], indirect=True
)


@contextmanager
def local_spark(warehouse: Path, memory: str = "1g", partitions: int = 2) -> Iterator[Any]:
    """Two threads, one heap, a Hadoop catalog named `lake`."""
    from pyspark.sql import SparkSession

    settings = {
        "spark.driver.extraClassPath": f"{jars.ensure('spark')}/*:{jars.ensure('tests')}/*",
        # Hadoop's own starts a process, chmod, for every file that it makes: a tenth of a run here, none with real S3
        "spark.hadoop.fs.file.impl": "com.globalmentor.apache.hadoop.fs.BareLocalFileSystem",
        "spark.driver.memory": memory,
        "spark.driver.extraJavaOptions": f"{' '.join(QUICK_START)} -XX:ReservedCodeCacheSize=240m",
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.sql.shuffle.partitions": str(partitions),
        "spark.python.sql.dataFrameDebugging.enabled": "false",
        "spark.sql.session.timeZone": "UTC",
        "spark.sql.extensions": "org.apache.iceberg.spark.extensions.IcebergSparkSessionExtensions",
        "spark.sql.catalog.lake": "org.apache.iceberg.spark.SparkCatalog",
        "spark.sql.catalog.lake.type": "hadoop",
        "spark.sql.catalog.lake.warehouse": str(warehouse),
        "spark.sql.catalog.lake.cache-enabled": "true",
    }
    builder = SparkSession.builder.master("local[2]").appName("curate")
    for name, value in settings.items():
        builder = builder.config(name, value)
    session = builder.getOrCreate()
    session.sparkContext.setLogLevel("ERROR")
    try:
        yield session
    finally:
        session.stop()


def frame_of(spark: Any, rows: list[tuple[Any, ...]], schema: str) -> Any:
    """The rows as Arrow: for plain tuples Spark starts Python workers, which cost more than what a test does."""
    from pyspark.sql.pandas.types import to_arrow_schema
    from pyspark.sql.types import StructType

    kinds = StructType.fromDDL(schema)
    arrow = to_arrow_schema(kinds)
    columns = [pa.array([row[n] for row in rows], field.type) for n, field in enumerate(arrow)]
    return spark.createDataFrame(pa.Table.from_arrays(columns, schema=arrow), kinds)


class Lake:
    """One source and one curated namespace, the registry's contracts, and runs one after the other.

    `append` writes change rows to a source table (made on first use), `run` curates what has been appended since the
    last run and, like the submitter, moves every table's main to the branch.
    """

    def __init__(self, spark: Any, folder: Path, name: str, dataset: str = "ecommerce") -> None:
        self.spark, self.folder, self.name, self.dataset = spark, folder, name, dataset
        self.contracts = registry().tables_of(dataset)
        self.done: dict[str, int | None] = {}
        self.base: dict[str, dict[str, int | None]] = {}
        self.seq, self.keep_runs = 0, 100
        spark.sql(f"CREATE NAMESPACE IF NOT EXISTS lake.source_{name}")

    def only(self, *tables: str) -> None:
        """The dataset has no other tables: a maintenance of one has not all of them to go through."""
        self.contracts = {name: self.contracts[name] for name in tables}

    def source(self, table: str) -> str:
        return f"lake.source_{self.name}.{table}"

    def append(self, table: str, rows: list[tuple[Any, ...]], schema: str) -> None:
        self.append_frame(table, frame_of(self.spark, rows, schema))

    def append_frame(self, table: str, frame: Any) -> None:
        if self.spark.catalog.tableExists(self.source(table)):
            frame.writeTo(self.source(table)).append()
        else:
            frame.writeTo(self.source(table)).using("iceberg").create()

    def head(self, table: str) -> int | None:
        loaded = load_table(self.spark, self.source(table))
        return None if loaded is None else snapshot_of(loaded, "main")

    def manifest(self, kind: str = "process", selection: dict[str, Any] | None = None) -> dict[str, Any]:
        attempt = f"a{self.seq + 1}"
        tables = []
        for name, contract in self.contracts.items():
            nothing = dict.fromkeys(("changes", "current", "held", "quarantined"))
            tables.append(
                {
                    "name": name,
                    "source": f"source_{self.name}.{name}",
                    "from_snapshot": None if kind == "rebuild" else self.done.get(name),
                    "to_snapshot": self.done.get(name) if kind == "maintain" else self.head(name),
                    "base": self.base.get(name, nothing),
                    **{f: to_builtins(getattr(contract, f)) for f in ("key", "columns", "parents", "rules", "unique")},
                }
            )
        return {
            "run_id": f"{self.name}-{self.seq + 1}",
            "run_seq": self.seq + 1,
            "attempt": attempt,
            "dataset": self.dataset,
            "kind": kind,
            "generation": 0,
            "order": registry().datasets[self.dataset].order,
            "curated": f"curated_{self.name}",
            "branch": f"attempt_{attempt}",
            "keep_from": max(0, self.seq + 1 - self.keep_runs),
            "result": str(self.folder / f"result_{self.seq + 1}.json"),
            "tables": tables,
            "selection": selection,
        }

    def run(self, kind: str = "process", selection: dict[str, Any] | None = None) -> dict[str, Any]:
        from curate_job.main import curate

        manifest = self.manifest(kind, selection)
        path = self.folder / f"manifest_{self.seq + 1}.json"
        path.write_text(json.dumps(manifest))
        result: dict[str, Any] = json.loads(Path(curate(self.spark, str(path))).read_text())
        if result["status"] == "done":
            assert [c for c in result["checks"] if c["expected"] != c["actual"]] == []
            self._publish(manifest, result)
        return result

    def _publish(self, manifest: dict[str, Any], result: dict[str, Any]) -> None:
        for table in result["tables"]:
            for kind, snapshot in table["snapshots"].items():
                if snapshot != table["base"][kind]:
                    name = f"curated_{self.name}.{table['table']}" + ("" if kind == "current" else f"_{kind}")
                    loaded: Any = load_table(self.spark, f"lake.{name}")
                    refs = loaded.manageSnapshots().fastForwardBranch("main", manifest["branch"])
                    refs.createTag(f"run_{manifest['run_seq']}", snapshot).commit()
            self.base[table["table"]] = table["snapshots"]
        self.done = {t["name"]: t["to_snapshot"] for t in manifest["tables"]}
        self.seq += 1

    def rows(self, table: str, columns: str = "*", kind: str = "") -> list[tuple[Any, ...]]:
        query = f"SELECT {columns} FROM lake.curated_{self.name}.{table}{kind} ORDER BY ALL"
        return [tuple(row) for row in self.spark.sql(query).collect()]

    def files(self, table: str) -> dict[str, int]:
        """How many files of data and of deletes a curated table's main has."""
        found = self.spark.table(f"lake.curated_{self.name}.{table}.files").groupBy("content").count().collect()
        counts = {row["content"]: row["count"] for row in found}
        return {"data": counts.get(0, 0), "deletes": sum(n for content, n in counts.items() if content)}
