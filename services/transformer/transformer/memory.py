"""In-memory twins of the transformer's ports; they keep the same promises as the real ones.

`MemoryWarehouse` holds tables of rows: a test calls `load` for what the loader would have put into RAW's ledger (or
gives it a `raw` that tells), and gives `MemoryModels` a function that fills `warehouse.build`. `tables` and `ledger`
are what was published.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from tidemark.errors import NotMyTurn, Superseded
from tidemark.events import BuiltModel, MartsBuilt
from tidemark.failpoints import failpoint
from transformer.ports import Built, Loaded, Model, Plan, Position, Publication, Receipt, Window

Row = Mapping[str, Any]
Load = tuple[str, int, str, int, int | None]  # dataset, run_seq, table, rows, newest _ts_ms


class MemoryWarehouse:
    """Published tables, the build schema and the ledgers in dicts. `raw`: what RAW's ledger holds beside `load`."""

    def __init__(self, raw: Callable[[], Iterable[Load]] = tuple) -> None:
        self._raw = raw
        self.tables: dict[str, list[Row]] = {}
        self.build: dict[str, list[Row]] = {}
        self.ledger: list[tuple[str, MartsBuilt]] = []
        self._positions: dict[str, Position] = {}
        self._loads: list[Load] = []

    def load(self, dataset: str, run_seq: int, tables: Mapping[str, int], max_ts_ms: int | None) -> None:
        """Let RAW hold so many rows of each table from this run."""
        self._loads += [(dataset, run_seq, table, rows, max_ts_ms) for table, rows in tables.items()]

    def position(self, dataset: str) -> Position:
        return self._positions.get(dataset, Position(0, 0))

    def receipt(self, dataset: str, run_id: str) -> MartsBuilt | None:
        return next((built for run, built in self.ledger if run == run_id and built.dataset == dataset), None)

    def loaded(self, dataset: str, from_seq: int, to_seq: int) -> Loaded:
        until = [load for load in self._loads_of(dataset) if load[1] <= to_seq]
        changed = {table for _, seq, table, rows, _ in until if seq > from_seq and rows > 0}
        return Loaded(sorted(changed), max((ms for *_, ms in until if ms is not None), default=None))

    def newest_loaded(self, dataset: str, tables: int) -> int:
        loads = self._loads_of(dataset)
        runs = {seq: {table for _, s, table, *_ in loads if s == seq} for _, seq, *_ in loads}
        return max((seq for seq, names in runs.items() if len(names) >= tables), default=0)

    def _loads_of(self, dataset: str) -> list[Load]:
        return [load for load in [*self._loads, *self._raw()] if load[0] == dataset]

    def published(self, models: Sequence[Model]) -> set[str]:
        return {model.name for model in models if model.name in self.tables}

    def prepare(self, plan: Plan) -> None:
        self.build = {model.name: list(self.tables[model.name]) for model in [*plan.start_from, *plan.read]}

    def publish(self, publication: Publication, receipt: Receipt) -> MartsBuilt:
        dataset, position = publication.window.dataset, self.position(publication.window.dataset)
        if position.generation > publication.generation:
            raise Superseded(f"the marts of {dataset} went to generation {position.generation} meanwhile")
        kept = self.receipt(dataset, publication.run_id)
        if kept is not None:
            return kept
        if position != publication.base:
            raise NotMyTurn(f"the marts of {dataset} went to run {position.run_seq} meanwhile")
        built = receipt({model.name: self._changed(model) for model in publication.models if model.kind != "view"})
        failpoint("transformer.before-ledger")
        failpoint("transformer.before-commit")
        self.tables |= {model.name: list(self.build.get(model.name, [])) for model in publication.models}
        self.ledger.append((publication.run_id, built))
        self._positions[dataset] = Position(
            publication.generation, publication.window.to_seq, publication.window.exclude_flagged
        )
        return built

    def _changed(self, model: Model) -> int:
        before, after = self.tables.get(model.name, []), self.build[model.name]
        removed, added = [r for r in before if r not in after], [r for r in after if r not in before]
        return max(len(removed), len(added))


class MemoryModels:
    """A project of given models. `fill` is called for each build, and may raise what dbt.py raises."""

    def __init__(self, models: Mapping[str, list[Model]], fill: Callable[[Plan, Window], None]) -> None:
        self._models = models
        self._fill = fill
        self.windows: list[Window] = []

    def models(self, dataset: str) -> list[Model]:
        return list(self._models[dataset])

    def build(self, plan: Plan, window: Window) -> Built:
        self.windows.append(window)
        self._fill(plan, window)
        models = [BuiltModel(name=model.name, status="success", rows=0, seconds=0.0) for model in plan.build]
        views = {model.name: f"select from {model.reads}" for model in plan.build if model.kind == "view"}
        return Built(models=models, tests=len(models), views=views)
