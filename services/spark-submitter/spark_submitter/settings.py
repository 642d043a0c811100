"""The submitter's settings: the shared groups, how far back one can go, and what a run's Spark may use."""

from tidemark.settings import LakeSettings, RunnerSettings, SparkSettings


class SubmitterSettings(RunnerSettings, LakeSettings, SparkSettings):
    """Kafka, the lake, and who runs the Spark job.

    The newest `rollback_runs` runs of a dataset can be gone back to: maintenance keeps their tags and snapshots.
    A large run gets at most `spark_most_executors` executors; its driver and each of them a heap of `spark_memory_mib`,
    a small run's driver half of it (Spark starts with no less than 450). A run that ends for want of memory needs more.
    """

    rollback_runs: int = 200
    spark_most_executors: int = 4
    spark_memory_mib: int = 2048
