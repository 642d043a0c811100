"""All checks, in the order of the chain. A group whose settings are missing is one finding that names them."""

from collections.abc import Callable, Iterator

from tidemark.errors import SettingsError
from tidemark.settings import (
    ClickHouseSettings,
    KafkaSettings,
    LakeSettings,
    RunnerSettings,
    Settings,
    SnowflakeSettings,
    SparkSettings,
    load,
)
from tidemark_cli.doctor.chain import of_kafka, of_spark, of_traces
from tidemark_cli.doctor.check import Check
from tidemark_cli.doctor.lake import of_lake
from tidemark_cli.doctor.speed import of_speed
from tidemark_cli.doctor.warehouse import of_warehouse


class WarehouseSettings(SnowflakeSettings, LakeSettings):
    """The warehouse, and the lake that its stage shows."""


GROUPS: tuple[tuple[str, type[Settings], Callable[..., Iterator[Check]]], ...] = (
    ("Kafka", KafkaSettings, of_kafka),
    ("lake", LakeSettings, of_lake),
    ("Spark", SparkSettings, of_spark),
    ("warehouse", WarehouseSettings, of_warehouse),
    ("speed layer", ClickHouseSettings, of_speed),
    ("traces", RunnerSettings, of_traces),
)


def checks() -> Iterator[Check]:
    """Every check whose settings are there, and for each other group one that says what is missing."""
    for name, kind, group in GROUPS:
        try:
            settings = load(kind)
        except SettingsError as error:
            yield Check(f"{name}: settings", _raising(error), "set the variables named here (docs/production.md)", {})
        else:
            yield from group(settings)


def _raising(error: SettingsError) -> Callable[[], str]:
    def ask() -> str:
        raise error

    return ask
