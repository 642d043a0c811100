"""All five services on one bus, with twins for every store (chain_stores.py). Time moves only by `settle`."""

from itertools import count

from chain_rows import KNOWN
from chain_stores import LakeOf, MartsOf, Stores
from places import SERVICES

from ingest_watcher.__main__ import watcher_stage
from ingest_watcher.recovered import SOURCES, recovered
from ingest_watcher.stage import Policy
from ingest_watcher.told import remembered
from ingest_watcher.watcher import Watcher
from loader.__main__ import loader_stage
from loader.ports import Ports as LoaderPorts
from reconciler.ports import Ports as ReconcilerPorts
from reconciler.stage import stage as reconciler_stage
from spark_submitter.__main__ import submitter_stage
from spark_submitter.stage import Ports as SubmitterPorts
from tidemark.events import (
    PARKED,
    LayersReconciled,
    RequestKind,
    RunEvent,
    RunFailed,
    RunRequested,
    Selection,
    SnapshotCommitted,
    WatcherState,
)
from tidemark.failpoints import FailpointError
from tidemark.memory_bus import MemoryBus
from tidemark.parking import rebuild_all
from tidemark.stage import Stage
from transformer.__main__ import transformer_stage
from transformer.stage import Ports as TransformerPorts


class Chain:
    """The services and their stores. `without`: services that are started later, by `start`."""

    def __init__(self, *without: str, maintain_every_runs: int = 0, maintain_after_rows: int = 0) -> None:
        due = {"maintain_every_runs": maintain_every_runs, "maintain_after_rows": maintain_after_rows}
        self._policy = Policy(settle_seconds=10, max_wait_seconds=600, **due)
        self.stores = Stores()
        self.clock = self.stores.clock
        self._attempts, self._requests = count(1), count(1)
        self.bus = MemoryBus(clock=self.clock)
        for name in SERVICES:
            if name not in without:
                self.start(name)

    def start(self, name: str) -> None:
        """Start a service as a new process, or start it again."""
        self.bus.restart(self.stage(name))

    def stage(self, name: str) -> Stage:
        """A service, newly composed: nothing but what the stores and the bus hold is carried over."""
        stores, seconds = self.stores, self.clock.monotonic
        match name:
            case "ingest-watcher":
                sees = (stores.source, stores.decisions, stores.lake, self)
                return watcher_stage(Watcher(*sees, KNOWN, self._policy, self.clock.now_ms))
            case "spark-submitter":
                works_on = (stores.decisions, stores.lake, stores.job, KNOWN)
                return submitter_stage(SubmitterPorts(*works_on, "memory://state", self._attempt, self.clock.now_ms))
            case "loader":
                return loader_stage(LoaderPorts(stores.files, stores.raw, stores.decisions, seconds))
            case "transformer":
                return transformer_stage(TransformerPorts(stores.marts, stores.models, seconds))
            case _:
                sides = (stores.speed, MartsOf(stores), LakeOf(stores), stores.ledger, stores.reports)
                return reconciler_stage(ReconcilerPorts(KNOWN, *sides, lambda: self.clock.now_ms() / 1000))

    def lose_the_topic(self, *, offsets: bool) -> None:
        """The watcher starts again with its own topic empty; with `offsets` it reads every request and failure anew."""
        self.bus.log[:] = [record for record in self.bus.log if record.topic != WatcherState.topic]
        if offsets:
            for place in [place for place in self.bus.committed if place[0] == "ingest-watcher"]:
                del self.bus.committed[place]
        self.start("ingest-watcher")

    def recall(self) -> dict[str, WatcherState]:
        """The watcher's topic."""
        return remembered(self.bus.events(WatcherState))

    def recover(self, dataset: str) -> WatcherState:
        """What the other topics tell of a dataset."""
        told = [event for kind in SOURCES for event in self.bus.events(kind)]
        return recovered(dataset, told, rebuild_all(self.bus.records(PARKED)))

    def failures(self, dataset: str) -> list[str]:
        """What has failed, as the watcher reads it."""
        return [event.event_id for event in self.bus.events(RunFailed) if event.dataset == dataset]

    def settle(self, seconds: int = 60) -> None:
        """Let the source be quiet for so long, while everybody works."""
        for _ in range(seconds // 15):
            self.clock.advance(15)
            self.bus.run()

    def settle_through_deaths(self, stage: str) -> int:
        """Work until all is done, starting the stage again whenever it dies; how often it died."""
        for deaths in range(100):
            try:
                self.settle()
            except FailpointError:
                self.start(stage)
                continue
            return deaths
        raise AssertionError(f"{stage} dies again and again")

    def wrong(self, expected: dict[str, list[str]], runs: int) -> list[str]:
        """What differs from a chain to which nothing happened in so many runs of every dataset; empty: nothing."""
        found, told = self.stores.rows(), self.bus.events(LayersReconciled)
        wrong = [f"rows of {name}" for name in expected if found.get(name) != expected[name]]
        wrong += [f"layers of {name}" for name in self.stores.differences()]
        wrong += [f"runs of {name}" for name in KNOWN.datasets if self.done(name) != list(range(1, runs + 1))]
        return wrong + [f"status of {e.run_id}: {e.status}" for e in told if e.status != "CONVERGED"]

    def step(self, *datasets: str) -> None:
        """A commit to every table of these datasets, and what comes of it."""
        self.stores.commit(*datasets)
        self.settle()

    def ask(
        self,
        kind: RequestKind,
        dataset: str = "ecommerce",
        to_run_id: str | None = None,
        selection: Selection | None = None,
        reason: str = "",
    ) -> RunRequested:
        """A person asks for something."""
        request = RunRequested(
            dataset=dataset,
            request_id=f"request-{next(self._requests)}",
            kind=kind,
            requested_by="ada",
            to_run_id=to_run_id,
            selection=selection,
            reason=reason,
        )
        self.bus.publish(request)
        return request

    def done(self, dataset: str, event: type[RunEvent] = LayersReconciled) -> list[int]:
        """The runs that have come so far, in order."""
        return [e.run_seq for e in self.bus.events(event) if e.dataset == dataset]

    def cuts(self, dataset: str) -> list[int]:
        """The runs that were begun."""
        return self.done(dataset, SnapshotCommitted)

    def parked(self, stage: str, dataset: str = "ecommerce") -> list[str]:
        """The runs whose events wait at a stage, in order."""
        return [entry.run_id or "" for entry in self.bus.parking(stage).of(dataset).parked]

    def runs(self, dataset: str = "ecommerce") -> list[str]:
        """The ids of the runs that were begun, in order."""
        return [e.run_id for e in self.bus.events(SnapshotCommitted) if e.dataset == dataset]

    def _attempt(self) -> str:
        return f"a{next(self._attempts)}"
