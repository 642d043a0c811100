"""The lab's components: what is started, with which command, and what it is told.

Infrastructure starts at once; "initialise" prepares topics, bucket and warehouse once its parts are ready; the services
follow. To add a component, add it to `stack` (and its port to `PORTS`); `environment` is what services and people get.
"""

import os
import secrets
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from tidemark_lab import broker, jars, prometheus, zipkin
from tidemark_lab.components import Component
from tidemark_lab.home import MARK, Home
from tidemark_lab.java import java, java_home

SERVICES = {
    "ingest-watcher": "ingest_watcher",
    "spark-submitter": "spark_submitter",
    "loader": "loader",
    "transformer": "transformer",
    "reconciler": "reconciler",
}
PORTS = {
    "broker": ("broker", "controller"),
    "store": ("store",),
    "warehouse": ("warehouse",),
    "clickhouse": ("clickhouse",),
    "traces": ("traces",),
    "zipkin": ("zipkin",),
    "spark": ("spark",),
    prometheus.NAME: (prometheus.NAME,),
    "console": ("console", "health"),
} | dict.fromkeys(SERVICES, ("health",))
OPTIONAL = (prometheus.NAME,)  # there only where it was asked for
NAMES = (*(name for name in PORTS if name not in OPTIONAL), "initialise")
# What a person's shell says about their own accounts must not reach the lab.
FOREIGN = ("TIDEMARK_", "AWS_", "OTEL_", "SPARK_", "PYSPARK_", "SNOWFLAKE_", "DBT_", "CLICKHOUSE_", "JAVA_TOOL_OPTIONS")
Ports = Mapping[str, Mapping[str, int]]


def environment(ports: Ports, names: Sequence[str] = ()) -> dict[str, str]:
    """What services and the command line need to know, as lab.env says it. `names`: the components that there are."""
    at = {name: f"http://127.0.0.1:{next(iter(mine.values()))}" for name, mine in ports.items()}
    return {
        "TIDEMARK_KAFKA_BOOTSTRAP": f"127.0.0.1:{ports['broker']['broker']}",
        "TIDEMARK_OTLP_ENDPOINT": f"{at['traces']}/v1/traces",
        "TIDEMARK_TRACES_URL": at["traces"],
        "TIDEMARK_ZIPKIN_URL": at["zipkin"],
        "TIDEMARK_METRICS_URLS": ",".join(f"{at[name]}/metrics" for name in SERVICES if name in at),
        **({"TIDEMARK_PROMETHEUS_URL": at[prometheus.NAME]} if prometheus.NAME in names else {}),
        "TIDEMARK_CONSOLE_URL": at["console"],
        "TIDEMARK_LAKE_WAREHOUSE": "s3://lake/warehouse",
        "TIDEMARK_LAKE_STATE": "s3://lake/tidemark",
        "TIDEMARK_AWS_REGION": "us-east-1",
        "TIDEMARK_GLUE_ENDPOINT": at["store"],
        "TIDEMARK_S3_ENDPOINT": at["store"],
        "TIDEMARK_SNOWFLAKE_ACCOUNT": "fakesnow",
        "TIDEMARK_SNOWFLAKE_USER": "tidemark",
        "TIDEMARK_SNOWFLAKE_PASSWORD": "lab",
        "TIDEMARK_SNOWFLAKE_DATABASE": "TIDEMARK",
        "TIDEMARK_SNOWFLAKE_HOST": "127.0.0.1",
        "TIDEMARK_SNOWFLAKE_PORT": str(ports["warehouse"]["warehouse"]),
        "TIDEMARK_SNOWFLAKE_PROTOCOL": "http",
        "TIDEMARK_CLICKHOUSE_HOST": "127.0.0.1",
        "TIDEMARK_CLICKHOUSE_PORT": str(ports["clickhouse"]["clickhouse"]),
        "TIDEMARK_CLICKHOUSE_DATABASE": "speed",
        "TIDEMARK_SPARK_DRIVER_URL": at["spark"],
        "TIDEMARK_SETTLE_SECONDS": "3",
        "TIDEMARK_MAX_WAIT_SECONDS": "20",
        "AWS_ACCESS_KEY_ID": "lab",
        "AWS_SECRET_ACCESS_KEY": "lab",
        "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
    }


def process_environment(home: Home, ports: Ports) -> dict[str, str]:
    """The environment of every process of the lab: the machine's own, less foreign accounts, and the lab's."""
    mine = {name: value for name, value in os.environ.items() if not name.startswith(FOREIGN)}
    bypass = ",".join(filter(None, (os.environ.get("NO_PROXY"), "127.0.0.1,localhost")))
    return (
        mine
        | environment(ports)
        | {
            MARK: str(home.path),
            "TIDEMARK_CACHE": str(jars.cache_folder()),
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "JAVA_HOME": str(java_home(jars.cache_folder())),
            "NO_PROXY": bypass,
            "no_proxy": bypass,
            "MALLOC_ARENA_MAX": "2",
            "PYTHONUNBUFFERED": "1",
        }
    )


