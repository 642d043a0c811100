"""The job in a resident Spark driver (the lab): one POST runs a manifest to its end.

The driver answers when the job has ended, so the request may take as long as a run; there is no other driver to ask,
and one that is away, or died half-way, makes the attempt Retryable. One that is alive and says that the job raised is
asked again too, but not for ever (failures.py).
"""

import httpx

from spark_submitter.failures import Failures, JobRaised
from spark_submitter.ports import LONGEST_RUN_SECONDS
from tidemark.errors import Retryable
from tidemark_lake.manifest import Manifest, Result, read_result, write_manifest
from tidemark_lake.objects import Folder


class ResidentJob:
    """Runs attempts on the driver at `url`; manifests and results lie in `folder`."""

    def __init__(self, url: str, folder: Folder) -> None:
        timeout = httpx.Timeout(LONGEST_RUN_SECONDS, connect=3.0)
        self._client = httpx.Client(base_url=url, timeout=timeout)
        self._folder = folder
        self._failures = Failures()

    def run(self, manifest: Manifest) -> Result:
        """The job's answer. CheckFailed once the job has raised in three tries of the run in a row."""
        with self._failures.of(manifest.run_id):
            uri = write_manifest(self._folder, manifest)
            self._post(uri)
            result = read_result(self._folder, manifest.run_id, manifest.attempt)
            if result is None:
                raise Retryable(f"the Spark driver left no result for {uri}")
            return result

    def _post(self, uri: str) -> None:
        try:
            answer = self._client.post("/runs", json={"manifest": uri})
        except httpx.TransportError as error:
            raise Retryable(f"the Spark driver is away: {error!r}") from error
        if answer.status_code == httpx.codes.INTERNAL_SERVER_ERROR:
            raise JobRaised(f"the Spark job raised on {uri}: {answer.text[:2000]}")
        if answer.status_code != httpx.codes.OK:
            raise Retryable(f"the Spark driver could not run {uri}: {answer.text[:2000]}")
