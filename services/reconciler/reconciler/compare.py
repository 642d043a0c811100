"""Comparing, without engines: which buckets, which keys, and how a key's rows differ. Pure."""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence

from reconciler.entries import Difference, Kind
from reconciler.ports import Figures, Row, Tally
from tidemark.tables import Pair

NULL = "~"
SETTLED = ":s"
JUDGED = (SETTLED, ":j")


def differing(speed: Mapping[str, Tally], batch: Mapping[str, Tally]) -> list[str]:
    """Names (of buckets or keys) whose rows or hashes are not the same on both sides, in order."""
    return sorted(name for name in speed.keys() | batch.keys() if speed.get(name) != batch.get(name))


def judged_rows(speed: Mapping[str, Tally], batch: Mapping[str, Tally]) -> int:
    """Rows up to W, on the side that has more of them."""
    return max(sum(t.rows for name, t in side.items() if name.endswith(JUDGED)) for side in (speed, batch))


def suffix_of(bucket: str) -> str:
    """The end of the keys that a bucket holds."""
    return bucket.split(":", 1)[1].rsplit(":", 1)[0]


def portions(
    buckets: Sequence[str], speed: Mapping[str, Tally], batch: Mapping[str, Tally], most_rows: int
) -> Iterator[list[str]]:
    """The buckets in portions of about `most_rows` rows. All buckets of one end of the keys are in one portion, so that
    a key whose event time differs, and which therefore lies in two buckets, is met once."""
    by_suffix: dict[str, list[str]] = defaultdict(list)
    for name in buckets:
        by_suffix[suffix_of(name)].append(name)
    portion: list[str] = []
    rows = 0
    for names in by_suffix.values():
        more = sum(max(side[name].rows if name in side else 0 for side in (speed, batch)) for name in names)
        if portion and rows + more > most_rows:
            yield portion
            portion, rows = [], 0
        portion, rows = portion + names, rows + more
    if portion:
        yield portion


def differences(
    pair: Pair, keys: Collection[str], speed: Mapping[str, Sequence[Row]], batch: Mapping[str, Sequence[Row]]
) -> list[Difference]:
    """What whole rows say about these keys; a key whose rows agree is left out."""
    found = (difference(pair, key, speed.get(key, ()), batch.get(key, ())) for key in sorted(keys))
    return [one for one in found if one is not None]


def difference(pair: Pair, key: str, speed: Sequence[Row], batch: Sequence[Row]) -> Difference | None:
    """How one key's rows differ. The speed side has one row a key, unless its latest version says two things; for the
    batch side any second row is one too many."""
    speed = sorted(speed, key=lambda row: list(row.texts.values()))
    times = [row.event_us for row in (*speed, *batch) if row.event_us is not None]
    event_ms = min(times) // 1000 if times else None
    left = speed[0].texts if speed else {}
    right = batch[0].texts if batch else {}
    if not speed and not batch:
        return None
    if len(batch) > 1:
        columns = tuple(c for c in pair.columns if len({row.texts[c] for row in (*speed, *batch)}) > 1)
        return Difference(
            key=key, kind="doubled", columns=columns, copies=len(batch), event_ms=event_ms, speed=left, batch=right
        )
    if not batch:
        return Difference(key=key, kind="missing_in_batch", copies=0, event_ms=event_ms, speed=left)
    if not speed:
        return Difference(key=key, kind="missing_in_speed", event_ms=event_ms, batch=right)
    columns = tuple(c for c in pair.columns if {row.texts[c] for row in speed} != {right[c]})
    if not columns:
        return None
    kind: Kind = "doubled_in_speed" if len(speed) > 1 else "different"
    return Difference(key=key, kind=kind, columns=columns, event_ms=event_ms, speed=left, batch=right)


def unlike_figures(expected: Figures, found: Figures, layers: tuple[str, str]) -> list[str]:
    """Sentences for every figure that both layers give and that is not the same."""
    return [
        f"{name}: {layers[0]} {expected[name]:f}, {layers[1]} {found[name]:f}"
        for name in expected
        if name in found and expected[name] != found[name]
    ]
