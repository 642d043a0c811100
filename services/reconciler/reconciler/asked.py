"""What a comparison is asked, and what it answers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from msgspec import Struct

from reconciler.entries import Entry
from reconciler.ports import PairStanding, Ports, Published
from reconciler.settled import Settled
from tidemark.errors import TidemarkError
from tidemark.events import AlertRaised, MartsBuilt, ReconciledPair


@dataclass(frozen=True)
class Asked:
    """A run's comparison, of marts as they stand `published`. `stops`: errors that stop a pair, and not the run;
    `settled`: what earlier comparisons know of each pair."""

    event: MartsBuilt
    published: Published | None
    ports: Ports
    stops: tuple[type[TidemarkError], ...]
    settled: Mapping[str, Settled]


class Outcome(Struct, frozen=True, kw_only=True):
    """What one comparison says (the event's part), leaves (the ledger's part) and raises.

    `entries` are all that it touched: open ones in their new state, and those it resolved. `speed_ms`: P, the newest
    processing time that was compared.
    """

    reconciled: ReconciledPair
    standing: PairStanding
    speed_ms: int | None = None
    entries: Sequence[Entry] = ()
    alerts: Sequence[AlertRaised] = ()
    uncomparable: bool = False
