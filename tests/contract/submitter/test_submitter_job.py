"""What the stage may rely on of whoever runs the Spark job: the twin, the lab's resident driver, Kubernetes."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from job_benches import RAISED, STOPPED, Bench, MemoryBench, ResidentBench, manifest, on_kubernetes

from tidemark.errors import CheckFailed, Retryable
from tidemark_lake.objects import Folder

pytestmark = pytest.mark.lab
Endings = list[type[BaseException] | str]


@pytest.fixture(params=["memory", "resident", "kubernetes"])
def bench(request: pytest.FixtureRequest, folder: Folder, tmp_path: Path) -> Iterator[Bench]:
    if request.param == "memory":
        yield MemoryBench()
    elif request.param == "resident":
        resident = ResidentBench(folder)
        yield resident
        resident.close()
    else:
        with on_kubernetes(folder, tmp_path) as kubernetes:
            yield kubernetes


def endings(bench: Bench, folder: Folder, *tries: tuple[str, str]) -> Endings:
    """How tries end, each of a run in which the job does something."""
    found: Endings = []
    for number, (run_id, what) in enumerate(tries):
        bench.plays(what)
        try:
            found.append(bench.job.run(manifest(run_id, f"a{number}", folder.uri)).status)
        except (Retryable, CheckFailed) as error:
            found.append(type(error))
    return found


def test_the_attempt_s_own_answer(bench: Bench, folder: Folder) -> None:
    """A job that is done has answered for this run and this attempt; the next attempt is run anew."""
    for attempt in ("a1", "a2"):
        result = bench.job.run(manifest("r1", attempt, folder.uri))
        assert (result.run_id, result.attempt, result.status) == ("r1", attempt, "done")


def test_a_stop_by_upstream_is_an_answer(bench: Bench, folder: Folder) -> None:
    """What the job would not do is told by its result, with the reason and the remedy."""
    bench.plays("stopped")
    result = bench.job.run(manifest(state=folder.uri))
    assert (result.status, result.stopped) == ("stopped", STOPPED)


def test_a_job_that_raises_three_times_in_a_row_fails_its_run(bench: Bench, folder: Folder) -> None:
    """With the job's own words; and after a resume it gets three tries again."""
    assert endings(bench, folder, *[("r1", "raises")] * 6) == [Retryable, Retryable, CheckFailed] * 2
    with pytest.raises(Retryable, match=RAISED):
        bench.job.run(manifest("r1", "told", folder.uri))


def test_runs_are_counted_each_on_its_own(bench: Bench, folder: Folder) -> None:
    """Another run's failures in between neither count nor interrupt."""
    tries = [(run, "raises") for run in ("r1", "r2", "r1", "r2", "r1")]
    assert endings(bench, folder, *tries) == [Retryable] * 4 + [CheckFailed]


@pytest.mark.parametrize(("between", "ending"), [("away", Retryable), ("done", "done")])
def test_only_failures_in_a_row_count(
    between: str, ending: type[Exception] | str, bench: Bench, folder: Folder
) -> None:
    """An outage lasts as long as it lasts, and like an answer it ends a row of failures."""
    row = [("r1", "raises"), ("r1", "raises")]
    told = endings(bench, folder, *row, *[("r1", between)] * 4, *row)
    assert told == [Retryable, Retryable, *[ending] * 4, Retryable, Retryable]
