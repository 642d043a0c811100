"""The job on Kubernetes: one SparkApplication of the Spark Operator for each attempt, waited for to its end.

A call that the API server does not answer is made again for minutes, so an outage shorter than that costs a run
nothing; a longer one is Retryable, and the next attempt takes the place of what is left of this one. A refusal for
want of rights or quota is Retryable too: what is wrong is the cluster, and once that is mended the run goes on by
itself. Only what is refused as it stands, and a name that somebody else has, stop the run.
"""

import time
from collections.abc import Callable
from typing import Any, TypeVar

import httpx2
from lightkube import ApiError, Client
from lightkube.core.exceptions import ConfigError
from lightkube.generic_resource import create_namespaced_resource
from lightkube.resources.core_v1 import Pod

from spark_submitter.application import ATTEMPT, RUN, filled, labels_of
from spark_submitter.ending import ENDED, has_ended, image_error, judged, state_of, unplaced
from spark_submitter.failures import Failures
from spark_submitter.ports import LONGEST_RUN_SECONDS
from tidemark import telemetry
from tidemark.errors import Retryable, SettingsError, TypedStop
from tidemark.retrying import retry_transient
from tidemark_lake.manifest import Manifest, Result, read_result, write_manifest
from tidemark_lake.objects import Folder

POLL_SECONDS = 2.0
TAKEN_UP_SECONDS = 120.0  # by the operator
STARTED_SECONDS = 900.0  # a new node and a large image take minutes
LOG_LINES = 100
INVALID, OVERLOADED = (400, 422), 429
GROUP = "sparkoperator.k8s.io"
SparkApplication = create_namespaced_resource(GROUP, "v1beta2", "SparkApplication", "sparkapplications")
T = TypeVar("T")

log = telemetry.logger(__name__)


class KubernetesRefused(Retryable):
    """The API server says no. What nobody takes for something better is tried again."""

    def __init__(self, error: ApiError) -> None:
        super().__init__(f"Kubernetes says no: {error}")
        self.code = error.response.status_code


