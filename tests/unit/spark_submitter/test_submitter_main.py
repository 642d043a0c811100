"""Who runs the Spark job follows from the settings."""

from pathlib import Path
from typing import Any

import pytest
from kubernetes_api import kubernetes_api

from spark_submitter.__main__ import spark_job
from spark_submitter.kubernetes import KubernetesJob
from spark_submitter.resident import ResidentJob
from spark_submitter.settings import SubmitterSettings
from tidemark.errors import SettingsError
from tidemark.settings import load

FOLDER: Any = None  # neither connects before the first run


def settings(monkeypatch: pytest.MonkeyPatch, **more: str) -> SubmitterSettings:
    for name, value in {"KAFKA_BOOTSTRAP": "x", **more}.items():
        monkeypatch.setenv(f"TIDEMARK_{name}", value)
    return load(SubmitterSettings)


def test_a_driver_s_address_means_that_driver(monkeypatch: pytest.MonkeyPatch) -> None:
    """The lab's way."""
    chosen = settings(monkeypatch, SPARK_DRIVER_URL="http://127.0.0.1:1")
    assert isinstance(spark_job(chosen, FOLDER), ResidentJob)


def test_a_template_means_kubernetes(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """With KUBECONFIG's credentials; without any the service does not start, and says so."""
    template = tmp_path / "application.yaml"
    template.write_text("kind: SparkApplication\nmetadata: {namespace: n}\nspec: {timeToLiveSeconds: 600}\n")
    chosen = settings(monkeypatch, SPARK_TEMPLATE=str(template))
    with kubernetes_api(tmp_path) as (_, kubeconfig):
        monkeypatch.setenv("KUBECONFIG", str(kubeconfig))
        assert isinstance(spark_job(chosen, FOLDER), KubernetesJob)
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "missing"))
    with pytest.raises(SettingsError, match="no access to Kubernetes"):
        spark_job(chosen, FOLDER)
