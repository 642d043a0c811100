"""A service of ten lines, run by the tests as a process of its own: curated in, loaded out.

TINY_STAGE names it; TINY_SECONDS is how long its handler takes.
"""

import os
import sys
import time
from collections.abc import Sequence

from tidemark.events import Event, LakeCurated, RawLoaded
from tidemark.runner import serve
from tidemark.settings import RunnerSettings
from tidemark.stage import Stage


def handle(event: LakeCurated) -> Sequence[Event]:
    """Answer, after a while."""
    time.sleep(float(os.environ.get("TINY_SECONDS", "0")))
    loaded = RawLoaded(
        dataset=event.dataset,
        run_id=event.run_id,
        run_seq=event.run_seq,
        kind=event.kind,
        generation=event.generation,
        tables=[],
        max_ts_ms=None,
        committed_at_ms=0,
        seconds=0.0,
    )
    return [loaded]


def compose(_: RunnerSettings) -> Stage:
    """The stage."""
    return Stage(os.environ["TINY_STAGE"], {LakeCurated: handle})


if __name__ == "__main__":
    sys.exit(serve(RunnerSettings, compose))
