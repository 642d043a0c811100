"""The SparkApplication of an attempt: the chart's template, filled in.

The chart decides all that is the same for every run (namespace, image, security, credentials, Spark settings, time to
live); a run gives its name, its labels, the manifest's URI, cores, memory and executors. See ADR 19.
"""

import hashlib
import re
from copy import deepcopy
from pathlib import Path
from typing import Any

import yaml

from tidemark.errors import SettingsError
from tidemark_lake.manifest import Manifest, Resources

RUN, DATASET, ATTEMPT = "tidemark/run", "tidemark/dataset", "tidemark/attempt"
# Spark names the driver's service <application>-<16 hex digits>-driver-svc, and the whole is one DNS label of 63
LONGEST_NAME = 63 - len("-0123456789abcdef-driver-svc")
LONGEST_LABEL = 63
_DIGEST = 12
_PLAIN_LABEL = re.compile(r"[A-Za-z0-9]([\w.-]{0,61}[A-Za-z0-9])?", re.ASCII)


def read_template(path: Path) -> dict[str, Any]:
    """The template in the file. SettingsError if it is none."""
    name = "TIDEMARK_SPARK_TEMPLATE"
    try:
        template = yaml.safe_load(path.read_text())
    except (OSError, yaml.YAMLError) as error:
        raise SettingsError(f"{name}: {path} cannot be read: {error}") from error
    if not isinstance(template, dict) or template.get("kind") != "SparkApplication":
        raise SettingsError(f"{name}: {path} holds no SparkApplication")
    needed = {"metadata": "namespace", "spec": "timeToLiveSeconds"}
    missing = [f"{part}.{field}" for part, field in needed.items() if not (template.get(part) or {}).get(field)]
    if missing:
        raise SettingsError(f"{name}: {path} lacks {', '.join(missing)}")
    return template


def filled(template: dict[str, Any], manifest: Manifest, uri: str) -> dict[str, Any]:
    """The attempt's own SparkApplication. It is tried once: the submitter makes another one for another try."""
    application = deepcopy(template)
    metadata, spec = application["metadata"], application["spec"]
    metadata["name"] = name_of(manifest.run_id, manifest.attempt)
    metadata["labels"] = (metadata.get("labels") or {}) | labels_of(manifest)
    spec["arguments"] = [uri]
    spec["restartPolicy"] = {"type": "Never"}
    driver, executor = _sized(manifest.resources)
    spec["driver"] = (spec.get("driver") or {}) | driver
    spec["executor"] = (spec.get("executor") or {}) | executor
    return application


def name_of(run_id: str, attempt: str) -> str:
    """A DNS label for people to read, made unique by a digest of run and attempt."""
    digest = hashlib.sha256(f"{run_id}\0{attempt}".encode()).hexdigest()[:_DIGEST]
    words = re.sub(r"[^a-z0-9]+", "-", f"run-{run_id}".lower())
    return f"{words[: LONGEST_NAME - _DIGEST - 1].rstrip('-')}-{digest}"


def labels_of(manifest: Manifest) -> dict[str, str]:
    """Whose application it is; the operator gives its driver the same labels."""
    owner = {RUN: manifest.run_id, DATASET: manifest.dataset, ATTEMPT: manifest.attempt}
    return {name: label(value) for name, value in owner.items()}


def label(value: str) -> str:
    """The value as Kubernetes takes it for a label; one that it would not take is told apart by a digest."""
    if _PLAIN_LABEL.fullmatch(value):
        return value
    digest = hashlib.sha256(value.encode()).hexdigest()[:_DIGEST]
    words = re.sub(r"[^A-Za-z0-9_.-]+", "-", value)[: LONGEST_LABEL - _DIGEST - 1].strip("-_.")
    return f"{words}-{digest}".lstrip("-")


def _sized(resources: Resources) -> tuple[dict[str, Any], dict[str, Any]]:
    """What driver and executors get. On Kubernetes Spark runs no task in the driver, but one whose master is local
    asks for no executor; `instances` must be 1 at least all the same.
    """
    each = {"cores": resources.cores, "memory": f"{resources.memory_mib}m"}
    alone = {} if resources.executors else {"kubernetesMaster": f"local[{resources.cores}]"}
    return each | alone, each | {"instances": max(1, resources.executors)}
