"""The watcher's process: holds what has been committed between calls and asks the pure stage what to do.

State changes only through `committed`, which the runner calls once a transaction stands, so that an aborted one leaves
nothing behind. It is recalled from the watcher's own topic when the first call comes, or from the others if that is
gone: by then this process holds the transactional id, and an older watcher can write no more.
"""

from collections.abc import Callable, Sequence
from functools import partial

from ingest_watcher.ports import Decisions, Lake, Memory, Source
from ingest_watcher.position import caught_up
from ingest_watcher.stage import Policy, is_idle, on_poll
from ingest_watcher.told import answering, on_failure, on_request, remembered
from tidemark import telemetry
from tidemark.errors import Retryable
from tidemark.events import Event, RunFailed, RunRequested, WatcherState
from tidemark.failpoints import failpoint
from tidemark.tables import Registry
from tidemark_lake.decisions import Decision

log = telemetry.logger(__name__)


class Watcher:
    """One watcher over all datasets; `now_ms` is the clock."""

    def __init__(
        self,
        source: Source,
        decisions: Decisions,
        lake: Lake,
        memory: Memory,
        registry: Registry,
        policy: Policy,
        now_ms: Callable[[], int],
    ) -> None:
        self._source = source
        self._decisions = decisions
        self._lake = lake
        self._memory = memory
        self._registry = registry
        self._policy = policy
        self._now_ms = now_ms
        self._states: dict[str, WatcherState] | None = None
        self._published: dict[str, Decision] = {}
        self._idle_at: dict[str, dict[str, str]] = {}

    def request(self, event: RunRequested) -> list[Event]:
        state = self._known(event.dataset)
        if event.kind == "resume":
            state = answering(state, self._memory.failures(event.dataset))
        events = on_request(event, state)
        resumed = remembered(events).get(event.dataset) if event.kind == "resume" else None
        # at once, for the stage that resumes may fail again and halt the dataset before the next tick: then the row
        # that heals it would never be cut
        return events + self._cut(resumed) if resumed else events

    def failure(self, event: RunFailed) -> list[Event]:
        return on_failure(event, self._known(event.dataset))

    def tick(self) -> list[Event]:
        """Look at every dataset once; Retryable of one is raised only if no other one has an event."""
        found: list[Event] = []
        trouble: Retryable | None = None
        for dataset in self._registry.datasets:
            try:
                found += self._look(dataset)
            except Retryable as error:
                log.warning("not looked at", extra={"dataset": dataset, "reason": str(error)})
                trouble = trouble or error
        if trouble is not None and not found:
            raise trouble
        return found

    def committed(self, events: Sequence[Event]) -> None:
        """These events stand in Kafka: what they say is now this watcher's memory."""
        changed = remembered(events)
        self._states = (self._states or {}) | changed
        for dataset in changed:
            self._idle_at.pop(dataset, None)

    def _look(self, dataset: str) -> list[Event]:
        state = self._state(dataset)
        pointers = self._source.pointers(dataset)
        if pointers == self._idle_at.get(dataset) and not state.pending:
            return []
        events = self._cut(state)
        if not events and is_idle(state, self._published.get(dataset), self._source, self._registry):
            self._idle_at[dataset] = pointers
        return events

    def _cut(self, state: WatcherState) -> list[Event]:
        decision = self._newest(state.dataset)
        decided = partial(self._decisions.get, state.dataset)
        sees = (self._source, self._registry, self._policy, self._now_ms(), decided, self._lake.lost)
        events = on_poll(state, decision, *sees)
        if events:
            log.info("cut or stop", extra={"dataset": state.dataset, "events": [type(e).__name__ for e in events]})
            failpoint("ingest-watcher.after-commit")
        return events

    def _newest(self, dataset: str) -> Decision | None:
        known = self._published.get(dataset)
        newer = self._decisions.newest(dataset, after=known.number if known else 0)
        if newer is not None:
            self._published[dataset] = newer
        return newer or known

    def _known(self, dataset: str) -> WatcherState:
        return caught_up(self._state(dataset), self._newest(dataset))

    def _state(self, dataset: str) -> WatcherState:
        if self._states is None:
            self._states = self._memory.recall()
        if dataset not in self._states:
            self._states[dataset] = self._memory.recover(dataset)
        return self._states[dataset]
