"""Repairs the speed layer where the marts are right: `tidemark reconcile repair --apply`.

Every entry is looked at again on both sides just before its batch is written: what agrees by now is left alone, and
what is written is what the marts hold now. So a second time writes nothing. A correction is a row one millisecond newer
than the speed layer's progress: newer than all that was looked at, older than what streams in next, and no sign of life
of a side that is dead. The audit is told before each batch: a crash in between leaves a row too many there, never a
change that nobody told of.
"""

from collections.abc import Callable, Sequence

from msgspec import Struct

from reconciler.canonical import family_of
from reconciler.compare import differences
from reconciler.entries import Difference
from reconciler.passes import both
from reconciler.ports import Marts, SpeedLayer, SpeedRepairs, Uncomparable, Window
from tidemark.tables import Pair

BATCH = 500
WRONG = ("missing_in_speed", "different", "doubled_in_speed")
FOR_EVER_MS = 253_402_300_799_000  # the end of the year 9999


class Mended(Struct, frozen=True):
    """What became of the entries. `agreed`: gone meanwhile; `left`: for a person, doubled in the mart, finer than the
    speed layer's column holds, or of a pair that compares only some columns."""

    corrected: int = 0
    removed: int = 0
    agreed: int = 0
    left: int = 0

    def __add__(self, more: "Mended") -> "Mended":
        return Mended(
            self.corrected + more.corrected, self.removed + more.removed,
            self.agreed + more.agreed, self.left + more.left,
        )  # fmt: skip


def mend(
    pair: Pair,
    keys: Sequence[str],
    sides: tuple[SpeedLayer, Marts],
    repairs: SpeedRepairs,
    say: Callable[[str], None],
) -> Mended:
    """Make the speed layer say what the marts say of these keys, in batches; `say` tells the audit."""
    done = Mended()
    for place in range(0, len(keys), BATCH):
        done += _batch(pair, keys[place : place + BATCH], sides, repairs, say)
    return done


def _batch(
    pair: Pair,
    keys: Sequence[str],
    sides: tuple[SpeedLayer, Marts],
    repairs: SpeedRepairs,
    say: Callable[[str], None],
) -> Mended:
    speed_ms = sides[0].progress()
    if speed_ms is None:
        raise Uncomparable("the speed layer holds nothing; it is to be filled, not repaired")
    window = Window(FOR_EVER_MS, FOR_EVER_MS, speed_ms)
    speed_rows, batch_rows = both("rows to mend", *sides, lambda side: side.rows(pair, window, keys))
    found = differences(pair, keys, speed_rows, batch_rows)
    wrong = [one for one in found if pair.can_be_corrected and one.kind in WRONG and not _as_near_as_can_be(pair, one)]
    surplus = [one.key for one in found if one.kind == "missing_in_batch"]
    if wrong or surplus:
        say(_sentence(pair, [one.key for one in wrong], surplus))
    if wrong:
        repairs.correct(pair, [one.batch for one in wrong], speed_ms + 1)
    if surplus:
        repairs.remove(pair, surplus, speed_ms)
    return Mended(len(wrong), len(surplus), len(keys) - len(found), len(found) - len(wrong) - len(surplus))


def _as_near_as_can_be(pair: Pair, found: Difference) -> bool:
    """Only moments differ, and only below the speed layer's millisecond: writing them again would change nothing."""
    return bool(found.columns) and all(
        family_of(pair.columns[name])[0] == "timestamp"
        and "~" not in (found.speed[name], found.batch[name])
        and int(found.speed[name]) // 1000 == int(found.batch[name]) // 1000
        for name in found.columns
    )


def _sentence(pair: Pair, corrected: Sequence[str], removed: Sequence[str]) -> str:
    told = {"rows corrected from the mart": corrected, "keys removed": removed}
    parts = [f"{len(keys)} {what}: {', '.join(keys)}" for what, keys in told.items() if keys]
    return f"{pair.batch}: " + "; ".join(parts)
