"""The reconciler's settings: the broker, the lake, the warehouse and the speed layer; nothing of its own."""

from tidemark.settings import ClickHouseSettings, LakeSettings, RunnerSettings, SnowflakeSettings


class ReconcilerSettings(RunnerSettings, LakeSettings, SnowflakeSettings, ClickHouseSettings):
    """Everything that the reconciler reads from the environment."""
