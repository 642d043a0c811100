"""What the API server says of all that is installed, and what each account may do."""

import json
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
CHANGED = {"get", "list", "watch", "create", "update", "patch", "delete", "deletecollection"}
# all that an account may do in the release's namespace; in any other, and by the accounts not named: nothing
RIGHTS: dict[str, dict[str, set[str]]] = {
    "spark-submitter": {
        "sparkapplications": {"create", "get", "list", "delete"},
        "pods": {"get", "list"},
        "pods/log": {"get", "list"},
    },
    "spark": dict.fromkeys(("pods", "configmaps", "services", "persistentvolumeclaims"), CHANGED),
}
ACCOUNTS = (*WORKERS, "spark", "none")  # none: that of a pod which names none
SUBMITTER = "spark-submitter"
APPLICATIONS = "sparkapplications.sparkoperator.k8s.io"
ANSWERS = {  # as `kubectl auth can-i` says it: account, verb, resource, namespace
    (SUBMITTER, "create", APPLICATIONS, NAMESPACE): True,
    (SUBMITTER, "delete", APPLICATIONS, NAMESPACE): True,
    (SUBMITTER, "create", APPLICATIONS, "default"): False,
    (SUBMITTER, "create", APPLICATIONS, OPERATOR_NAMESPACE): False,
    (SUBMITTER, "update", APPLICATIONS, NAMESPACE): False,
    (SUBMITTER, "get", "secrets", NAMESPACE): False,
    (SUBMITTER, "list", "secrets", NAMESPACE): False,
    (SUBMITTER, "create", "pods", NAMESPACE): False,
    (SUBMITTER, "create", "pods/exec", NAMESPACE): False,
    (SUBMITTER, "create", "serviceaccounts/token", NAMESPACE): False,
    ("spark", "get", "secrets", NAMESPACE): False,
    ("spark", "create", APPLICATIONS, NAMESPACE): False,
    ("loader", "get", "pods", NAMESPACE): False,
    ("loader", "get", "secrets", NAMESPACE): False,
}


def test_nothing_is_warned_of(chain: KubeChain, place: Place, tmp_path: Path) -> None:
    """The chart as on kind and as in production, a run's application, and the operator's chart: a server-side dry run
    in the restricted namespaces, where a warning is an error."""
    kubectl(*DRY_RUN, given=run(*chain.release.words("template", plan.RELEASE, str(CHART))))
    sets = [word for setting in PRODUCTION for word in ("--set", setting)]
    kubectl(*DRY_RUN, given=run("helm", "template", "tm", str(CHART), "-n", NAMESPACE, *sets))
    operator = str(place.operator[0]) if place.operator else plan.OPERATOR
    text = run("helm", *operator_words("template", plan.OPERATOR, operator, place=place))
    run("kubectl", *DRY_RUN, given=text)


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
    """Each account's whole list, in the release's namespace and in others."""
    assert _rights(account, NAMESPACE) == RIGHTS.get(account, {})
    for elsewhere in ("default", OPERATOR_NAMESPACE, "kube-system"):
        assert _rights(account, elsewhere) == {}


@pytest.mark.parametrize("asked", ANSWERS, ids=" ".join)
def test_can_i(chain: KubeChain, asked: tuple[str, str, str, str]) -> None:
    """What the lists above come to: the submitter makes applications where it is, and nobody reads a Secret."""
    account, verb, resource, namespace = asked
    words = ("kubectl", "auth", "can-i", verb, resource, "--as", _user(account), "-n", namespace, "--quiet")
    answer = subprocess.run(words, capture_output=True, check=False).returncode == 0
    assert ANSWERS[asked] == answer


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


def _rights(account: str, namespace: str) -> dict[str, set[str]]:
    """Verbs by resource, without what every account may: ask for its own rights."""
    review = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectRulesReview",
        "spec": {"namespace": namespace},
    }
    path = "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews"
    said = run("kubectl", "create", "--raw", path, "--as", _user(account), "-f", "-", given=json.dumps(review))
    found: dict[str, set[str]] = {}
    for rule in json.loads(said)["status"]["resourceRules"]:
        for resource in rule["resources"]:
            if not resource.startswith("selfsubject"):
                found.setdefault(resource, set()).update(rule["verbs"])
    return found


def _user(account: str) -> str:
    name = "default" if account == "none" else f"{plan.RELEASE}-{account}"
    return f"system:serviceaccount:{NAMESPACE}:{name}"
