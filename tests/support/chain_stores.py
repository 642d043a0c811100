"""The stores of the chain as twins, tied together where the real ones are: a source that takes rows, the job's files
that the loader copies, RAW that the models read, and layers that the reconciler compares.

`refuse` makes one run impossible for one stage until `heal`.
"""

from decimal import Decimal

from chain_rows import FACTS, KNOWN, OF_ITS_FILE, OF_ITS_RUN, Row, Rows, at, figures, lines, models_of, newest, row_of
from msgspec.structs import replace

import loader.memory as loaded
import spark_submitter.memory as curated
import transformer.memory as built
from ingest_watcher.memory import MemorySource
from ingest_watcher.ports import History, Snapshot
from reconciler.memory import MemoryLake, MemoryLedger, MemoryReports
from reconciler.memory_sides import MemoryMarts, MemorySpeedLayer
from reconciler.ports import Figures, Published
from tidemark.clock import ManualClock
from tidemark.errors import DataTestFailed
from tidemark.tables import Table
from tidemark_lake.decisions import MemoryDecisions
from tidemark_lake.manifest import Manifest, ManifestTable, Result, Stop
from transformer.ports import Model, Plan, Window

NEVER = 10**9


class Stores:
    """Every store of the chain, empty."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.source, self.decisions = MemorySource(), MemoryDecisions()
        self.committed: dict[str, list[tuple[Snapshot, list[Row]]]] = {name: [] for name in KNOWN.tables}
        self.lake, self.files = curated.MemoryLake(), loaded.MemoryLake()
        self.changes: dict[int | None, list[Row]] = {None: []}  # what a snapshot of a changes table holds
        self.job = curated.MemoryJob(self.lake, rows=lambda table: len(self._new(table)), change=self._curate)
        self.raw = loaded.MemoryWarehouse(self.files)
        self.marts = built.MemoryWarehouse(raw=self._raw_ledger)
        self.models = built.MemoryModels({dataset: models_of(dataset) for dataset in KNOWN.datasets}, self._build)
        self.speed = MemorySpeedLayer({pair.speed: [] for pair in KNOWN.pairs.values()})
        self.speed_rows: dict[str, list[Row]] = {name: [] for name in ("transactions", "user_events")}
        self.speed.tables |= {f"{name}_realtime": rows for name, rows in self.speed_rows.items()}
        self.ledger, self.reports = MemoryLedger(), MemoryReports()
        self._refused: dict[str, tuple[str, int]] = {}
        self._healed_by = NEVER
        self._whole: dict[str, list[loaded.Row]] = {}

    def commit(self, *datasets: str) -> None:
        """Every table of these datasets gets a new row, and a newer version of its first one."""
        for name, table in KNOWN.tables.items():
            if table.dataset in datasets:
                self._commit(name, table)
        self.clock.advance(1)

    def refuse(self, stage: str, run_seq: int, dataset: str = "ecommerce", healed_by: int = NEVER) -> None:
        """Let this run be impossible for a stage: the job stops, a file lacks a row, a data test fails.

        A data test holds again with the rows of run `healed_by`.
        """
        self._refused[stage], self._healed_by = (dataset, run_seq), healed_by

    def heal(self) -> None:
        """What was refused can go on."""
        self._refused.clear()
        self.files.contents.update(self._whole)

    def rows(self) -> dict[str, list[str]]:
        """What every layer holds, whatever way it came there."""
        found: dict[str, Rows] = {f"mart {name}": rows for name, rows in self.marts.tables.items()}
        for name, table in KNOWN.tables.items():
            newest = self.decisions.newest(table.dataset)
            found[f"lake {name}"] = self.changes[newest.tables[name].snapshots["changes"]] if newest else []
            found[f"raw {name}"] = self.raw.rows(name)
        return {name: lines(rows, OF_ITS_FILE) for name, rows in found.items()}

    def differences(self) -> dict[str, tuple[list[str], list[str]]]:
        """Where a layer holds other rows than the source's commits lead to: expected and found, apart from runs."""
        expected: dict[str, Rows] = {}
        found: dict[str, Rows] = {}
        for name, table in KNOWN.tables.items():
            changes = [row for _, rows in self.committed[name] for row in rows]
            expected |= {f"lake {name}": changes, f"raw {name}": changes, f"stg_{name}": newest(changes, table.key)}
            decision = self.decisions.newest(table.dataset)
            found[f"lake {name}"] = self.changes[decision.tables[name].snapshots["changes"]] if decision else []
            found |= {f"raw {name}": self.raw.rows(name), f"stg_{name}": self.marts.tables.get(f"stg_{name}", [])}
        for fact, name in FACTS.items():
            expected[fact], found[fact] = expected[f"stg_{name}"], self.marts.tables.get(fact, [])
        pairs = {name: (lines(expected[name], OF_ITS_RUN), lines(found[name], OF_ITS_RUN)) for name in expected}
        return {name: (right, actual) for name, (right, actual) in pairs.items() if right != actual}

    def comparisons(self) -> dict[str, int]:
        """When each run was compared, epoch ms."""
        return {run_id: run.recorded_ms for run_id, run in self.ledger.runs.items()}

    def writes(self) -> dict[str, int]:
        """How often every store has been written to."""
        return {
            "decisions": sum(d.number for d in map(self.decisions.newest, KNOWN.datasets) if d),
            "commits": self.lake.commits,
            "attempts": len(self.job.manifests),
            "loads": len(self.raw.ledger()),
            "builds": len(self.models.windows),
            "publications": len(self.marts.ledger),
            "comparisons": len(self.ledger.runs),
        }

    def _commit(self, name: str, table: Table) -> None:
        line = self.committed[name]
        number, now_ms = len(line) + 1, self.clock.now_ms()
        rows = [row_of(name, table, key, number, now_ms) for key in sorted({1, number})]
        parent = number - 1 or None
        snapshot = Snapshot(
            snapshot_id=number, parent_id=parent, operation="append", committed_at_ms=now_ms, rows=len(rows), files=1
        )
        line.append((snapshot, rows))
        snapshots = {s.snapshot_id: s for s, _ in line}
        history = History(uuid=f"uuid-{name}", current=number, snapshots=snapshots, schemas={})
        self.source.put(table.dataset, name, history)
        if name in self.speed_rows:
            self.speed_rows[name] += [{**row, "processing_time": at(now_ms)} for row in rows]

    def _new(self, table: ManifestTable) -> list[Row]:
        """The rows of the cut that have not been accepted before."""
        held = {row["_lsn"] for row in self.changes[table.base["changes"]]}
        cut = self.committed[table.name][table.from_snapshot or 0 : table.to_snapshot or 0]
        return [row for _, rows in cut for row in rows if row["_lsn"] not in held]

    def _curate(self, manifest: Manifest, result: Result) -> Result:
        """Write what the job says it wrote: the changes tables' rows, and the files that the snapshots added."""
        if self._refused.get("spark-submitter") == (manifest.dataset, manifest.run_seq):
            stop = Stop(reason="a column is gone", remedy="bring it back, then resume")
            return replace(result, status="stopped", stopped=stop)
        return replace(
            result,
            tables=[
                replace(answer, max_ts_ms=self._write(manifest, table, answer.snapshots["changes"]))
                for table, answer in zip(manifest.tables, result.tables, strict=True)
            ],
        )

    def _write(self, manifest: Manifest, table: ManifestTable, snapshot: int | None) -> int | None:
        about = {"_run_id": manifest.run_id, "_run_seq": manifest.run_seq}
        new = [{**row, **about} for row in self._new(table)]
        if not new or snapshot is None:
            return None
        path = f"memory://{table.name}/{manifest.run_id}-{manifest.attempt}.parquet"
        self.changes[snapshot] = self.changes[table.base["changes"]] + new
        self.files.add(manifest.dataset, table.name, snapshot, {path: new})
        if self._refused.get("loader") == (manifest.dataset, manifest.run_seq):
            self._whole[path] = self.files.contents[path]
            self.files.contents[path] = self._whole[path][1:]
        return max(row["_ts_ms"] for row in new)

    def _raw_ledger(self) -> list[built.Load]:
        return [(e.dataset, e.run_seq, e.receipt.table, e.receipt.rows, e.max_ts_ms) for e in self.raw.ledger()]

    def _build(self, plan: Plan, window: Window) -> None:
        dataset, refused_from = self._refused.get("transformer", ("", 0))
        tables = KNOWN.datasets[window.dataset].tables
        there = {row["_run_seq"] for table in tables for row in self.raw.rows(table)}
        if window.dataset == dataset and refused_from in there and refused_from <= window.to_seq < self._healed_by:
            raise DataTestFailed("unique_fct_orders (1 rows)", window.to_seq)
        for model in plan.build:
            self.marts.build[model.name] = self._model(model, window)

    def _model(self, model: Model, window: Window) -> list[built.Row]:
        if not model.raw:
            return [row for name in model.reads for row in self.marts.build[name]]
        window_rows = [r for r in self.raw.rows(model.raw[0]) if window.from_seq < r["_run_seq"] <= window.to_seq]
        return newest([*self.marts.build.get(model.name, []), *window_rows], model.key)


