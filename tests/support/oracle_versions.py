"""The versions of a key, its history and the price of a moment, in plain Python: shares no SQL with dbt."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

Row = dict[str, Any]
RANK = {"r": 0, "c": 1, "u": 2, "d": 3}


def by_key(rows: Iterable[Row], column: str = "id") -> dict[Any, list[Row]]:
    """Rows by key, keys in order."""
    found: dict[Any, list[Row]] = {}
    for row in rows:
        found.setdefault(row[column], []).append(row)
    return dict(sorted(found.items()))


def versions(changes: Sequence[Row]) -> list[Row]:
    """One key's versions in the order that counts, each with _version, valid_from, valid_to."""
    ordered = _ordered(changes)
    found: list[Row] = []
    latest: datetime | None = None
    for number, (change, read_after) in enumerate(ordered, 1):
        begins = _begins(change, number == 1, read_after)
        latest = begins if latest is None or begins > latest else latest
        found.append({**change, "_version": number, "valid_from": latest, "valid_to": None})
    for one, following in pairwise(found):
        one["valid_to"] = following["valid_from"]
    return found


def _ordered(changes: Sequence[Row]) -> list[tuple[Row, bool]]:
    """Each change once, in order, and whether it was read after the log's end."""
    earliest: dict[Any, Row] = {}
    for change in sorted(changes, key=lambda c: (c["_ts_ms"], c["_run_seq"])):
        repeat = change["_ts_ms"] if change["_lsn"] is None else None
        earliest.setdefault((change["_op"], change["_lsn"], repeat), change)
    log = [c for c in earliest.values() if c["_op"] != "r" and c["_lsn"] is not None]
    read = [c for c in earliest.values() if c["_op"] == "r" or c["_lsn"] is None]
    log.sort(key=lambda c: (c["_lsn"], RANK[c["_op"]]))
    read.sort(key=lambda c: (c["_ts_ms"], -1 if c["_lsn"] is None else c["_lsn"], RANK[c["_op"]]))
    if not log:
        return [(change, False) for change in read]
    after = [c for c in read if c["_ts_ms"] > log[-1]["_ts_ms"]]
    before = [c for c in read if c["_ts_ms"] <= log[0]["_ts_ms"] and c not in after]
    return [(c, False) for c in before + log] + [(c, True) for c in after]


def committed(change: Mapping[str, Any]) -> datetime:
    """When the source committed it; where it does not say, when the connector wrote it."""
    written = datetime.fromtimestamp(0, UTC).replace(tzinfo=None) + timedelta(milliseconds=change["_ts_ms"])
    return change["_source_ts"] or written


def _begins(change: Row, first: bool, read_after: bool) -> datetime:
    said = None
    if first and change["_op"] != "d":
        said = change["created_at"]
    elif read_after and change["_op"] == "r":
        said = change["updated_at"]
    return min(said or committed(change), committed(change))


def history(found: Sequence[Row], tracked: Sequence[str]) -> list[Row]:
    """One key's stretches of equal values."""
    stretches: list[Row] = []
    before: Row | None = None
    for version in found:
        if not _deleted(version):
            values = {column: version[column] for column in tracked}
            if before is None or _deleted(before) or values != {column: before[column] for column in tracked}:
                number = len(stretches) + 1
                stretches.append(
                    {"id": version["id"], "version": number, **values, "valid_from": version["valid_from"]}
                )
            stretches[-1]["valid_to"] = version["valid_to"]
        before = version
    return stretches


def _deleted(version: Row) -> bool:
    return bool(version["_op"] == "d")


def price_at(stretches: Sequence[Row], moment: datetime | None) -> Any:
    """The price that counted at a moment; before the first one that one."""
    if moment is None:
        return stretches[0]["price"] if len(stretches) == 1 else None
    begun = [stretch for stretch in stretches if stretch["valid_from"] <= moment]
    return (begun or stretches[:1])[-1]["price"]
