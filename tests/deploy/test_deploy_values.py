"""values.schema.json refuses what cannot work, and says where."""

import pytest
from rendered_chart import PRODUCTION, template

WRONG = {
    "no Snowflake account": ("snowflake.account=", "/snowflake/account"),
    "no broker, neither elsewhere nor here": ("kafka.bootstrap=", "/kafka/bootstrap"),
    "a broker without its port": ("kafka.bootstrap=broker.example", "/kafka/bootstrap"),
    "two processes of one stage": ("workers.loader.replicas=2", "/workers/loader/replicas"),
    "a misspelt worker": ("workers.loadr.memory=1Gi", "/workers"),
    "a setting that is none of tidemark's": ("workers.loader.env.PATH=/tmp", "invalid propertyName 'PATH'"),
    "memory without its unit": ("workers.loader.memory=512", "/workers/loader/memory"),
    "the tag latest": ("images.tag=latest", "/images/tag"),
    "a digest that is none": ("images.digests.loader=sha256:abc", "/images/digests/loader"),
    "SASL without a Secret": ("kafka.secret=", "/kafka/secret"),
    "a password where a Secret's name belongs": ("snowflake.password=hunter2", "/snowflake"),
    "a lake that is no S3 address": ("lake.warehouse=/data/lake", "/lake/warehouse"),
    "a role that is no ARN": ("spark.roleArn=admin", "/spark/roleArn"),
    "too little memory for Spark to start a small run": ("spark.memoryMib=512", "/spark/memoryMib"),
    "a collector without what it hands its traces to": ("local.collector.enabled=true", "/local/zipkin/enabled"),
    "a port that is none": ("clickhouse.port=70000", "/clickhouse/port"),
    "an unknown section": ("autoscaling.enabled=true", "autoscaling"),
}


def test_what_production_needs_is_enough() -> None:
    """The settings that the wrong ones below begin from are right."""
    assert template().returncode == 0


@pytest.mark.parametrize(("setting", "place"), WRONG.values(), ids=WRONG.keys())
def test_wrong_values_are_refused(setting: str, place: str) -> None:
    """With the place of what is wrong, before anything is rendered."""
    said = template(settings=(*PRODUCTION, setting))
    assert said.returncode != 0
    assert place in said.stderr
