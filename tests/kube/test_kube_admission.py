"""What the API server says of all that is installed, and what each account may do."""

import itertools
import subprocess
from pathlib import Path

import pytest
import yaml
from kube_chain import KubeChain
from kube_cluster import CHART, NAMESPACE, OPERATOR_NAMESPACE, Place, kubectl, operator_words, run
from rendered_chart import PRODUCTION, WORKERS, application

from spark_submitter.application import filled
from tidemark_cli.kind import plan
from tidemark_lake.manifest import Manifest, Resources

pytestmark = [pytest.mark.kube, pytest.mark.timeout(1800)]
DRY_RUN = ("apply", "--server-side", "--force-conflicts", "--dry-run=server", "--warnings-as-errors", "-f", "-")
APPLICATIONS = "sparkapplications.sparkoperator.k8s.io"
# (verb, resource) -> who may in the release's namespace; nobody may elsewhere
RIGHTS = {
    **{(verb, APPLICATIONS): {"spark-submitter"} for verb in ("create", "get", "list", "delete")},
    **{(verb, APPLICATIONS): set[str]() for verb in ("update", "patch", "watch", "deletecollection")},
    **{(verb, "pods"): {"spark-submitter", "spark"} for verb in ("get", "list")},
    **{(verb, "pods"): {"spark"} for verb in ("create", "delete", "watch")},
    ("get", "pods/log"): {"spark-submitter"},
    ("create", "pods/exec"): set(),
    **{(verb, "configmaps"): {"spark"} for verb in ("get", "create", "delete")},
    **{(verb, "secrets"): set[str]() for verb in ("get", "list", "watch", "create", "delete")},
    **{(verb, "serviceaccounts/token"): set[str]() for verb in ("create",)},
    ("create", "rolebindings"): set(),
    ("patch", "statefulsets"): set(),
    ("create", "jobs"): set(),
}
ACCOUNTS = (*WORKERS, "spark")


def test_nothing_is_warned_of(chain: KubeChain, place: Place, tmp_path: Path) -> None:
    """The chart as on kind and as in production, a run's application, and the operator's chart: a server-side dry run
    in the restricted namespaces, where a warning is an error."""
    kubectl(*DRY_RUN, given=run(*chain.release.words("template", plan.RELEASE, str(CHART))))
    sets = [word for setting in PRODUCTION for word in ("--set", setting)]
    kubectl(*DRY_RUN, given=run("helm", "template", "tm", str(CHART), "-n", NAMESPACE, *sets))
    operator = str(place.operator[0]) if place.operator else plan.OPERATOR
    text = run("helm", *operator_words("template", plan.OPERATOR, operator, place=place))
    kubectl(*DRY_RUN, "-n", OPERATOR_NAMESPACE, given=text)


def test_a_runs_application_is_accepted(chain: KubeChain) -> None:
    """As the submitter fills it in; the operator's schema knows every field."""
    rendered = yaml.safe_load_all(run(*chain.release.words("template", "tm", str(CHART))))
    template = application([found for found in rendered if found])
    manifest = Manifest(
        run_id="ecommerce-1", run_seq=1, attempt="a1", dataset="ecommerce", kind="process", generation=0,
        order="arrival", curated="curated_ecommerce", branch="attempt_1", result="s3://lake/result.json", tables=[],
        resources=Resources(cores=2, executors=1, memory_mib=960),
    )  # fmt: skip
    kubectl(*DRY_RUN, given=yaml.safe_dump(filled(template, manifest, "s3://lake/manifest.json")))


@pytest.mark.parametrize("account", ACCOUNTS)
def test_rights(chain: KubeChain, account: str) -> None:
    """The submitter may make applications in its namespace, Spark's driver its executors; nobody reads a Secret."""
    allowed = {right for right in RIGHTS if _may(account, *right)}
    assert allowed == {right for right, accounts in RIGHTS.items() if account in accounts}
    elsewhere = itertools.product(RIGHTS, ("default", OPERATOR_NAMESPACE, "kube-system"))
    assert [(right, there) for right, there in elsewhere if _may(account, *right, namespace=there)] == []


def test_services_without_kubernetes_have_no_token(chain: KubeChain) -> None:
    """Only the submitter's pod and Spark's hold one."""
    found = yaml.safe_load(kubectl("get", "pods", "-o", "yaml"))["items"]
    holding = {
        pod["metadata"]["labels"]["app.kubernetes.io/component"]
        for pod in found
        if any(
            "serviceAccountToken" in s
            for v in pod["spec"]["volumes"]
            for s in v.get("projected", {}).get("sources", [])
        )
    }
    assert holding - {"spark"} == {"spark-submitter"}


def _may(account: str, verb: str, resource: str, namespace: str = NAMESPACE) -> bool:
    who = f"system:serviceaccount:{NAMESPACE}:{plan.RELEASE}-{account}"
    words = ("kubectl", "auth", "can-i", verb, resource, "--as", who, "-n", namespace, "--quiet")
    return subprocess.run(words, capture_output=True, check=False).returncode == 0
