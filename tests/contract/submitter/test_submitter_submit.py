"""From a cut to a published run by way of a SparkApplication, with an operator that really runs spark-submit.

What stands here for the image: pyspark's own spark-submit, and the lab's jars. The template's sparkConf holds what
differs from place to place and nothing else; what the job needs besides, it brings itself (curate_job/session.py).
"""

import os
import subprocess
import sys
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyspark
import pytest
from job_benches import TEMPLATE, KubernetesBench, on_kubernetes
from kubernetes_api import container, pod, stands
from msgspec.structs import replace
from pyiceberg.catalog import Catalog

import curate_job
from spark_submitter.iceberg import IcebergLake
from spark_submitter.stage import Ports, curate
from tidemark.errors import Retryable
from tidemark.events import LakeCurated, SnapshotCommitted, TableCut, run_id_of
from tidemark.settings import LakeSettings
from tidemark.tables import Registry, Rule, registry
from tidemark_lab import jars, java
from tidemark_lake.catalog import open_catalog
from tidemark_lake.decisions import DecisionStore
from tidemark_lake.objects import Folder

pytestmark = [pytest.mark.lab, pytest.mark.timeout(900)]
NUMBERS = count(1)
SPARK = Path(pyspark.__file__).parent
JOB = Path(curate_job.__file__).parent / "__main__.py"
TIME = pa.timestamp("us", tz="UTC")
USERS = pa.schema(
    {
        "id": pa.int32(),
        "email": pa.string(),
        "first_name": pa.string(),
        "last_name": pa.string(),
        "created_at": pa.int64(),
        "updated_at": pa.int64(),
        "__op": pa.string(),
        "__ts_ms": TIME,
        "__source_ts_ms": TIME,
        "__source_lsn": pa.int64(),
    }
)


def template(lake: LakeSettings) -> dict[str, Any]:
    """As the chart makes it for this lake."""
    prefix = "spark.sql.catalog.lake"
    places = {
        f"{prefix}.warehouse": lake.lake_warehouse,
        f"{prefix}.client.region": lake.aws_region,
        f"{prefix}.glue.endpoint": str(lake.glue_endpoint),
        f"{prefix}.s3.endpoint": str(lake.s3_endpoint),
        f"{prefix}.s3.path-style-access": "true",
    }
    return {**TEMPLATE, "spec": {**TEMPLATE["spec"], "sparkConf": places}}


class Operator:
    """Does what the Spark Operator does with an application of a driver alone; `image` is what it would find there."""

    def __init__(self, bench: KubernetesBench, folder: Path) -> None:
        self._bench, self._folder = bench, folder

    def __call__(self, application: dict[str, Any]) -> None:
        """Spark works while the job waits: at its first pause, until the end."""
        stands(application, "RUNNING")
        self._bench.later = partial(self._run, application)

    def _run(self, application: dict[str, Any]) -> None:
        name, driver = application["metadata"]["name"], application["spec"]["driver"]
        image = {
            "spark.driver.extraClassPath": f"{jars.ensure('spark')}/*",
            "spark.driver.extraJavaOptions": " ".join(java.QUICK_START),
            "spark.driver.host": "127.0.0.1",
            "spark.driver.bindAddress": "127.0.0.1",
            "spark.ui.enabled": "false",
            "spark.local.dir": str(self._folder / "local"),
        }
        settings = [f"--conf={key}={value}" for key, value in {**application["spec"]["sparkConf"], **image}.items()]
        sizes = ["--master", driver["kubernetesMaster"], "--driver-memory", driver["memory"], "--name", name]
        command = [SPARK / "bin" / "spark-submit", *sizes, *settings, JOB, *application["spec"]["arguments"]]
        home = str(java.java_home(jars.cache_folder()))
        environment = os.environ | {"JAVA_HOME": home, "PYSPARK_PYTHON": sys.executable, "SPARK_HOME": str(SPARK)}
        out = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
        done = subprocess.run(command, check=False, cwd=self._folder, env=environment, **out)
        ended = {"terminated": {"exitCode": done.returncode, "reason": "Error"}}
        self._bench.cluster.pods[f"{name}-driver"] = pod(f"{name}-driver", container(ended))
        self._bench.cluster.logs[f"{name}-driver"] = "".join(done.stdout.splitlines(keepends=True)[-100:])
        stands(application, "FAILED" if done.returncode else "COMPLETED", "driver container failed with ExitCode: 1")


def ports(bench: KubernetesBench, catalog: Catalog, tables: Registry) -> Ports:
    lake = IcebergLake(catalog, tables)
    return Ports(
        DecisionStore(bench.folder), lake, bench.job, tables, bench.folder.uri, lambda: f"a{next(NUMBERS)}", lambda: 1
    )


def first_run(catalog: Catalog, source: str) -> SnapshotCommitted:
    """Two users, and the run of them."""
    catalog.create_namespace(source)
    table = catalog.create_table(f"{source}.users", schema=USERS)
    rows = [(1, "a@x.org", "Ann", "Lee", 0, 0, "c", 0, 0, 1), (2, "b@x.org", "Bea", "Lee", 0, 0, "c", 0, 0, 2)]
    table.append(pa.Table.from_pylist([dict(zip(USERS.names, row, strict=True)) for row in rows], schema=USERS))
    cuts = [TableCut(table="users", from_snapshot=None, to_snapshot=table.metadata.current_snapshot_id, rows=2)]
    run_id = run_id_of("ecommerce", "process", 0, cuts)
    return SnapshotCommitted(
        dataset="ecommerce", run_id=run_id, run_seq=1, kind="process", generation=0, tables=cuts, committed_at_ms=1
    )


@pytest.mark.soak  # each of its Sparks starts cold
def test_a_run_by_spark_submit(lake_settings: LakeSettings, folder: Folder, tmp_path: Path) -> None:
    """A job that raises is told of by the end of its log; one that does not is published, with Spark's own figures."""
    known = registry()
    dataset = replace(known.datasets["ecommerce"], source="source_submitted", curated="curated_submitted")
    users = known.tables["users"]
    tables = replace(known, datasets={"ecommerce": dataset})
    catalog = open_catalog(lake_settings.catalog_properties())
    event = first_run(catalog, dataset.source)
    with on_kubernetes(folder, tmp_path, template(lake_settings)) as bench:
        bench.cluster.operator = Operator(bench, tmp_path)
        wrong = replace(users, rules=[*users.rules, Rule(name="wrong", holds="no_such_column > 0", severity="flag")])
        bad = replace(tables, tables={**tables.tables, "users": wrong})
        with pytest.raises(Retryable, match=r"(?s)the Spark job raised in run-ecommerce.*no_such_column"):
            curate(event, ports(bench, catalog, bad))
        (curated,) = curate(event, ports(bench, catalog, tables))
    assert isinstance(curated, LakeCurated)
    assert [table.accepted for table in curated.tables if table.accepted] == [2]
    rows = catalog.load_table("curated_submitted.users").scan().to_arrow().to_pylist()
    assert sorted(row["first_name"] for row in rows) == ["Ann", "Bea"]
    asked = {"cores": 1, "executors": 0, "memory_mib": 1024}
    assert {key: curated.spark[key] for key in asked} == asked
    assert curated.spark["tasks"] > 0
