"""The submitter's settings: the shared groups, and how far back one can go."""

from tidemark.settings import LakeSettings, RunnerSettings, SparkSettings


class SubmitterSettings(RunnerSettings, LakeSettings, SparkSettings):
    """Kafka, the lake, and where the Spark driver listens.

    The newest `rollback_runs` runs of a dataset can be gone back to: maintenance keeps their tags and snapshots.
    """

    rollback_runs: int = 200
