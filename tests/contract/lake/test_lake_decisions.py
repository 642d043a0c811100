"""What decisions promise, on S3 and in memory alike."""

from itertools import count
from typing import Any

import pytest

from tidemark.events import LakeCurated
from tidemark.settings import LakeSettings
from tidemark_lake.decisions import DecidedTable, Decision, DecisionStore, MemoryDecisions
from tidemark_lake.objects import Folder, s3_client

pytestmark = pytest.mark.lab
_names = count(1)


@pytest.fixture(params=["memory", "s3"])
def decisions(request: pytest.FixtureRequest) -> Any:
    if request.param == "memory":
        return MemoryDecisions()
    settings: LakeSettings = request.getfixturevalue("lake_settings")
    client = s3_client(settings.aws_region, settings.s3_endpoint)
    return DecisionStore(Folder(client, f"{settings.lake_state}/{next(_names)}"))


def decision(number: int, attempt: str = "a", dataset: str = "ecommerce") -> Decision:
    curated = LakeCurated(
        dataset=dataset,
        run_id=f"run-{number}",
        run_seq=number,
        kind="process",
        generation=0,
        decision=number,
        tables=[],
        committed_at_ms=5,
        seconds=1.5,
        spark={"jobs": 3},
    )
    snapshots = {"changes": 7, "current": 2**62, "held": None, "quarantined": None}
    return Decision(
        number=number,
        dataset=dataset,
        run_id=f"run-{number}",
        run_seq=number,
        kind="process",
        generation=0,
        attempt=attempt,
        tables={"users": DecidedTable(source_snapshot=1, source_uuid="u", snapshots=snapshots)},
        curated=curated,
    )


def test_what_was_put_is_what_is_got(decisions: Any) -> None:
    """A decision comes back whole, by number and as the newest of its dataset alone."""
    assert decisions.newest("ecommerce") is None
    assert decisions.put(decision(1))
    assert decisions.put(decision(1, dataset="events"))
    assert decisions.put(decision(2))
    assert decisions.get("ecommerce", 1) == decision(1)
    assert decisions.get("ecommerce", 3) is None
    assert decisions.newest("ecommerce") == decision(2)
    assert decisions.newest("events") == decision(1, dataset="events")


def test_newest_after_a_number(decisions: Any) -> None:
    """`after` only hides what is not newer, also where digits grow."""
    for number in range(1, 12):
        assert decisions.put(decision(number))
    assert decisions.newest("ecommerce", after=9) == decision(11)
    assert decisions.newest("ecommerce", after=11) is None


def test_a_number_is_decided_once(decisions: Any) -> None:
    """The second to decide a number loses; the first one's own retry does not."""
    assert decisions.put(decision(1, "mine"))
    assert not decisions.put(decision(1, "another"))
    assert decisions.put(decision(1, "mine"))
    assert decisions.get("ecommerce", 1) == decision(1, "mine")


def test_no_gaps(decisions: Any) -> None:
    """A number whose predecessor was never decided is refused."""
    with pytest.raises(ValueError, match="gap"):
        decisions.put(decision(2))
