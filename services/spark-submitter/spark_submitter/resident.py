"""The job in a resident Spark driver (the lab): one POST runs a manifest to its end.

The driver answers when the job has ended, so the request may take as long as a run; there is no other driver to ask,
and one that is away, or died half-way, makes the attempt Retryable. One that is alive and says that the job raised is
asked again too, but not for ever: a job that raises each time stops its run.
"""

from collections import Counter

import httpx

from tidemark.errors import CheckFailed, Retryable
from tidemark_lake.manifest import Manifest, Result, read_result, write_manifest
from tidemark_lake.objects import Folder

LONGEST_RUN_SECONDS = 7200.0
MOST_FAILURES = 3


class ResidentJob:
    """Runs attempts on the driver at `url`; manifests and results lie in `folder`."""

    def __init__(self, url: str, folder: Folder) -> None:
        timeout = httpx.Timeout(LONGEST_RUN_SECONDS, connect=3.0)
        self._client = httpx.Client(base_url=url, timeout=timeout)
        self._folder = folder
        self._failures: Counter[str] = Counter()  # by run, in a row

    def run(self, manifest: Manifest) -> Result:
        """The job's answer. CheckFailed once the job has raised in three tries of the run in a row."""
        uri = write_manifest(self._folder, manifest)
        try:
            answer = self._client.post("/runs", json={"manifest": uri})
        except httpx.TransportError as error:
            self._failures.pop(manifest.run_id, None)
            raise Retryable(f"the Spark driver is away: {error!r}") from error
        if answer.status_code == httpx.codes.INTERNAL_SERVER_ERROR:
            raise self._raised(manifest.run_id, f"the Spark job raised on {uri}: {answer.text[:2000]}")
        self._failures.pop(manifest.run_id, None)
        if answer.status_code != httpx.codes.OK:
            raise Retryable(f"the Spark driver could not run {uri}: {answer.text[:2000]}")
        result = read_result(self._folder, manifest.run_id, manifest.attempt)
        if result is None:
            raise Retryable(f"the Spark driver left no result for {uri}")
        return result

    def _raised(self, run_id: str, reason: str) -> CheckFailed | Retryable:
        self._failures[run_id] += 1
        if self._failures[run_id] < MOST_FAILURES:
            return Retryable(reason)
        del self._failures[run_id]  # a resume begins to count anew
        return CheckFailed(f"{reason} ({MOST_FAILURES} times in a row)")
