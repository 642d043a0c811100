"""The watcher's settings: the shared groups, when the source counts as settled, and how often maintenance is due."""

from tidemark.settings import LakeSettings, RunnerSettings


class WatcherSettings(RunnerSettings, LakeSettings):
    """`settle_seconds` without a commit make a cut; no commit waits longer than `max_wait_seconds`.

    A dataset's curated tables are maintained after so many runs or accepted rows, whichever comes first; 0: only on
    request.
    """

    settle_seconds: float = 30.0
    max_wait_seconds: float = 300.0
    maintain_every_runs: int = 50
    maintain_after_rows: int = 5_000_000
