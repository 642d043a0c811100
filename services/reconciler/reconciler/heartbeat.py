"""The timer between comparisons: notices a chain or a speed layer that stands still, and says so once.

It asks the speed layer only; the marts' progress comes with each comparison, so that no warehouse is woken up to hear
that nothing has happened. A speed layer that does not answer counts as one that has not moved.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping

from reconciler import progress
from reconciler.alerts import Judged, incident, raised
from reconciler.ports import PairStanding, Ports, Published, Uncomparable
from reconciler.settled import Settled
from tidemark.errors import Retryable
from tidemark.events import AlertRaised, Event
from tidemark.telemetry import logger

log = logger(__name__)
PATIENCE_SECONDS = 900.0


class Heartbeat:
    """Remembers each pair's standing between ticks. `raised`: stalls told of and not yet over, pair -> incident;
    `settled`: what comparisons know of each pair's settled rows."""

    def __init__(self, ports: Ports) -> None:
        self._ports = ports
        self._standing: dict[str, PairStanding] = {}
        self._batch_ms: dict[str, int] = {}
        self._read = False
        self._waiting: dict[str, tuple[str, float]] = {}
        self.raised: dict[str, str] = {}
        self.settled: defaultdict[str, Settled] = defaultdict(Settled)

    def is_patient(self, dataset: str, run_id: str) -> bool:
        """Whether this run's comparison may still wait for an engine; called at each of its tries."""
        now = self._ports.clock()
        run, since = self._waiting.get(dataset, ("", now))
        self._waiting[dataset] = (run_id, since if run == run_id else now)
        return now - self._waiting[dataset][1] < PATIENCE_SECONDS

    def keep(self, pairs: Iterable[str]) -> None:
        """These pairs' last comparisons were all of one state of the marts."""
        for name in pairs:
            self.settled[name].keep()

    def compared(self, dataset: str, standing: Mapping[str, PairStanding], published: Published | None) -> None:
        """A comparison has been recorded: go on from there."""
        self._standing.update(standing)
        if published and published.progress_ms is not None:
            self._batch_ms[dataset] = published.progress_ms
        for name, pair in standing.items():
            if "stalled" in pair.incidents:
                self.raised[name] = pair.incidents["stalled"]
            else:
                self.raised.pop(name, None)

    def tick(self) -> list[Event]:
        """An alert for every pair that is found stalled for the first time."""
        try:
            self._read_once()
            speed_ms = self._ports.speed.progress()
        except (Retryable, Uncomparable) as error:
            log.warning("no heartbeat of the speed layer: %s", error)
            speed_ms = None
        alerts = [self._look(name, speed_ms) for name in self._standing]
        return [alert for alert in alerts if alert is not None]

    def _read_once(self) -> None:
        """After a start the last comparison's standing comes from the ledger."""
        if self._read:
            return
        for dataset in {pair.dataset for pair in self._ports.registry.pairs.values()}:
            self.compared(dataset, self._ports.ledger.standing(dataset), self._ports.marts.published(dataset))
        self._read = True

    def _look(self, name: str, newest_ms: int | None) -> AlertRaised | None:
        pair, before = self._ports.registry.pairs.get(name), self._standing[name]
        if pair is None:
            return None
        now_ms, speed_ms = self._ports.now_ms(), newest_ms or before.speed_ms
        batch_ms = self._batch_ms.get(pair.dataset, before.batch_ms)
        standing = progress.step(pair, before, speed_ms, batch_ms, now_ms)
        self._standing[name] = standing
        why = progress.stall(pair, standing, speed_ms, batch_ms, now_ms)
        if why is None or name in self.raised:
            return None
        judged = Judged(
            dataset=pair.dataset, pair=name, run_id="", status="STALLED", cutoff_ms=standing.cutoff_ms, detail=why
        )
        self.raised[name] = incident(judged, "stalled")
        return raised(judged, "stalled", self.raised[name])
