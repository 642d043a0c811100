"""The submitter's settings: the shared groups are all that it needs."""

from tidemark.settings import LakeSettings, RunnerSettings, SparkSettings


class SubmitterSettings(RunnerSettings, LakeSettings, SparkSettings):
    """Kafka, the lake, and where the Spark driver listens."""
