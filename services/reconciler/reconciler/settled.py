"""Which settled rows need not be compared again, because they agreed and have not changed on either side since.

Each engine hashes what is compared in its own way, for a sixth of what bucket sums cost. These fingerprints, by the
ending of a key's text, say nothing of the other side, but everything of their own: if both are those at which
the rows agreed, the rows agree. Held in memory, and forgotten with each day that settles and each generation, so that
everything is compared in full once a day and after each start; a sample in every comparison besides.
"""

import zlib
from collections.abc import Collection, Mapping

from reconciler.canonical import SUFFIX_CHARACTERS
from reconciler.ports import Tally
from tidemark.tables import Pair

SAMPLED = 64  # each comparison looks at one ending in so many, in turn
MOST_ENDINGS = 16_000  # Snowflake takes 16,384 values in a list
Fingerprints = Mapping[str, Tally]


class Settled:
    """What one pair's comparisons have learned. A comparison begins, learns, and keeps it if it counts."""

    def __init__(self) -> None:
        self._of: tuple[int, int] | None = None
        self._agreed: dict[str, int] = {}
        self._learned: dict[str, int | None] = {}
        self._looks = 0

    def begin(self, generation: int, settled_us: int) -> None:
        """Another comparison; what is known of another generation or of fewer settled days is forgotten, and what the
        last one learned if it has not been kept."""
        if (generation, settled_us) != self._of:
            self._of, self._agreed = (generation, settled_us), {}
        self._learned = {}
        self._looks += 1

    def to_look_at(self, speed: Fingerprints, batch: Fingerprints) -> Collection[str] | None:
        """The endings whose rows are not known to agree, and the sample; None for all of them."""
        names = speed.keys() | batch.keys()
        found = {n for n in names if self._agreed.get(n) != _both(n, speed, batch) or self._is_sampled(n)}
        return found if len(found) <= MOST_ENDINGS else None

    def learn(
        self, speed: Fingerprints, batch: Fingerprints, looked_at: Collection[str] | None, unlike: Collection[str]
    ) -> None:
        """These endings were looked at, and the settled rows agree but in the buckets with an `unlike` suffix."""
        for name in (speed.keys() | batch.keys()) if looked_at is None else looked_at:
            agreed = name[-SUFFIX_CHARACTERS:] not in unlike
            self._learned[name] = _both(name, speed, batch) if agreed else None

    def keep(self) -> None:
        """The marts were the same all through the comparison: what it learned is true of them."""
        self._agreed |= {name: both for name, both in self._learned.items() if both is not None}
        for name in [name for name, both in self._learned.items() if both is None]:
            self._agreed.pop(name, None)
        self._learned = {}

    def _is_sampled(self, ending: str) -> bool:
        return zlib.crc32(ending.encode()) % SAMPLED == self._looks % SAMPLED


def is_known_by_endings(pair: Pair) -> bool:
    """Whether the pair's rows have fingerprints: not totals, which are few and whose base's rows are read for them
    anyway, nor keys of free text, whose endings may be as many as they are."""
    return pair.totals_of is None and pair.columns[pair.key[0]] != "string"


def _both(ending: str, speed: Fingerprints, batch: Fingerprints) -> int:
    sides = (speed.get(ending), batch.get(ending))
    return hash(tuple((side.rows, side.hash_sum) if side else None for side in sides))  # a number for each of 65,536
