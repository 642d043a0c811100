"""What the submitter needs of the world: decisions, the lake's tables, and somebody who runs the Spark job."""

from collections.abc import Sequence
from typing import Protocol

from msgspec import Struct

from tidemark_lake.decisions import Decision
from tidemark_lake.manifest import Manifest, Result

Snapshots = dict[str, dict[str, int | None]]  # table -> kind (changes, current, held, quarantined) -> snapshot of main
LONGEST_RUN_SECONDS = 7200.0  # a job that takes longer is given up, and tried again


class Stranger(Struct, frozen=True):
    """A snapshot that stood on a table's main and that no decision knows. It stays readable under `tag`."""

    table: str
    snapshot: int
    tag: str


class Decisions(Protocol):
    """The lake's decisions, one after the other per dataset."""

    def newest(self, dataset: str, after: int = 0) -> Decision | None:
        """The newest decision with a number above `after`."""

    def get(self, dataset: str, number: int) -> Decision | None:
        """Decision `number`, None if it has not been taken."""

    def put(self, decision: Decision) -> bool:
        """Take the decision; False: somebody decided this number before."""


class Lake(Protocol):
    """The curated tables. Raises Retryable when the lake is away."""

    def mains(self, dataset: str, tables: Sequence[str]) -> Snapshots:
        """What every curated table's main holds; None for a table that has no snapshot or is not there."""

    def lost(self, decision: Decision) -> list[str]:
        """Curated tables that no longer hold the snapshot which this decision left them at (expired)."""

    def settle(self, decision: Decision, before: Decision | None) -> list[Stranger]:
        """Make every table's main what `decision` says; tag it, drop attempts' branches. Nothing to do: no commit.

        `before` is the decision before it: a main that holds neither of the two's snapshot is a stranger's.
        Superseded if a main is a later decision's already: that one is not set back.
        """


class Job(Protocol):
    """Runs one attempt of the Spark job to its end."""

    def run(self, manifest: Manifest) -> Result:
        """The job's answer; only that of this very attempt counts.

        Raises Retryable when it gave none, CheckFailed when it raises time and again, TypedStop when nobody may run it.
        """
