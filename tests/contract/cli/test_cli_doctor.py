"""`tidemark doctor`: all is well, or one connection is broken and the remedy is the right one; nothing is changed."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import boto3
import pytest
from pyiceberg.schema import Schema
from typer.testing import CliRunner
from unused_ports import unused_port

from tidemark import kafka
from tidemark.settings import LakeSettings, load
from tidemark.tables import registry
from tidemark_cli.doctor.check import Finding, examine
from tidemark_cli.doctor.checks import checks
from tidemark_cli.main import app
from tidemark_lab import lab
from tidemark_lake.catalog import open_catalog

pytestmark = [pytest.mark.lab, pytest.mark.timeout(300)]
CLOSED = "closed"  # stands for an address at which nobody listens


class Driver(BaseHTTPRequestHandler):
    """A Spark driver that is ready."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b'{"status": "ready"}')

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The environment of a lab whose stores are up and prepared, with the source's tables, and a driver."""
    home = tmp_path_factory.mktemp("doctor") / ".tidemark"
    driver = HTTPServer(("127.0.0.1", 0), Driver)
    threading.Thread(target=driver.serve_forever, daemon=True).start()
    try:
        environment = lab.up(home, only=["initialise", "clickhouse", "traces"])
        environment |= {"TIDEMARK_SPARK_DRIVER_URL": f"http://127.0.0.1:{driver.server_port}"}
        with pytest.MonkeyPatch.context() as patch:
            set_all(patch, environment)
            make_sources()
        yield environment
    finally:
        driver.shutdown()
        lab.down(home)


def set_all(patch: pytest.MonkeyPatch, environment: dict[str, str]) -> None:
    for name, value in environment.items():
        patch.setenv(name, value)


def make_sources() -> None:
    catalog = open_catalog(load(LakeSettings).catalog_properties())
    for dataset in registry().datasets.values():
        catalog.create_namespace(dataset.source)
        for table in dataset.tables:
            catalog.create_table(f"{dataset.source}.{table}", Schema())


@pytest.fixture
def environment(whole: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """The environment is set for this test."""
    set_all(monkeypatch, whole)
    return whole


def not_well() -> dict[str, Finding]:
    return {finding.name: finding for finding in map(examine, checks()) if not finding.well}


def objects() -> list[str]:
    settings = load(LakeSettings)
    client = boto3.client("s3", endpoint_url=settings.s3_endpoint, region_name=settings.aws_region)
    return [item["Key"] for item in client.list_objects_v2(Bucket="lake").get("Contents", [])]


def test_all_is_well_and_nothing_is_changed(environment: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Exit code 0, a line for each check, no secret in any of them, and the lake holds what it held."""
    for name in ("AWS_SECRET_ACCESS_KEY", "TIDEMARK_SNOWFLAKE_PASSWORD"):
        monkeypatch.setenv(name, "a-secret")
    before = objects()
    done = CliRunner().invoke(app, ["doctor"])
    assert done.exit_code == 0, done.output
    for check in checks():
        assert f"ok {check.name}" in done.output
    assert "a-secret" not in done.output
    assert objects() == before


@pytest.mark.parametrize(
    ("name", "value", "check", "remedy"),
    [
        ("TIDEMARK_KAFKA_BOOTSTRAP", CLOSED, "Kafka: topics", "TIDEMARK_KAFKA_BOOTSTRAP can be reached"),
        ("TIDEMARK_S3_ENDPOINT", f"http://{CLOSED}", "lake: write state", "TIDEMARK_S3_ENDPOINT"),
        ("TIDEMARK_GLUE_ENDPOINT", f"http://{CLOSED}", "catalog: ecommerce", "TIDEMARK_GLUE_ENDPOINT"),
        ("TIDEMARK_LAKE_STATE", "s3://no-such-bucket/x", "lake: read state", "create the bucket"),
        ("AWS_ACCESS_KEY_ID", "", "lake: read data", "standard AWS chain"),
        ("TIDEMARK_SPARK_DRIVER_URL", f"http://{CLOSED}", "Spark: driver", "start the resident driver"),
        ("TIDEMARK_SNOWFLAKE_PORT", CLOSED, "warehouse: sign in", "TIDEMARK_SNOWFLAKE_ACCOUNT"),
        ("TIDEMARK_SNOWFLAKE_DATABASE", "ELSEWHERE", "warehouse: tables", "run `tidemark init`"),
        ("TIDEMARK_SNOWFLAKE_ACCOUNT", "", "warehouse: settings", "set the variables named here"),
        ("TIDEMARK_CLICKHOUSE_PORT", CLOSED, "speed layer: tables", "TIDEMARK_CLICKHOUSE_HOST and _PORT"),
        ("TIDEMARK_CLICKHOUSE_DATABASE", "elsewhere", "speed layer: tables", "TIDEMARK_CLICKHOUSE_DATABASE"),
        ("TIDEMARK_OTLP_ENDPOINT", f"http://{CLOSED}", "traces: receiver", "start the collector"),
    ],
)
def test_a_broken_connection_names_its_remedy(
    environment: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    value: str,
    check: str,
    remedy: str,
) -> None:
    """The check that needs it is not well, says what to do, and no group that does not need it is touched."""
    port = unused_port()
    address = str(port) if name.endswith("_PORT") else f"127.0.0.1:{port}"
    monkeypatch.setenv(name, value.replace(CLOSED, address))
    monkeypatch.setattr(kafka, "CALL_SECONDS", 2.0)
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)  # it keeps credentials
    found = not_well()
    assert remedy in found[check].remedy, found
    assert {name.split(":")[0] for name in found} <= {check.split(":")[0], "catalog" if "lake" in check else ""}, found


def test_a_template_that_is_not_there_is_named(environment: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Where Kubernetes runs the job, its SparkApplication's template has to be mounted."""
    monkeypatch.delenv("TIDEMARK_SPARK_DRIVER_URL")
    monkeypatch.setenv("TIDEMARK_SPARK_TEMPLATE", "/nowhere/spark-application.yaml")
    found = not_well()
    assert list(found) == ["Spark: driver"]
    assert "TIDEMARK_SPARK_TEMPLATE" in found["Spark: driver"].remedy


def test_a_topic_that_is_not_there_is_named(environment: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """A broker without a topic of ours: `tidemark init` makes it."""
    stock = kafka.topics
    monkeypatch.setattr(kafka, "topics", lambda: {**stock(), "tidemark.new": {}})
    found = not_well()
    assert list(found) == ["Kafka: topics"]
    assert "tidemark.new" in found["Kafka: topics"].said
    assert found["Kafka: topics"].remedy == "run `tidemark init`"


def test_a_source_table_that_is_not_there_is_named(environment: dict[str, str]) -> None:
    """The catalog lacks one of the source's tables."""
    catalog = open_catalog(load(LakeSettings).catalog_properties())
    catalog.drop_table("events.transactions")
    try:
        found = not_well()
    finally:
        catalog.create_table("events.transactions", Schema())
    assert {name: finding.said for name, finding in found.items()} == {"catalog: events": "events lacks transactions"}
    assert "registry" in found["catalog: events"].remedy
