"""`make cloud-check`: contract suites and one small run against real S3, Glue, Snowflake and ClickHouse.

Without accounts in the environment it says SKIPPED and what is missing, and ends with 2: a check that was not made has
not passed. docs/production.md says what the accounts must allow. What it makes it removes, also after a failure.
"""

import os
import subprocess
import sys
import tempfile
import uuid
from pathlib import Path

import clouds  # tests/support

ROOT = Path(__file__).parents[2]
# the suites whose promises are the adapters', held against twin and store alike; here only against the store
SUITES = {
    "tests/contract/lake/test_lake_decisions.py": "s3",
    "tests/contract/watcher/test_watcher_source.py": "glue",
    "tests/contract/watcher/test_watcher_schema.py": "glue",
    "tests/contract/loader/test_loader_warehouse.py": "real",
    "tests/contract/loader/test_loader_rollback.py": "real",
    "tests/contract/transformer/test_transformer_warehouse.py": "real",
}


def main() -> int:
    """The exit code: 0 passed, 1 failed, 2 skipped."""
    if lacking := clouds.missing(os.environ):
        sys.stdout.write("SKIPPED: not in the environment\n" + "".join(f"  {line}\n" for line in lacking))
        return 2
    name = f"tidemark_check_{uuid.uuid4().hex[:8]}"
    with tempfile.TemporaryDirectory() as folder:
        os.environ.update(clouds.places(os.environ, name, Path(folder)))
        try:
            clouds.make()
            failed = [what for what in (*SUITES, "tests/cloud") if not _passes(what)]
        finally:
            for line in clouds.remove(name):
                sys.stdout.write(f"removed {line}\n")
    sys.stdout.write(f"FAILED: {', '.join(failed)}\n" if failed else "passed\n")
    return 1 if failed else 0


def _passes(what: str) -> bool:
    chosen = ("-k", SUITES[what]) if what in SUITES else ("-m", "cloud")
    command = (sys.executable, "-m", "pytest", "-n", "0", "--timeout", "3600", *chosen, what)
    return subprocess.run(command, cwd=ROOT, check=False).returncode == 0


if __name__ == "__main__":
    sys.exit(main())
