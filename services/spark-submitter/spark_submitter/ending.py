"""What it means how a SparkApplication stands or ended: whose fault it is, and what a person is told.

The job's own fault is JobRaised (counted: failures.py); what the cluster did to it is Retryable. Applications and pods
are the API's JSON. Read from the Spark Operator 2.5: a pending driver is SUBMITTED for as long as it takes, and an
application whose driver is gone is FAILED with `driver pod not found`.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Any

from spark_submitter.failures import JobRaised
from tidemark.errors import Retryable

ENDED = ("COMPLETED", "FAILED")
LOG_CHARACTERS = 2000
KILLED = 128  # exit codes from here on are signals
_IMAGE = ("ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull", "RegistryUnavailable")
_JVM_OOM = re.compile(r"java\.lang\.OutOfMemoryError|\(JVM OOM\)|possible container OOM")
_LOST_ROWS = "Checkpoint block"  # Spark's words when an executor went and took rows with it that the job kept there
_SECRET = re.compile(
    r"""((?:secret|passw|token|credential|access.?key|signature|authorization)[\w.-]*["']?\s*[=:]\s*["']?(?:bearer\s+|basic\s+)?
    |://[^/\s:@]+:)[^\s,;&"')\]}@]+""",
    re.IGNORECASE | re.VERBOSE,
)
_KEY_ID = re.compile(r"\b(?:AKIA|ASIA)[A-Z0-9]{12,}")


def state_of(application: dict[str, Any]) -> str:
    """The operator's word for where it stands; empty: it has not looked at it yet."""
    return str(_status(application).get("applicationState", {}).get("state") or "")


def image_error(pod: dict[str, Any] | None) -> str | None:
    """Why the pod's image cannot be had, None if nothing says so."""
    for container in _containers(pod):
        waiting = container.get("state", {}).get("waiting") or {}
        if waiting.get("reason") in _IMAGE:
            return f"{waiting['reason']}: {waiting.get('message', '')}".rstrip(": ")
    return None


def unplaced(pod: dict[str, Any] | None) -> str:
    """Why a pending pod is not running yet, as far as the cluster says."""
    if pod is None:
        return "it has no pod"
    told = [c for c in _status(pod).get("conditions") or [] if c.get("status") == "False" and c.get("message")]
    waiting = [(c.get("state", {}).get("waiting") or {}).get("reason") for c in _containers(pod)]
    reasons = [f"{c.get('reason', '')}: {c['message']}" for c in told] + [w for w in waiting if w]
    return "; ".join(reasons) or "the cluster does not say why"


def judged(
    application: dict[str, Any], driver: dict[str, Any] | None, executors: Sequence[dict[str, Any]], log: str
) -> JobRaised | Retryable:
    """Why an application ended without a result. `log`: the end of the driver's."""
    name = application["metadata"]["name"]
    ends = [f"exit code {ended.get('exitCode')}, {ended.get('reason')}" for ended in _terminated(driver or {})]
    said = _status(application).get("applicationState", {}).get("errorMessage")
    told = said or ", ".join(ends) or "no reason is given"
    shown = f"{redacted(told)[:LOG_CHARACTERS]}\n{redacted(log)[-LOG_CHARACTERS:]}".strip()
    if state_of(application) == "COMPLETED" or _status(driver or {}).get("phase") == "Succeeded":
        return Retryable(f"{name} has completed and left no result\n{shown}")
    if driver is None:
        return Retryable(f"the driver of {name} is lost, or was never there: {shown}")
    if by_cluster := ended_by_cluster(driver):
        return Retryable(f"the cluster ended the driver of {name}: {by_cluster}")
    if starved := _out_of_memory(driver, executors, log):
        return JobRaised(f"{starved} of {name} ran out of memory; raise TIDEMARK_SPARK_MEMORY_MIB: {shown}")
    code = next((ended.get("exitCode") for ended in _terminated(driver)), None)
    if code is None or code >= KILLED:
        return Retryable(f"the driver of {name} was killed (exit code {code}): {shown}")
    if _LOST_ROWS in log:
        return Retryable(f"{name} lost an executor with rows that it kept: {shown}")
    return JobRaised(f"the Spark job raised in {name}: {shown}")


def has_ended(pod: dict[str, Any] | None) -> bool:
    """Whether nothing runs in the pod any more."""
    return _status(pod or {}).get("phase") in ("Succeeded", "Failed")


def ended_by_cluster(pod: dict[str, Any]) -> str | None:
    """The reason if kubelet or scheduler ended the pod (eviction, preemption, a node that goes), None if not: a
    container's own end leaves the pod without a reason.
    """
    status = _status(pod)
    found = [c for c in status.get("conditions") or [] if c.get("type") == "DisruptionTarget" and c["status"] == "True"]
    for told in (status, *found):
        if told.get("reason"):
            return f"{told['reason']}: {told.get('message', '')}".rstrip(": ")
    return None


def redacted(text: str) -> str:
    """The text without what looks like a secret's value: what follows a telling name, and AWS's key ids."""
    return _KEY_ID.sub("***", _SECRET.sub(r"\1***", text))


def _out_of_memory(driver: dict[str, Any], executors: Sequence[dict[str, Any]], log: str) -> str | None:
    if any(ended.get("reason") == "OOMKilled" for ended in _terminated(driver)):
        return "the driver"
    if any(ended.get("reason") == "OOMKilled" for pod in executors for ended in _terminated(pod)):
        return "an executor"
    return "the driver or an executor" if _JVM_OOM.search(log) else None


def _status(thing: dict[str, Any]) -> dict[str, Any]:
    return thing.get("status") or {}


def _containers(pod: dict[str, Any] | None) -> list[dict[str, Any]]:
    status = _status(pod or {})
    return [*(status.get("initContainerStatuses") or []), *(status.get("containerStatuses") or [])]


def _terminated(pod: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for container in _containers(pod):
        if ended := container.get("state", {}).get("terminated"):
            yield ended
