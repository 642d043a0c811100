"""What the reconciler needs of the outside, in its own words. clickhouse.py, snowflake.py and lake.py do it for real,
memory.py without anything; tests/contract holds both to the same promises.

Every method raises Retryable when its engine is away, and Uncomparable when it can never answer as things are.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Protocol

from msgspec import Struct, field

from reconciler.entries import Difference, Entry
from tidemark.errors import TidemarkError
from tidemark.events import Event
from tidemark.tables import Pair, Registry, Table

Figures = Mapping[str, Decimal]
DAY_MS = 86_400_000


class Uncomparable(TidemarkError):
    """This pair cannot be compared until a person mends a table or the registry; the chain goes on without it."""


class Window(Struct, frozen=True):
    """What one comparison looks at, epoch ms: rows with event time <= `upper`, judged up to `cutoff` (W), and on the
    speed side only versions processed up to `processed` (P)."""

    cutoff_ms: int
    upper_ms: int
    processed_ms: int

    @property
    def settled_us(self) -> int:
        """The beginning of W's day, epoch us: days before it are settled. A key is if all its versions lie there."""
        return self.cutoff_ms // DAY_MS * DAY_MS * 1000


class Tally(Struct, frozen=True):
    """How many rows there are, and the sum of their hashes: 60 bits of a canonical text's, or an engine's own."""

    rows: int
    hash_sum: int


class Row(Struct, frozen=True):
    """One row as canonical texts by column; `event_us` is its event time in epoch microseconds, None for NULL."""

    event_us: int | None
    texts: Mapping[str, str]


class Published(Struct, frozen=True):
    """The marts as they stand: built up to run `to_seq` of `generation`, true as of `as_of_ms` (0: no row yet), with or
    without flagged rows.
    """

    to_seq: int
    generation: int
    as_of_ms: int
    exclude_flagged: bool = False

    @property
    def progress_ms(self) -> int | None:
        """This side's heartbeat; None while it holds nothing."""
        return self.as_of_ms or None


class PairStanding(Struct, frozen=True, kw_only=True):
    """A pair as its last comparison left it. `moved_ms`: wall clock when W was last seen to move; `incidents`: open
    alerts, kind -> incident."""

    cutoff_ms: int | None
    speed_ms: int | None
    batch_ms: int | None
    moved_ms: int
    incidents: dict[str, str] = field(default_factory=dict)


class Recorded(Struct, frozen=True, kw_only=True):
    """One comparison as it goes into the ledger: its outgoing events, the pairs' standing, the changed entries."""

    dataset: str
    run_id: str
    run_seq: int
    generation: int
    compared_seq: int
    status: str
    recorded_ms: int
    seconds: float
    events: Sequence[Event]
    standing: Mapping[str, PairStanding]
    entries: Sequence[Entry]


class Side(Protocol):
    """One of the two things compared. Of the speed side only the latest version of a key counts."""

    def check(self, pair: Pair) -> None:
        """Raise Uncomparable unless every column of the pair is there with a type that can be compared."""

    def fingerprints(self, pair: Pair, window: Window) -> Mapping[str, Tally]:
        """Of the settled keys, by the ending of their text: rows, and the engine's own hashes of all that is compared.
        The same figures in another comparison: none of these rows has changed. Not for totals."""

    def sums(self, pair: Pair, window: Window, endings: Collection[str] | None = None) -> Mapping[str, Tally]:
        """Tally per bucket; a bucket's name ends in ':s' (of settled keys), ':j' (judged) or ':p' (younger than W). Of
        settled keys only those with one of these endings."""

    def keys(
        self, pair: Pair, window: Window, buckets: Sequence[str], endings: Collection[str] | None = None
    ) -> Mapping[str, Tally]:
        """Tally per key of these buckets, by canonical key text; of settled keys only those with one of these
        endings."""

    def rows(self, pair: Pair, window: Window, keys: Collection[str]) -> Mapping[str, Sequence[Row]]:
        """The whole rows of these keys, whatever their event time; keys without any are left out."""


class SpeedLayer(Side, Protocol):
    """The real-time side."""

    def progress(self) -> int | None:
        """Its heartbeat: the newest processing time, epoch ms; None while it holds nothing."""


class SpeedRepairs(Protocol):
    """Writing to the real-time side, for a person who asks for it."""

    def correct(self, pair: Pair, rows: Sequence[Mapping[str, str]], version_ms: int) -> None:
        """Write these rows, canonical texts by column, with a new version."""

    def remove(self, pair: Pair, keys: Sequence[str], upto_ms: int) -> None:
        """Delete every version of these keys up to a moment."""


class Marts(Side, Protocol):
    """The batch side, and the warehouse's layers."""

    def published(self, dataset: str) -> Published | None:
        """The newest publication; None before the first. `progress_ms` is this side's heartbeat."""

    def raw(self, name: str, table: Table, up_to_seq: int) -> Figures:
        """`changes` in RAW up to a run."""

    def staging(self, name: str, table: Table) -> Figures:
        """`rows`, `deleted`, and of the rows not deleted the sums of key and money."""

    def live(self, name: str, table: Table, exclude_flagged: bool) -> Figures:
        """`rows` and sums of money of staging's live view, of all its rows or without the flagged ones."""

    def mart(self, mart: str, table: Table) -> Figures:
        """`rows` and sums of money of a mart whose rows are the table's live rows."""


class Lake(Protocol):
    """The lake's tables as one decision left them."""

    def figures(self, dataset: str, number: int, name: str, table: Table) -> Figures:
        """`changes`, `rows`, `deleted`, and of the rows not deleted the sums of key and money."""


class Ledger(Protocol):
    """What has been found so far, in OPS."""

    def receipt(self, run_id: str) -> list[Event] | None:
        """The events that this run's comparison sent, None if it has not been done."""

    def standing(self, dataset: str) -> Mapping[str, PairStanding]:
        """How the newest comparison left each pair; empty before the first."""

    def open_entries(self, pair: str) -> Sequence[Entry]:
        """Entries that are not resolved."""

    def record(self, recorded: Recorded) -> list[Event]:
        """Write all of it in one transaction, once per run: a run that is there already changes nothing and gives
        back the events stored then. Superseded if a newer generation has been recorded."""


class Reports(Protocol):
    """Where reports are put."""

    def write(self, name: str, body: bytes) -> str:
        """Write or overwrite a report; gives back its address."""

    def write_differences(self, name: str, found: Sequence[Difference]) -> None:
        """Write or overwrite a part of a pair's full list, as Parquet."""

    def address(self, name: str) -> str:
        """Where a report or a folder of reports is found."""


@dataclass(frozen=True)
class Ports:
    """Everything the stage works with; `clock` gives epoch seconds."""

    registry: Registry
    speed: SpeedLayer
    marts: Marts
    lake: Lake
    ledger: Ledger
    reports: Reports
    clock: Callable[[], float]

    def now_ms(self) -> int:
        """The wall clock in epoch milliseconds."""
        return int(self.clock() * 1000)
