"""The SparkApplication of an attempt: its name, its labels, and what of the template is filled in."""

import re
from pathlib import Path
from typing import Any

import pytest
from job_benches import TEMPLATE, manifest
from msgspec.structs import replace

from spark_submitter.application import LONGEST_NAME, filled, label, name_of, read_template
from tidemark.errors import SettingsError
from tidemark_lake.manifest import Resources

RUN = "ecommerce-process-g0-0123456789ab"
DNS_LABEL = re.compile(r"[a-z]([a-z0-9-]*[a-z0-9])?")  # what the operator's webhook asks of a name
LABEL = re.compile(r"[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?")


def made(resources: Resources) -> dict[str, Any]:
    return filled(TEMPLATE, replace(manifest(RUN), resources=resources), "s3://lake/state/manifest.json")


@pytest.mark.parametrize("run_id", [RUN, "x", "9", "Ünïcode/ID", "a" * 300, "---", "ecommerce-drop-" + "é" * 40, ""])
def test_names_are_dns_labels_with_room_for_what_is_appended(run_id: str) -> None:
    """Whatever the run is called: Spark's `-<16 hex>-driver-svc` makes no more than 63 of it."""
    for attempt in ("a1", "f" * 12):
        name = name_of(run_id, attempt)
        assert (bool(DNS_LABEL.fullmatch(name)), len(name) <= LONGEST_NAME) == (True, True)


def test_names_tell_runs_and_attempts_apart() -> None:
    """Even where what people read of them is the same; and the same attempt has the same name again."""
    pairs = [(RUN, "a1"), (RUN, "a2"), (f"{RUN}0", "a1"), (RUN.upper(), "a1"), (f"{RUN}/a", "1"), (RUN, "a/1")]
    assert len({name_of(*pair) for pair in pairs}) == len(pairs)
    assert name_of(RUN, "a1") == name_of(RUN, "a1")
    assert name_of(RUN, "a1").startswith("run-ecommerce-process-")


def test_labels_are_the_values_themselves_where_kubernetes_takes_them() -> None:
    """And different ones stay different where it does not."""
    assert label(RUN) == RUN
    strange = ["a" * 64, "a" * 65, "a/b", "a b", "-a", "a-", "", "ü"]
    labels = [label(value) for value in strange]
    assert ([LABEL.fullmatch(found) is not None for found in labels], len(set(labels))) == ([True] * 8, 8)


def test_a_small_run_is_a_driver_alone() -> None:
    """Spark on Kubernetes runs no task in its driver unless the driver's master is local; then it asks for nobody."""
    spec = made(Resources(cores=1, executors=0, memory_mib=512))["spec"]
    driver = {"cores": 1, "memory": "512m", "kubernetesMaster": "local[1]"}
    assert spec["driver"] == {**TEMPLATE["spec"]["driver"], **driver}
    assert spec["executor"] == {**TEMPLATE["spec"]["executor"], "cores": 1, "memory": "512m", "instances": 1}


def test_a_large_run_has_executors() -> None:
    """Each with the cores and the memory that the driver has."""
    spec = made(Resources(cores=2, executors=3, memory_mib=2048))["spec"]
    assert spec["driver"] == {**TEMPLATE["spec"]["driver"], "cores": 2, "memory": "2048m"}
    assert spec["executor"] == {**TEMPLATE["spec"]["executor"], "cores": 2, "memory": "2048m", "instances": 3}


def test_the_rest_is_the_template_s() -> None:
    """Name, owner and argument are the attempt's; it is tried once; nothing else changes, least of all the template."""
    before = repr(TEMPLATE)
    application = made(Resources(cores=1, executors=0))
    metadata, spec = application["metadata"], application["spec"]
    owner = {"tidemark/run": RUN, "tidemark/dataset": "ecommerce", "tidemark/attempt": "a1"}
    assert metadata["labels"] == TEMPLATE["metadata"]["labels"] | owner
    assert (metadata["name"], metadata["namespace"]) == (name_of(RUN, "a1"), "tidemark")
    assert (spec["arguments"], spec["restartPolicy"]) == (["s3://lake/state/manifest.json"], {"type": "Never"})
    given = {key: spec[key] for key in TEMPLATE["spec"] if key not in ("driver", "executor")}
    assert given == {key: TEMPLATE["spec"][key] for key in given}
    assert repr(TEMPLATE) == before


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (None, "cannot be read"),
        ("{", "cannot be read"),
        ("kind: Deployment", "holds no SparkApplication"),
        ("[]", "holds no SparkApplication"),
        ("kind: SparkApplication", "lacks metadata.namespace, spec.timeToLiveSeconds"),
    ],
)
def test_a_file_that_is_no_template_is_told_at_the_start(text: str | None, problem: str, tmp_path: Path) -> None:
    """The setting's name, the file, and what is wrong with it."""
    file = tmp_path / "application.yaml"
    if text is not None:
        file.write_text(text)
    with pytest.raises(SettingsError, match=f"TIDEMARK_SPARK_TEMPLATE: {file} .*{problem}"):
        read_template(file)


def test_a_template_is_yaml(tmp_path: Path) -> None:
    file = tmp_path / "application.yaml"
    file.write_text("kind: SparkApplication\nmetadata: {namespace: n}\nspec: {timeToLiveSeconds: 600}\n")
    assert read_template(file)["metadata"] == {"namespace": "n"}
