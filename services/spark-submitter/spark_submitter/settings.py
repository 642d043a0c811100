"""The submitter's settings: the shared groups, and how far back one can go."""

from tidemark.settings import LakeSettings, RunnerSettings, SparkSettings


class SubmitterSettings(RunnerSettings, LakeSettings, SparkSettings):
    """Kafka, the lake, and where the Spark driver listens.

    The newest `rollback_runs` runs of a dataset can be gone back to: maintenance keeps their tags and snapshots.
    A large run gets at most `spark_most_executors` executors.
    """

    rollback_runs: int = 200
    spark_most_executors: int = 4