def stack(home: Home, ports: Ports) -> list[Component]:
    """All components, in order."""
    common = process_environment(home, ports)
    services = [*_services(ports, common), _console(home, ports, common), _prometheus(home, ports, common)]
    return [*_infrastructure(home, ports, common), _initialise(common), *services]


def _infrastructure(home: Home, ports: Ports, common: dict[str, str]) -> list[Component]:
    executable = java(jars.cache_folder())
    store = f"http://127.0.0.1:{ports['store']['store']}"

    def python(name: str, module: str, ready: str, memory: int, *more: str) -> Component:
        port = str(ports[name][name])
        command = _python(f"tidemark_lab.{module}", "--port", port, "--data", str(home.data(name)), *more)
        return Component(name, command, _signed(common, name), ports[name], ready, memory_mib=memory)

    broker_command = broker.command(executable, jars.folder("kafka"), home.data("broker"))
    zipkin_command = zipkin.command(executable, jars.folder("zipkin"), ports["zipkin"]["zipkin"])
    return [
        Component("broker", tuple(broker_command), common, ports["broker"], "kafka", memory_mib=220, stop_seconds=30),
        python("store", "store", "/", 160),
        python("warehouse", "warehouse", "/", 600, "--s3-endpoint", store),
        python("clickhouse", "clickhouse", "/ping", 450),
        python("traces", "traces", "/healthz", 60, "--zipkin", f"http://127.0.0.1:{ports['zipkin']['zipkin']}"),
        Component("zipkin", tuple(zipkin_command), common, ports["zipkin"], "/health", memory_mib=220),
        python("spark", "spark_driver", "/healthz", 1500),
    ]


def _initialise(common: dict[str, str]) -> Component:
    needs = ("broker", "store", "warehouse")
    return Component("initialise", _python("tidemark_lab.initialise"), common, ready="exit", needs=needs)


def _services(ports: Ports, common: dict[str, str]) -> list[Component]:
    return [
        Component(
            name,
            _python(module),
            _signed(common, name)
            | {"TIDEMARK_HEALTH_HOST": "127.0.0.1", "TIDEMARK_HEALTH_PORT": str(ports[name]["health"])},
            ports[name],
            ready="/readyz",
            needs=("initialise",),
            memory_mib=250 if name == "transformer" else 120,
        )
        for name, module in SERVICES.items()
    ]


def _prometheus(home: Home, ports: Ports, common: dict[str, str]) -> Component:
    name, mine = prometheus.NAME, ports[prometheus.NAME]
    command = prometheus.command(home.data(name), mine[name])
    return Component(name, tuple(command), common, mine, "/-/ready", memory_mib=100)


def _console(home: Home, ports: Ports, common: dict[str, str]) -> Component:
    """It needs nothing but topics; nothing needs it."""
    mine = {
        "TIDEMARK_CONSOLE_PORT": str(ports["console"]["console"]),
        "TIDEMARK_HEALTH_PORT": str(ports["console"]["health"]),
        "TIDEMARK_CONSOLE_DATA": str(home.data("console")),
        "TIDEMARK_CONSOLE_TOKEN_FILE": str(home.console_token),
        "TIDEMARK_TRACE_PAGE": f"http://127.0.0.1:{ports['zipkin']['zipkin']}/zipkin/traces/{{trace_id}}",
    }
    command, needs = _python("console"), ("initialise",)
    return Component("console", command, common | mine, ports["console"], "/api/ready", needs, memory_mib=150)


def _signed(environment: dict[str, str], name: str) -> dict[str, str]:
    """With a key of its own, so that the store knows who asks (store_calls.py)."""
    return environment | {"AWS_ACCESS_KEY_ID": name}


def _python(module: str, *arguments: str) -> tuple[str, ...]:
    return (sys.executable, "-m", module, *arguments)


def prepare(home: Home, ports: Ports, names: list[str]) -> None:
    """What has to stand on disk before the named components can start. LabError: it cannot be had."""
    if "broker" in names:
        executable, data = java(jars.cache_folder()), home.data("broker")
        broker.prepare(executable, jars.folder("kafka"), data, ports["broker"]["broker"], ports["broker"]["controller"])
    if prometheus.NAME in names:
        prometheus.prepare(home.data(prometheus.NAME), {name: ports[name]["health"] for name in SERVICES})
    for name in names:
        Path(home.data(name)).mkdir(parents=True, exist_ok=True)
    if "console" in names and not home.console_token.exists():
        home.console_token.touch(mode=0o600)
        home.console_token.write_text(secrets.token_urlsafe(24) + "\n")


def jar_sets(names: list[str]) -> list[str]:
    """The sets of jars that the named components need."""
    sets = {"broker": "kafka", "spark": "spark", "zipkin": "zipkin"}
    return [sets[name] for name in names if name in sets]
