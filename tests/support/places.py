"""Every named failpoint: before, between and after each commit, fast-forward, ledger row, COPY and produce."""

SERVICES = ("ingest-watcher", "spark-submitter", "loader", "transformer", "reconciler")
PLACES = [
    *(f"{stage}.{place}" for stage in SERVICES for place in ("after-commit", "before-produce", "after-produce")),
    "spark-submitter.before-commit",
    "spark-submitter.after-decision",
    "spark-submitter.before-fast-forward",
    "spark-submitter.after-fast-forward",
    "loader.after-copy",
    "loader.before-commit",
    "transformer.before-build",
    "transformer.after-build",
    "transformer.before-ledger",
    "transformer.before-commit",
    "reconciler.before-report",
    "reconciler.after-report",
    "reconciler.before-commit",
]
