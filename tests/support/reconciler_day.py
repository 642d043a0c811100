"""A day of transactions on the reconciler's twins, in simulated time: what happens when is what the caller says."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from msgspec import structs

from reconciler.heartbeat import Heartbeat
from reconciler.memory import MemoryLake, MemoryLedger, MemoryReports
from reconciler.memory_sides import MemoryMarts, MemorySpeedLayer, micros
from reconciler.ports import Ports, Published
from reconciler.stage import reconcile
from tidemark.events import Event, LayersReconciled, MartsBuilt
from tidemark.tables import registry

Row = dict[str, Any]
MIDNIGHT = datetime.fromisoformat("2026-03-01 00:00:00")
KNOWN = registry()
PAIR = KNOWN.pairs["transactions"]


def transaction(number: int, at: datetime, **values: Any) -> Row:
    return {
        "transaction_id": f"00000000-0000-0000-0000-{number:012d}",
        "product_id": "11111111-1111-1111-1111-111111111111",
        "user_id": f"22222222-2222-2222-2222-{number:012d}",
        "quantity": 1,
        **dict.fromkeys(("unit_price", "total_amount", "discount_amount", "tax_amount"), Decimal("1.50")),
        "status": "completed",
        "payment_method": "card",
        "user_tier": "gold",
        "created_at": at,
        **values,
    }


def ms(moment: datetime) -> int:
    return micros(moment) // 1000


class Day:
    """Both sides, the ledger and the clock. Each `step` is half an hour with a transaction a minute, and its run."""

    def __init__(self) -> None:
        self.now, self.seq = MIDNIGHT, 0
        self.speed: list[Row] = []
        self.batch: list[Row] = []
        self.beats: list[Row] = []
        self.rows: list[Row] = []
        self.ledger, self.reports = MemoryLedger(), MemoryReports()
        self.speed_layer, self.marts = MemorySpeedLayer({}), MemoryMarts({})
        self.built_ms = 0
        sides = (self.speed_layer, self.marts, MemoryLake({}), self.ledger, self.reports)
        known = structs.replace(KNOWN, pairs={"transactions": PAIR})
        self.ports = Ports(known, *sides, clock=lambda: self.now.replace(tzinfo=UTC).timestamp())
        self.heartbeat = Heartbeat(self.ports)

    def step(
        self, *, speed: bool = True, batch: bool = True, losing: str = "", late: Sequence[Row] = ()
    ) -> list[Event]:
        """Half an hour: `speed` and `batch` say which side is alive, `losing` which loses this half hour's rows,
        `late` are rows that come to the mart only now. What the run's comparison sent; nothing without a run."""
        then, self.now = self.now, self.now + timedelta(minutes=30)
        self.rows = [transaction(int((then - MIDNIGHT).total_seconds()) // 60 + n, then + timedelta(minutes=n))
                     for n in range(30)]  # fmt: skip
        if speed:
            self.beats.append({"processing_time": self.now})
            self.speed += [] if losing == "speed" else [self.processed(row) for row in self.rows]
        if not batch:
            return []
        self.batch += [*late, *([] if losing == "batch" else self.rows)]
        return self.run()

    def run(self) -> list[Event]:
        """A run of the marts as they stand, compared."""
        self.seq, self.built_ms = self.seq + 1, ms(self.now)
        self.speed_layer.tables = {PAIR.speed: self.speed, "user_events_realtime": self.beats}
        self.marts.tables = {PAIR.batch: self.batch}
        self.marts.publications = [Published(self.seq, 1, self.built_ms)]
        return reconcile(self.event(), self.ports, self.heartbeat)

    def event(self) -> MartsBuilt:
        return MartsBuilt(
            dataset="events", run_id=f"run-{self.seq}", run_seq=self.seq, kind="process", generation=1,
            from_seq=self.seq - 1, to_seq=self.seq, as_of_ms=self.built_ms, models=[], tests=0,
            committed_at_ms=self.built_ms, seconds=0.0,
        )  # fmt: skip

    def processed(self, row: Row, **values: Any) -> Row:
        return {**row, **values, "processing_time": row["created_at"] + timedelta(seconds=2)}


def status(events: Sequence[Event]) -> str:
    assert isinstance(events[0], LayersReconciled)
    return events[0].pairs[0].status
