"""The loader's settings: the runner's, the lake's and the warehouse's, nothing of its own."""

from tidemark.settings import LakeSettings, RunnerSettings, SnowflakeSettings


class LoaderSettings(RunnerSettings, LakeSettings, SnowflakeSettings):
    """Read from TIDEMARK_* variables."""
