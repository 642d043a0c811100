"""What the chart promises, held against what helm renders of it."""

import re
from pathlib import Path

import kubernetes_validate
import pytest
from rendered_chart import (
    CHART,
    EXPOSED,
    KIND,
    ON_KIND,
    PRODUCTION,
    WORKERS,
    Object,
    application,
    environment,
    helm,
    of_kind,
    on_kind,
    pods,
    production,
    rendered,
)

from tidemark import runner, transport
from tidemark.settings import PREFIX

ROLE = "arn:aws:iam::123456789012:role/loader"
EVERYTHING = (
    "externalSecrets.store=vault",
    "externalSecrets.entries.snowflake=prod/snowflake",
    "traces.endpoint=http://collector.example:4318/v1/traces",
    "networkPolicy.metricsFrom.team=watch",
    "lake.secret=the-lake",
    "alerts.secret=the-alerts",
    *EXPOSED,
    f"workers.loader.roleArn={ROLE}",
    "images.pullSecrets={registry}",
)
CLUSTERS = {"production": production(), "everything": production(*EVERYTHING), "kind": on_kind()}
ALL = pytest.mark.parametrize("objects", CLUSTERS.values(), ids=CLUSTERS.keys())


def _containers(objects: tuple[Object, ...]) -> list[tuple[str, Object, Object]]:
    return [(name, pod["spec"], container) for name, pod in pods(objects) for container in pod["spec"]["containers"]]


@ALL
def test_every_object_fits_its_schema(objects: tuple[Object, ...]) -> None:
    """Strictly: a misspelt field is an error too. External Secrets' own kind has no schema here."""
    for found in objects:
        if found["kind"] != "ExternalSecret":
            kubernetes_validate.validate(found, "1.34", strict=True)


@pytest.mark.parametrize(
    "values", [("--set", ",".join(PRODUCTION)), ("--values", str(KIND), "--set", ",".join(ON_KIND))]
)
def test_helm_lint(values: tuple[str, ...]) -> None:
    """helm's own rules, warnings included."""
    said = helm("lint", str(CHART), "--strict", *values)
    assert said.returncode == 0, said.stdout


@ALL
def test_pods_keep_the_restricted_profile(objects: tuple[Object, ...]) -> None:
    """And a root file system that nobody writes to; Spark's driver and executors too."""
    spec = application(objects)["spec"]
    spark = [(name, spec[name]["podSecurityContext"], spec[name]["securityContext"]) for name in ("driver", "executor")]
    ours = [(name, pod["securityContext"], c["securityContext"]) for name, pod, c in _containers(objects)]
    for name, pod, container in [*ours, *spark]:
        assert pod["runAsUser"] > 0, name
        assert container == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "runAsNonRoot": True,
            "capabilities": {"drop": ["ALL"]},
            "seccompProfile": {"type": "RuntimeDefault"},
        }, name


@ALL
def test_memory_is_promised_as_it_is_bounded(objects: tuple[Object, ...]) -> None:
    """Requests are limits, so that a node that is full ends nobody."""
    for name, _, container in _containers(objects):
        resources = container["resources"]
        assert resources["limits"]["memory"] == resources["requests"]["memory"], name
        assert resources["requests"]["cpu"], name


@ALL
def test_images_are_never_latest(objects: tuple[Object, ...]) -> None:
    """Each image has a tag or a digest."""
    images = [container["image"] for _, _, container in _containers(objects)] + [application(objects)["spec"]["image"]]
    assert [image for image in images if not re.search(r"(:(?!latest$)[\w.-]+|@sha256:[0-9a-f]{64})$", image)] == []


def test_a_digest_takes_the_tags_place() -> None:
    """An image with a digest is pulled by it."""
    digest = "sha256:" + "a" * 64
    found = of_kind(production(f"images.digests.loader={digest}"), "StatefulSet")["loader"]
    image = found["spec"]["template"]["spec"]["containers"][0]["image"]
    assert image == f"ghcr.io/tidemark/tidemark-loader@{digest}"


@pytest.mark.parametrize("worker", WORKERS)
def test_no_two_processes_of_one_name(worker: str) -> None:
    """A StatefulSet of one pod: the next one is made only when the one before is gone."""
    found = of_kind(production(), "StatefulSet")[worker]["spec"]
    assert (found["replicas"], found.get("updateStrategy", {}).get("type", "RollingUpdate")) == (1, "RollingUpdate")
    assert "Deployment" not in {o["kind"] for o in production()}


