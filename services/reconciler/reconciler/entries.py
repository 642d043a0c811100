"""The life of a difference. Pure: no clock, no store.

    pending    younger than the lateness bound: not judged yet
    suspect    judged once
    confirmed  seen again after W has moved on
    resolved   gone; with the seconds it took

An entry that is resolved and differs again is a new entry. A day's totals differ for many reasons, one after the other
(late events): they are confirmed only if they say the same again. To add a state, add it here and to ADR and report.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Literal

from msgspec import Struct, field, structs

from tidemark.events import ReconciliationStatus

State = Literal["pending", "suspect", "confirmed", "resolved"]
# doubled: on the batch side
Kind = Literal["missing_in_speed", "missing_in_batch", "different", "doubled", "doubled_in_speed"]


class Difference(Struct, frozen=True, kw_only=True):
    """One key on which the two sides do not agree. `columns`: those that differ; `copies`: rows on the batch side.

    `event_ms` is the earlier of both sides' event times; texts are canonical, by column.
    """

    key: str
    kind: Kind
    columns: tuple[str, ...] = ()
    copies: int = 1
    event_ms: int | None
    speed: Mapping[str, str] = field(default_factory=dict)
    batch: Mapping[str, str] = field(default_factory=dict)


class Entry(Struct, frozen=True, kw_only=True):
    """A difference in the ledger. `judged_cutoff_ms` is W when it was first judged; times are epoch ms."""

    entry_id: str
    dataset: str
    pair: str
    state: State
    first_run_id: str
    first_seen_ms: int
    judged_cutoff_ms: int | None
    last_run_id: str
    last_seen_ms: int
    resolved_ms: int | None
    seconds_to_resolve: float | None
    difference: Difference


class Sighting(Struct, frozen=True):
    """The comparison that looks: whose run, at which W, when, and whether at totals."""

    dataset: str
    pair: str
    run_id: str
    cutoff_ms: int
    now_ms: int
    totals: bool = False


def advance(known: Iterable[Entry], found: Sequence[Difference], at: Sighting) -> list[Entry]:
    """Every entry this comparison touches, in its new state: those found, and the open ones that are gone.

    `known` are the pair's open entries; each of their keys must have been looked at.
    """
    by_key = {entry.difference.key: entry for entry in known}
    seen = [_seen(by_key.pop(d.key), d, at) if d.key in by_key else _new(d, at) for d in found]
    return seen + [_resolved(entry, at) for entry in by_key.values()]


def is_judged(difference: Difference, cutoff_ms: int) -> bool:
    """Whether it is old enough; what has no event time would never become so."""
    return difference.event_ms is None or difference.event_ms <= cutoff_ms


def counts(entries: Iterable[Entry]) -> dict[State, int]:
    """How many entries there are in each state."""
    found: dict[State, int] = {"pending": 0, "suspect": 0, "confirmed": 0, "resolved": 0}
    for entry in entries:
        found[entry.state] += 1
    return found


def status_of(states: Mapping[State, int], stalled: bool, overflow: bool = False) -> ReconciliationStatus:
    """A pair's status; `overflow`: more keys differ than the ledger takes."""
    if stalled:
        return "STALLED"
    if states["confirmed"]:
        return "DIVERGED"
    return "CONVERGING" if states["suspect"] or overflow else "CONVERGED"


def _new(difference: Difference, at: Sighting) -> Entry:
    judged = is_judged(difference, at.cutoff_ms)
    name = "\0".join((at.dataset, at.pair, difference.key, at.run_id))
    return Entry(
        entry_id=hashlib.sha256(name.encode()).hexdigest()[:32],
        dataset=at.dataset,
        pair=at.pair,
        state="suspect" if judged else "pending",
        first_run_id=at.run_id,
        first_seen_ms=at.now_ms,
        judged_cutoff_ms=at.cutoff_ms if judged else None,
        last_run_id=at.run_id,
        last_seen_ms=at.now_ms,
        resolved_ms=None,
        seconds_to_resolve=None,
        difference=difference,
    )


def _seen(entry: Entry, difference: Difference, at: Sighting) -> Entry:
    state, cutoff = entry.state, entry.judged_cutoff_ms
    if cutoff is None:
        if is_judged(difference, at.cutoff_ms):
            state, cutoff = "suspect", at.cutoff_ms
    elif at.totals and (difference.speed, difference.batch) != (entry.difference.speed, entry.difference.batch):
        state, cutoff = "suspect", at.cutoff_ms
    elif at.cutoff_ms > cutoff:
        state = "confirmed"
    return structs.replace(
        entry,
        state=state,
        judged_cutoff_ms=cutoff,
        last_run_id=at.run_id,
        last_seen_ms=at.now_ms,
        difference=difference,
    )


def _resolved(entry: Entry, at: Sighting) -> Entry:
    return structs.replace(
        entry,
        state="resolved",
        resolved_ms=at.now_ms,
        seconds_to_resolve=(at.now_ms - entry.first_seen_ms) / 1000,
    )