class MartsOf(MemoryMarts):
    """What the transformer has published, as the reconciler sees it."""

    def __init__(self, stores: Stores) -> None:
        super().__init__({})
        self._stores, self.tables = stores, stores.marts.tables

    def published(self, dataset: str) -> Published | None:
        position = self._stores.marts.position(dataset)
        as_of = [receipt.as_of_ms for _, receipt in self._stores.marts.ledger if receipt.dataset == dataset]
        return Published(position.run_seq, position.generation, as_of[-1], position.exclude_flagged) if as_of else None

    def raw(self, name: str, table: Table, up_to_seq: int) -> Figures:
        return {"changes": Decimal(sum(r["_run_seq"] <= up_to_seq for r in self._stores.raw.rows(name)))}

    def _figures(self, layer: str, name: str) -> Figures:
        return figures(self.tables[name if layer == "mart" else f"stg_{name}"])


class LakeOf(MemoryLake):
    """What the job has curated, as the reconciler sees it."""

    def __init__(self, stores: Stores) -> None:
        super().__init__({})
        self._stores = stores

    def figures(self, dataset: str, number: int, name: str, table: Table) -> Figures:
        decision = self._stores.decisions.get(dataset, number)
        rows = self._stores.changes[decision.tables[name].snapshots["changes"] if decision else None]
        return {"changes": Decimal(len(rows)), **figures(newest(rows, table.key))}