@pytest.mark.parametrize("worker", WORKERS)
def test_a_pod_is_given_the_time_that_the_runner_takes_to_end(worker: str) -> None:
    """The handler's grace, then leaving the group, then the last spans."""
    pod = of_kind(production(), "StatefulSet")[worker]["spec"]["template"]["spec"]
    needed = runner.GRACE_SECONDS + transport.LEAVE_SECONDS + 2
    assert pod["terminationGracePeriodSeconds"] > needed


@pytest.mark.parametrize("worker", WORKERS)
def test_probes_ask_the_runners_port(worker: str) -> None:
    """The port of the settings, on all of the pod's addresses, at the paths that health.py answers."""
    objects = production()
    container = of_kind(objects, "StatefulSet")[worker]["spec"]["template"]["spec"]["containers"][0]
    settings = environment(objects, worker)
    assert container["ports"] == [{"name": "health", "containerPort": int(settings[f"{PREFIX}HEALTH_PORT"])}]
    assert settings[f"{PREFIX}HEALTH_HOST"] == "0.0.0.0"  # noqa: S104
    paths = {probe: container[f"{probe}Probe"]["httpGet"]["path"] for probe in ("startup", "liveness", "readiness")}
    assert paths == {"startup": "/livez", "liveness": "/livez", "readiness": "/readyz"}


def test_only_the_submitter_makes_applications() -> None:
    """And only in its namespace; the others have no right at all, and no token but Spark's driver."""
    objects = production()
    kinds = {found["kind"] for found in objects}
    assert not kinds & {"ClusterRole", "ClusterRoleBinding"}
    roles = of_kind(objects, "Role")
    may = {name: sorted(rule["apiGroups"][0] for rule in role["rules"]) for name, role in roles.items()}
    assert may == {"spark-submitter": ["", "sparkoperator.k8s.io"], "spark": [""]}
    submitter = {r: rule["verbs"] for rule in roles["spark-submitter"]["rules"] for r in rule["resources"]}
    assert submitter["sparkapplications"] == ["create", "get", "list", "delete"]
    assert submitter["pods"] == submitter["pods/log"] == ["get", "list"]
    tokens = {name for name, pod in pods(objects) if pod["spec"].get("automountServiceAccountToken", True)}
    assert tokens == {"spark-submitter"}
    bound = {name: b["subjects"][0]["name"] for name, b in of_kind(objects, "RoleBinding").items()}
    assert bound == {"spark-submitter": "tm-spark-submitter", "spark": "tm-spark"}


@pytest.mark.parametrize("worker", WORKERS)
def test_each_worker_has_its_own_account(worker: str) -> None:
    """Named after it, with an AWS role where the values give one."""
    objects = production(f"workers.{worker}.roleArn={ROLE}")
    account = of_kind(objects, "ServiceAccount")[worker]
    assert account["metadata"]["annotations"] == {"eks.amazonaws.com/role-arn": ROLE}
    assert of_kind(objects, "StatefulSet")[worker]["spec"]["template"]["spec"]["serviceAccountName"] == f"tm-{worker}"


@ALL
def test_no_secret_is_written_down(objects: tuple[Object, ...]) -> None:
    """The chart makes no Secret; what is secret comes by reference."""
    assert "Secret" not in {found["kind"] for found in objects}
    for name, _, container in _containers(objects):
        given = {entry["name"] for entry in container.get("env", []) if entry.get("value")}
        assert not {n for n in given if re.search("PASSW|SECRET|PASSPHRASE|ACCESS_KEY", n)}, name


def test_external_secrets_keep_the_secrets_that_are_named() -> None:
    """Under the name by which the pods ask for it."""
    found = of_kind(production(*EVERYTHING), "ExternalSecret")["tidemark-snowflake"]["spec"]
    assert found["secretStoreRef"] == {"kind": "ClusterSecretStore", "name": "vault"}
    assert (found["target"], found["dataFrom"]) == (
        {"name": "tidemark-snowflake"},
        [{"extract": {"key": "prod/snowflake"}}],
    )


def test_a_changed_setting_restarts_its_worker_and_no_other() -> None:
    """The pod's annotation follows the settings, and the submitter's the SparkApplication."""

    def sums(objects: tuple[Object, ...]) -> dict[str, str]:
        sets = of_kind(objects, "StatefulSet").items()
        return {n: s["spec"]["template"]["metadata"]["annotations"]["checksum/settings"] for n, s in sets}

    def changed(*settings: str) -> set[str]:
        now = sums(production(*settings))
        return {name for name, value in sums(production()).items() if now[name] != value}

    assert changed("workers.loader.env.TIDEMARK_X=one") == {"loader"}
    assert changed("spark.overhead=1g") == {"spark-submitter"}