class KubernetesJob:
    """Runs attempts as SparkApplications made from `template`; manifests and results lie in `folder`.

    Credentials are the service account's, or those of KUBECONFIG. SettingsError: there are none. A silent API server
    is asked again for `retry_seconds`.
    """

    def __init__(
        self,
        template: dict[str, Any],
        folder: Folder,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
        retry_seconds: float = 300.0,
    ) -> None:
        self._template, self._folder, self._failures = template, folder, Failures()
        self._namespace: str = template["metadata"]["namespace"]
        try:
            self._client = Client(namespace=self._namespace, field_manager="tidemark")
        except ConfigError as error:
            raise SettingsError(f"no access to Kubernetes: {error}") from error
        self._sleep, self._clock = sleep, clock
        again = retry_transient(httpx2.HTTPError, seconds=retry_seconds, when=_is_outage, sleep=sleep)
        self._kubernetes: Callable[[Callable[[], Any]], Any] = again(kubernetes)

    def run(self, manifest: Manifest) -> Result:
        """The job's answer. TypedStop: the application is refused as it stands, or its name is somebody else's."""
        with self._failures.of(manifest.run_id):
            application = filled(self._template, manifest, write_manifest(self._folder, manifest))
            name = application["metadata"]["name"]
            self._delete_others(manifest, name)
            self._create(application, manifest)
            ended = self._wait(name)
            result = read_result(self._folder, manifest.run_id, manifest.attempt)
            if result is not None:
                return result
            if ended is None:
                raise Retryable(f"{name} was deleted under way")
            driver = self._driver(ended)
            raise judged(ended, driver, self._executors(name), self._log(driver))

    def _delete_others(self, manifest: Manifest, name: str) -> None:
        """Older attempts of the run: nobody waits for them, and what they write is never published."""
        for found in self._list(SparkApplication, {RUN: labels_of(manifest)[RUN]}):
            if found["metadata"]["name"] != name:
                self._delete(found["metadata"]["name"])

    def _create(self, application: dict[str, Any], manifest: Manifest) -> None:
        name = application["metadata"]["name"]
        try:
            self._ask(lambda: self._client.create(SparkApplication(**application)))
            log.info("submitted", extra={"application": name})
        except KubernetesRefused as refused:
            if refused.code == httpx2.codes.CONFLICT:
                return self._look_whose(name, manifest)
            if refused.code in INVALID:
                raise TypedStop(f"{name}: {refused}; mend the chart's SparkApplication, then resume") from refused
            raise

    def _look_whose(self, name: str, manifest: Manifest) -> None:
        """A name that is taken is this attempt's, made by a request whose answer was lost; unless its labels differ."""
        found = self._get(SparkApplication, name)
        labels, ours = (found or {}).get("metadata", {}).get("labels") or {}, labels_of(manifest)
        if found is not None and any(labels.get(key) != ours[key] for key in (RUN, ATTEMPT)):
            place = f"the SparkApplication {self._namespace}/{name}"
            raise TypedStop(f"{place} is not the submitter's; see whose it is, delete it, then resume")

    def _wait(self, name: str) -> dict[str, Any] | None:
        """The application once it or its driver has ended, None once it is gone. Retryable if it does not get on; it is
        deleted."""
        began = self._clock()
        while True:
            application = self._get(SparkApplication, name)
            if application is None or state_of(application) in ENDED:
                return application
            driver = self._driver(application) if state_of(application) else None
            if has_ended(driver):
                return application  # an operator that is away cannot say so
            stuck = self._stuck(application, driver, self._clock() - began)
            if stuck is not None:
                self._delete(name)
                raise Retryable(f"{name} is given up: {stuck}")
            self._sleep(POLL_SECONDS)

    def _stuck(self, application: dict[str, Any], driver: dict[str, Any] | None, seconds: float) -> str | None:
        if seconds > LONGEST_RUN_SECONDS:
            return f"it has not ended after {seconds:.0f} s"
        state = state_of(application)
        if not state and seconds > TAKEN_UP_SECONDS:
            return f"no Spark Operator took it up in {seconds:.0f} s: does one run, and watch {self._namespace}?"
        if state != "SUBMITTED":
            return None
        if reason := image_error(driver):
            return f"its image cannot be pulled: {reason}"
        return f"its driver has not started: {unplaced(driver)}" if seconds > STARTED_SECONDS else None

    def _driver(self, application: dict[str, Any]) -> dict[str, Any] | None:
        name = (application.get("status") or {}).get("driverInfo", {}).get("podName")
        return self._get(Pod, name or f"{application['metadata']['name']}-driver")

    def _executors(self, name: str) -> list[dict[str, Any]]:
        return self._list(Pod, {f"{GROUP}/app-name": name, "spark-role": "executor"})

    def _log(self, driver: dict[str, Any] | None) -> str:
        """The end of the driver's log; empty where there is none (any more)."""
        if driver is None:
            return ""
        name = driver["metadata"]["name"]
        try:
            return "".join(self._ask(lambda: list(self._client.log(name, tail_lines=LOG_LINES))))
        except KubernetesRefused:
            return ""

    def _get(self, kind: Any, name: str) -> dict[str, Any] | None:
        try:
            found: dict[str, Any] = self._ask(lambda: self._client.get(kind, name)).to_dict()
            return found
        except KubernetesRefused as refused:
            if refused.code == httpx2.codes.NOT_FOUND:
                return None
            raise

    def _list(self, kind: Any, labels: dict[str, Any]) -> list[dict[str, Any]]:
        return [found.to_dict() for found in self._ask(lambda: list(self._client.list(kind, labels=labels)))]

    def _delete(self, name: str) -> None:
        try:
            self._ask(lambda: self._client.delete(SparkApplication, name))
        except KubernetesRefused as refused:
            if refused.code != httpx2.codes.NOT_FOUND:
                raise

    def _ask(self, call: Callable[[], T]) -> T:
        """The API server's answer. KubernetesRefused: it says no."""
        try:
            answer: T = self._kubernetes(call)
            return answer
        except ApiError as error:
            raise KubernetesRefused(error) from error


def kubernetes(call: Callable[[], T]) -> T:
    """One try of a call; its name stands in what is told of those that fail."""
    return call()


def _is_outage(error: BaseException) -> bool:
    """Whether the same call may well be answered soon: no answer, an overloaded server, a proxy's own answer."""
    if not isinstance(error, ApiError):
        return True
    code = error.response.status_code
    return code >= httpx2.codes.INTERNAL_SERVER_ERROR or code == OVERLOADED
