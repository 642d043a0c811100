"""The reconciler's stage on its twins, whose two sides move on together."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from reconciler.heartbeat import Heartbeat
from reconciler.memory import MemoryLake, MemoryLedger, MemoryReports
from reconciler.memory_sides import MemoryMarts, MemorySpeedLayer, micros
from reconciler.ports import Ports, Published
from reconciler.stage import reconcile
from tidemark.events import AlertRaised, Event, LayersReconciled, MartsBuilt, ReconciledPair
from tidemark.tables import registry

START = datetime.fromisoformat("2026-03-01 12:00:00")
KNOWN = registry()
TRANSACTIONS, SESSIONS = KNOWN.pairs["transactions"], KNOWN.pairs["sessions"]


def ms(moment: datetime) -> int:
    return micros(moment) // 1000


def transaction(number: int, at: datetime = START, **values: Any) -> dict[str, Any]:
    return {
        "transaction_id": f"00000000-0000-0000-0000-{number:012d}",
        "product_id": "11111111-1111-1111-1111-111111111111",
        "user_id": "22222222-2222-2222-2222-222222222222",
        "quantity": 1,
        **dict.fromkeys(("unit_price", "total_amount", "discount_amount", "tax_amount"), Decimal("1.50")),
        "status": "completed",
        "payment_method": "card",
        "user_tier": "gold",
        "created_at": at,
        **values,
    }


@dataclass
class Bench:
    """Twins whose two sides move on together, hour by hour; `runs` counts up."""

    batch: list[dict[str, Any]] = field(default_factory=lambda: [transaction(n) for n in range(50)])
    wall: float = 1_800_000_000.0
    hours: int = 1
    seq: int = 0
    generation: int = 1
    batch_alive: bool = True
    exclude_flagged: bool = False

    def __post_init__(self) -> None:
        self.speed = [self.processed(row) for row in self.batch]
        self.ledger, self.reports = MemoryLedger(), MemoryReports()
        self.speed_layer, self.marts = MemorySpeedLayer({}), MemoryMarts({})
        self.ports = Ports(
            registry=KNOWN,
            speed=self.speed_layer,
            marts=self.marts,
            lake=MemoryLake({}),
            ledger=self.ledger,
            reports=self.reports,
            clock=lambda: self.wall,
        )
        self.heartbeat = Heartbeat(self.ports)

    def processed(self, row: dict[str, Any], **values: Any) -> dict[str, Any]:
        return {**row, **values, "processing_time": row["created_at"] + timedelta(seconds=2)}

    def run(self, dataset: str = "events", speed_alive: bool = True, **event: Any) -> list[Event]:
        """One run: both sides get on by an hour (or the marts only), the wall clock by ten minutes."""
        self.seq, self.hours, self.wall = self.seq + 1, self.hours + 1, self.wall + 600
        return self.again(dataset, speed_alive, **event)

    def again(self, dataset: str = "events", speed_alive: bool = True, **event: Any) -> list[Event]:
        now = START + timedelta(hours=self.hours)
        beat = [{"processing_time": now}] if speed_alive else []
        self.beats = [*getattr(self, "beats", []), *beat]
        self.speed_layer.tables = {
            "transactions_realtime": self.speed,
            "user_sessions_realtime": [],
            "user_events_realtime": [],
            "beats": self.beats,
        }
        self.marts.tables = {"fct_transactions": self.batch, "fct_sessions": [], "stg_user_events": []}
        as_of_ms = ms(now) if self.batch_alive else 0
        newest = Published(self.seq, self.generation, as_of_ms, self.exclude_flagged)
        self.marts.publications = [*self.marts.publications[:-1], newest]
        return reconcile(self.event(dataset, **event), self.ports, self.heartbeat)

    def event(self, dataset: str = "events", **values: Any) -> MartsBuilt:
        given: dict[str, Any] = {
            "dataset": dataset,
            "run_id": f"run-{self.seq}",
            "run_seq": self.seq,
            "kind": "process",
            "generation": self.generation,
            "from_seq": self.seq - 1,
            "to_seq": self.seq,
            "as_of_ms": 0,
            "models": [],
            "tests": 0,
            "committed_at_ms": 0,
            "seconds": 0.0,
        }
        return MartsBuilt(**{**given, **values})


def pair_of(events: Sequence[Event], name: str = "transactions") -> ReconciledPair:
    assert isinstance(events[0], LayersReconciled)
    return next(pair for pair in events[0].pairs if pair.pair == name)


def alerts_of(events: Sequence[Event]) -> list[tuple[str, bool]]:
    return [(event.incident, event.resolved) for event in events if isinstance(event, AlertRaised)]