def test_the_submitter_reads_its_application_from_a_file() -> None:
    """Mounted where the setting says, in place of the resident driver's address."""
    objects = production("spark.mostExecutors=2")
    settings = environment(objects, "spark-submitter")
    mounts = of_kind(objects, "StatefulSet")["spark-submitter"]["spec"]["template"]["spec"]["containers"][0][
        "volumeMounts"
    ]
    assert settings["TIDEMARK_SPARK_TEMPLATE"] in {mount["mountPath"] for mount in mounts}
    assert (settings["TIDEMARK_SPARK_MOST_EXECUTORS"], settings["TIDEMARK_SPARK_MEMORY_MIB"]) == ("2", "2048")
    assert "TIDEMARK_SPARK_DRIVER_URL" not in settings


def test_the_application_lacks_only_what_a_run_gives() -> None:
    """No name and no arguments; the namespace, the account, the lake and what becomes of it stand there."""
    found = application(production("spark.eventLog=s3a://logs/spark"))
    spec = found["spec"]
    assert "name" not in found["metadata"]
    assert "arguments" not in spec
    assert (found["metadata"]["namespace"], spec["restartPolicy"], spec["timeToLiveSeconds"]) == (
        "shop",
        {"type": "Never"},
        86400,
    )
    assert {spec[part]["serviceAccount"] for part in ("driver", "executor")} == {"tm-spark"}
    assert spec["sparkConf"]["spark.sql.catalog.lake.warehouse"] == "s3://lake/warehouse"
    assert spec["sparkConf"]["spark.eventLog.dir"] == "s3a://logs/spark"
    assert all(isinstance(value, str) for value in spec["sparkConf"].values())


def test_topics_are_made_by_a_hook() -> None:
    """After an installation, before an upgrade; the warehouse only where the values say so."""
    jobs = [of_kind(found, "Job")["init"] for found in (production(), production("init.warehouse=true"))]
    assert {job["metadata"]["annotations"]["helm.sh/hook"] for job in jobs} == {"post-install,pre-upgrade"}
    arguments = [job["spec"]["template"]["spec"]["containers"][0]["args"] for job in jobs]
    assert arguments == [["init", "--topics"], ["init"]]


def test_helm_test_asks_the_chain() -> None:
    """`tidemark ping`: a request that changes nothing, and its answer."""
    pod = of_kind(production(), "Pod")["test"]
    assert pod["metadata"]["annotations"]["helm.sh/hook"] == "test"
    assert pod["spec"]["containers"][0]["args"] == ["ping"]


def test_local_parts_are_off_in_production_and_on_in_kind() -> None:
    """Kafka, ClickHouse, collector, trace backend and Prometheus."""
    local = {"kafka", "clickhouse", "collector", "zipkin", "prometheus"}
    assert set(of_kind(production(), "StatefulSet")) == set(WORKERS)
    assert set(of_kind(on_kind(), "StatefulSet")) == {*WORKERS, *local}


def test_alerts_are_sent_where_a_secret_says_so() -> None:
    """The notifier is there with it, its addresses come by reference; without it there is none."""
    assert "notifier" not in of_kind(production(), "StatefulSet")
    pod = of_kind(production("alerts.secret=the-alerts"), "StatefulSet")["notifier"]["spec"]["template"]["spec"]
    [urls] = [entry for entry in pod["containers"][0]["env"] if entry["name"] == "TIDEMARK_ALERT_URLS"]
    assert urls["valueFrom"]["secretKeyRef"] == {"name": "the-alerts", "key": "urls"}


def test_no_value_is_unused() -> None:
    """Each value of values.yaml is read by a template: by its path, or as part of what is passed on."""
    text = "\n".join(path.read_text() for path in CHART.rglob("templates/**/*") if path.is_file())
    schema_only = {"replicas", "roleArn", "env", "memory", "cpu", "enabled", "image"}  # of a worker or a local part
    names = set(re.findall(r"^ +([\w]+):", (CHART / "values.yaml").read_text(), re.MULTILINE))
    assert {
        name for name in names - schema_only - {*WORKERS, "notifier"} if not re.search(rf"\.{name}\b", text)
    } == set()
    assert {name for name in schema_only if not re.search(rf"\.{name}\b", text)} == set()


def test_templates_stay_small() -> None:
    """A template that grows beyond reading is cut."""
    assert [
        p.name for p in Path(CHART).rglob("templates/**/*") if p.is_file() and len(p.read_text().splitlines()) > 160
    ] == []


def test_a_stage_can_be_switched_off() -> None:
    """`replicas: 0`."""
    found = rendered((), (*PRODUCTION, "workers.reconciler.replicas=0"))
    assert of_kind(found, "StatefulSet")["reconciler"]["spec"]["replicas"] == 0
