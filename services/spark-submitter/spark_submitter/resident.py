"""The job in a resident Spark driver (the lab): one POST runs a manifest to its end.

The driver answers when the job has ended, so the request may take as long as a run; there is no other driver to ask,
and one that is away, or died half-way, makes the attempt Retryable.
"""

import httpx

from tidemark.errors import Retryable
from tidemark_lake.manifest import Manifest, Result, read_result, write_manifest
from tidemark_lake.objects import Folder

LONGEST_RUN_SECONDS = 7200.0


class ResidentJob:
    """Runs attempts on the driver at `url`; manifests and results lie in `folder`."""

    def __init__(self, url: str, folder: Folder) -> None:
        timeout = httpx.Timeout(LONGEST_RUN_SECONDS, connect=3.0)
        self._client = httpx.Client(base_url=url, timeout=timeout)
        self._folder = folder

    def run(self, manifest: Manifest) -> Result:
        """The job's answer."""
        uri = write_manifest(self._folder, manifest)
        try:
            answer = self._client.post("/runs", json={"manifest": uri})
        except httpx.TransportError as error:
            raise Retryable(f"the Spark driver is away: {error!r}") from error
        if answer.status_code != httpx.codes.OK:
            raise Retryable(f"the Spark driver could not run {uri}: {answer.text[:2000]}")
        result = read_result(self._folder, manifest.run_id, manifest.attempt)
        if result is None:
            raise Retryable(f"the Spark driver left no result for {uri}")
        return result
