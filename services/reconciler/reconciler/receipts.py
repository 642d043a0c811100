"""Events and entries as the ledger stores them: JSON and plain columns. Pure; both ledgers use it."""

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import convert, json, to_builtins

from reconciler.entries import Difference, Entry
from reconciler.ports import PairStanding
from tidemark.events import AlertRaised, Event, LayersReconciled

_SENT: dict[str, type[Event]] = {kind.stage: kind for kind in (LayersReconciled, AlertRaised)}
# The values of an entry in the order in which sql/ledger.sql reads them.
ENTRY_COLUMNS = (
    *("entry_id", "dataset", "pair", "row_key", "state", "difference", "columns", "copies", "event_ms"),
    *("first_run_id", "first_seen_ms", "judged_cutoff_ms", "last_run_id", "last_seen_ms", "resolved_ms"),
    *("seconds_to_resolve", "speed_row", "batch_row"),
)


def events_to_text(events: Sequence[Event]) -> str:
    """A comparison's outgoing events as one JSON text."""
    return json.encode([{"stage": event.stage, "event": to_builtins(event)} for event in events]).decode()


def events_from_text(text: str) -> list[Event]:
    """The same events."""
    return [convert(one["event"], _SENT[one["stage"]]) for one in json.decode(text)]


def standing_to_text(standing: Mapping[str, PairStanding]) -> str:
    """Each pair's standing as one JSON text."""
    return json.encode(standing).decode()


def standing_from_text(text: str) -> dict[str, PairStanding]:
    """The same standing."""
    return json.decode(text, type=dict[str, PairStanding])


def entry_to_columns(entry: Entry) -> dict[str, Any]:
    """An entry as the values of OPS.RECONCILIATION_ENTRY."""
    found = entry.difference
    return {
        "entry_id": entry.entry_id,
        "dataset": entry.dataset,
        "pair": entry.pair,
        "row_key": found.key,
        "state": entry.state,
        "difference": found.kind,
        "columns": ",".join(found.columns),
        "copies": found.copies,
        "event_ms": found.event_ms,
        "first_run_id": entry.first_run_id,
        "first_seen_ms": entry.first_seen_ms,
        "judged_cutoff_ms": entry.judged_cutoff_ms,
        "last_run_id": entry.last_run_id,
        "last_seen_ms": entry.last_seen_ms,
        "resolved_ms": entry.resolved_ms,
        "seconds_to_resolve": entry.seconds_to_resolve,
        "speed_row": json.encode(found.speed).decode(),
        "batch_row": json.encode(found.batch).decode(),
    }


def entry_from_columns(values: Mapping[str, Any]) -> Entry:
    """The entry whose values these are."""
    difference = Difference(
        key=values["row_key"],
        kind=values["difference"],
        columns=tuple(filter(None, values["columns"].split(","))),
        copies=values["copies"],
        event_ms=values["event_ms"],
        speed=json.decode(values["speed_row"], type=dict[str, str]),
        batch=json.decode(values["batch_row"], type=dict[str, str]),
    )
    same = ("entry_id", "dataset", "pair", "state", "first_run_id", "first_seen_ms", "judged_cutoff_ms")
    more = ("last_run_id", "last_seen_ms", "resolved_ms", "seconds_to_resolve")
    return Entry(**{name: values[name] for name in (*same, *more)}, difference=difference)
