"""spark-submitter: has Spark curate a run on branches of its own, decides, and publishes the run's tables together."""
