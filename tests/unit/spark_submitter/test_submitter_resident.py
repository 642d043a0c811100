"""What the answers of a resident Spark driver mean for the run."""

from collections.abc import Iterable
from typing import Any

import httpx
import pytest

from spark_submitter.resident import ResidentJob
from tidemark.errors import CheckFailed, Retryable
from tidemark_lake.manifest import Manifest
from tidemark_lake.objects import Folder

RAISED = httpx.Response(500, json={"error": "ValueError", "message": "no such column"})
AWAY = httpx.ConnectError("refused")
BUSY = httpx.Response(503)


class Store:
    """The S3 client's one call that a run without a result needs."""

    def put_object(self, **_: Any) -> None:
        """Keep nothing."""


def job(answers: Iterable[httpx.Response | Exception]) -> ResidentJob:
    """A job whose driver gives these answers one after the other."""
    left = iter(answers)

    def answer(_: httpx.Request) -> httpx.Response:
        given = next(left)
        if isinstance(given, Exception):
            raise given
        return given

    store: Any = Store()
    resident = ResidentJob("http://driver", Folder(store, "s3://lake/tidemark"))
    resident._client = httpx.Client(base_url="http://driver", transport=httpx.MockTransport(answer))
    return resident


def manifest(run_id: str = "r1", attempt: str = "a1") -> Manifest:
    return Manifest(
        run_id=run_id, run_seq=1, attempt=attempt, dataset="ecommerce", kind="process", generation=0, order="arrival",
        curated="curated_ecommerce", branch="attempt_1", result="s3://lake/tidemark/result.json", tables=[],
    )  # fmt: skip


def endings(resident: ResidentJob, runs: Iterable[str]) -> list[type[Exception]]:
    """How tries of these runs end."""
    found: list[type[Exception]] = []
    for number, run_id in enumerate(runs):
        with pytest.raises((Retryable, CheckFailed)) as caught:
            resident.run(manifest(run_id, f"a{number}"))
        found.append(caught.type)
    return found


def test_a_job_that_raises_three_times_fails_its_run() -> None:
    """The third answer in a row is a CheckFailed with the job's own error."""
    resident = job([RAISED] * 3)
    assert endings(resident, ["r1", "r1"]) == [Retryable, Retryable]
    with pytest.raises(CheckFailed, match="no such column"):
        resident.run(manifest())


def test_a_resumed_run_gets_three_tries_again() -> None:
    """After the failure the count begins anew."""
    assert endings(job([RAISED] * 6), ["r1"] * 6) == [Retryable, Retryable, CheckFailed] * 2


def test_runs_are_counted_each_on_its_own() -> None:
    """Another run's failures in between neither count nor interrupt."""
    runs = ["r1", "r2", "r1", "r2", "r1"]
    assert endings(job([RAISED] * 5), runs) == [Retryable] * 4 + [CheckFailed]


@pytest.mark.parametrize("outage", [AWAY, BUSY])
def test_a_driver_that_is_away_is_an_outage_for_ever(outage: httpx.Response | Exception) -> None:
    """However often; and it interrupts a row of failures."""
    answers = [outage] * 5 + [RAISED, RAISED, outage, RAISED, RAISED]
    assert endings(job(answers), ["r1"] * 10) == [Retryable] * 10
