"""A run on the cluster from `tidemark publish` to CONVERGED: its rows, its trace, its memory."""

import time

import pytest
import yaml
from chain_told import assert_one_trace
from chain_truth import assert_every_row_is_accounted_for, assert_numbers_are_true
from kube_chain import KubeChain, run_in_pod
from kube_cluster import CHART, NAMESPACE, Object, objects, run
from kube_memory import measured

from tidemark.events import AlertRaised
from tidemark_cli.kind.plan import RELEASE

pytestmark = [pytest.mark.kube, pytest.mark.timeout(1800)]
MOST_BYTES = 5 * 2**30
KNOWING = ("reconciler", "spark-submitter")  # every store and Secret; the template of an application


def test_runs_converge_within_the_memory(chain: KubeChain, capsys: pytest.CaptureFixture[str]) -> None:
    """An initial load, a delta and a settled source, each kicked off by `tidemark publish`: batch and speed layer
    agree, every number is true, and all pods together, Spark's too, stay within 5Gi."""
    began, seconds = time.monotonic(), []
    with measured() as memory:
        for step in (("initial", "--scale", "0.1"), ("delta", "--rows", "400"), ("settle",)):
            chain.upstream(*step)
            seconds.append(round(time.monotonic() - began))
    with capsys.disabled():
        print(f"\nupstream's steps reconciled after {seconds} s; {memory.report()}")  # noqa: T201
    last = {run.dataset: run for run in chain.runs().values()}
    found = {p.pair: (p.status, p.confirmed) for r in last.values() if r.reconciled for p in r.reconciled.pairs}
    assert {status for status, _ in found.values()} == {"CONVERGED"}, found
    assert {run.status for run in last.values()} == {"CONVERGED"}
    assert memory.peak <= MOST_BYTES, memory.report()
    assert_numbers_are_true(chain)
    assert_every_row_is_accounted_for(chain)
    assert [r for r in chain.records(AlertRaised.topic) if b'"critical"' in (r.value or b"")] == []


def test_a_run_is_one_trace(chain: KubeChain) -> None:
    """One root, spans of all five services in their pods, and Spark's and the stores' below them."""
    assert_one_trace(chain, list(chain.runs().values())[-1])


def test_driver_and_executors(chain: KubeChain, capsys: pytest.CaptureFixture[str]) -> None:
    """A run that is given an executor has a pod for it beside its driver's, within the same 5Gi; no row changes."""
    chain.release.install("spark.mostExecutors=1")
    before = chain.fingerprint()
    with measured() as memory:
        chain.tidemark("maintain", "--dataset", "ecommerce", "--wait")
    with capsys.disabled():
        print(f"\nwith an executor: {memory.report()}")  # noqa: T201
    run = chain.runs_of("ecommerce")[-1]
    assert (run.kind, run.status) == ("maintain", "CONVERGED")
    pods = [name for name in memory.highest if "maintain" in name]
    assert [any(name.endswith(end) for name in pods) for end in ("-driver", "-exec-1")] == [True, True], memory.highest
    assert memory.peak <= MOST_BYTES, memory.report()
    assert before == chain.fingerprint()


def test_helm_test(chain: KubeChain) -> None:
    """A harmless request from a pod of the release, and the watcher's answer."""
    said = run("helm", "test", RELEASE, "-n", NAMESPACE, "--timeout", "300s")
    assert "Phase:          Succeeded" in said


def test_the_doctor_in_a_pod_finds_nothing(chain: KubeChain) -> None:
    """With a pod's settings, Secrets and account every connection and right is there."""
    said = run_in_pod(_doctor(chain))
    marks = {line[:2] for line in said.splitlines()}
    assert "ok" in marks, said
    assert "no" not in marks, said


def test_every_pod_runs_as_the_restricted_profile_asks(chain: KubeChain) -> None:
    """What really ran, Spark's drivers too: no root, no writable root file system, no capability, no token but where
    Kubernetes is spoken to."""
    found = [(p["metadata"]["name"], c["securityContext"]) for p in objects("pods") for c in p["spec"]["containers"]]
    wrong = [
        name
        for name, context in found
        if not (context["runAsNonRoot"] and context["readOnlyRootFilesystem"])
        or context["allowPrivilegeEscalation"]
        or context["capabilities"].get("drop") != ["ALL"]
    ]
    assert (wrong, any(name.endswith("-driver") for name, _ in found)) == ([], True)


def _doctor(chain: KubeChain) -> Object:
    """A pod as the topics' Job, with the settings and Secrets of the reconciler and the submitter, which together know
    every store, and with the submitter's template."""
    rendered = [o for o in yaml.safe_load_all(run(*chain.release.words("template", RELEASE, str(CHART)))) if o]
    template = next(o for o in rendered if o["kind"] == "Job")["spec"]["template"]
    stages = [_named(rendered, "StatefulSet", name)["spec"]["template"]["spec"] for name in KNOWING]
    submitter = stages[-1]["containers"][0]
    env = {entry["name"]: entry for stage in stages for entry in stage["containers"][0]["env"]}
    for stage in KNOWING:
        data = _named(rendered, "ConfigMap", stage)["data"]
        env |= {name: {"name": name, "value": value} for name, value in data.items()}
    given = {"args": ["doctor"], "env": list(env.values()), "volumeMounts": submitter["volumeMounts"]}
    spec = template["spec"] | {"volumes": stages[-1]["volumes"], "restartPolicy": "Never"}
    spec["containers"] = [spec["containers"][0] | given]
    metadata = {"name": f"{RELEASE}-doctor", "namespace": NAMESPACE, "labels": template["metadata"]["labels"]}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}


def _named(rendered: list[Object], kind: str, stage: str) -> Object:
    return next(o for o in rendered if (o["kind"], o["metadata"]["name"]) == (kind, f"{RELEASE}-{stage}"))
