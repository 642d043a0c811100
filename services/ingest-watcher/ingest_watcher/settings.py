"""The watcher's settings: the shared groups, and when the source counts as settled."""

from tidemark.settings import LakeSettings, RunnerSettings


class WatcherSettings(RunnerSettings, LakeSettings):
    """`settle_seconds` without a commit make a cut; no commit waits longer than `max_wait_seconds`."""

    settle_seconds: float = 30.0
    max_wait_seconds: float = 300.0
