"""One pair compared, from both sides' progress to the entries it leaves."""

from collections.abc import Callable, Sequence
from itertools import count

from msgspec import Struct, field

from reconciler import progress
from reconciler.asked import Asked, Outcome
from reconciler.entries import Difference, Entry, Sighting, advance, counts, status_of
from reconciler.passes import Compared, compare_pair
from reconciler.ports import PairStanding, Ports
from tidemark.events import ReconciledPair
from tidemark.tables import Pair


class Seen(Struct):
    """How far a comparison has come: what it knows stays, if an engine goes away in the middle.

    `touched` None: not compared to the end. `problem`, `stalled`: sentences.
    """

    standing: PairStanding
    speed_ms: int | None = None
    stalled: str | None = None
    problem: str = ""
    compared: Compared = field(default_factory=lambda: Compared(0, []))
    touched: list[Entry] | None = None


def pair_outcome(asked: Asked, name: str, pair: Pair, before: PairStanding | None) -> Outcome:
    """Compare a pair, however far that goes; `before`: how the last comparison left it."""
    ports = asked.ports
    began, known = ports.clock(), list(ports.ledger.open_entries(name))
    listed = f"reports/{asked.event.run_id}/{name}-{ports.now_ms()}"  # one that begins again never mixes its lists
    seen = Seen(standing=before or progress.step(pair, None, None, None, ports.now_ms()))
    try:
        _compare(seen, asked, name, pair, before, known, listed)
    except asked.stops as error:
        seen.problem = str(error)
    address, states = ports.reports.address(listed), counts(known if seen.touched is None else seen.touched)
    reconciled = ReconciledPair(
        pair=name,
        status=status_of(states, bool(seen.problem or seen.stalled), bool(seen.compared.left_over)),
        cutoff_ms=seen.standing.cutoff_ms,
        rows=seen.compared.rows,
        seconds=round(ports.clock() - began, 3),
        detail="; ".join(filter(None, (seen.problem, seen.stalled, _said(seen.compared, address)))),
        pending=states["pending"],
        suspect=states["suspect"],
        confirmed=states["confirmed"],
        resolved=states["resolved"],
    )
    return Outcome(
        reconciled=reconciled,
        standing=seen.standing,
        speed_ms=seen.speed_ms,
        entries=seen.touched or (),
        uncomparable=bool(seen.problem),
    )


def _compare(
    seen: Seen, asked: Asked, name: str, pair: Pair, before: PairStanding | None, known: list[Entry], listed: str
) -> None:
    ports, published = asked.ports, asked.published
    batch_ms = published.progress_ms if published and published.to_seq >= asked.event.to_seq else None
    seen.speed_ms = ports.speed.progress()
    seen.standing = progress.step(pair, before, seen.speed_ms, batch_ms, ports.now_ms())
    seen.stalled = progress.stall(pair, seen.standing, seen.speed_ms, batch_ms, ports.now_ms())
    if seen.speed_ms is None or batch_ms is None:
        return
    window = progress.window(pair, seen.speed_ms, batch_ms)
    keys = dict.fromkeys(entry.difference.key for entry in known)
    settled = asked.settled[name]
    settled.begin(asked.event.generation, window.settled_us)
    seen.compared = compare_pair(pair, ports.speed, ports.marts, window, keys, _keep(listed, ports), settled=settled)
    totals = pair.totals_of is not None
    at = Sighting(asked.event.dataset, name, asked.event.run_id, window.cutoff_ms, ports.now_ms(), totals)
    seen.touched = advance(known, seen.compared.differences, at)


def _keep(folder: str, ports: Ports) -> Callable[[Sequence[Difference]], None]:
    """Parts of a full list become numbered files of a folder."""
    number = count(1)
    return lambda part: ports.reports.write_differences(f"{folder}/{next(number):05d}.parquet", part)


def _said(compared: Compared, listed: str) -> str:
    if not compared.counts:
        return ""
    classes = ", ".join(f"{number} {kind}" for kind, number in sorted(compared.counts.items()))
    more = f", {compared.left_over} of them not in the ledger" if compared.left_over else ""
    return f"differing keys: {classes}{more}; all in {listed}"
