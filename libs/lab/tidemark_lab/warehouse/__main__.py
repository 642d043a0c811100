"""`python -m tidemark_lab.warehouse --port P --data DIR [--s3-endpoint URL]`: the warehouse emulator on 127.0.0.1."""

import argparse
import logging
import warnings
from pathlib import Path

from tidemark_lab.warehouse.locks import Locks
from tidemark_lab.warehouse.mends import mend
from tidemark_lab.warehouse.persistence import open_engine
from tidemark_lab.warehouse.server import serve


def main() -> None:
    parser = argparse.ArgumentParser(prog="tidemark_lab.warehouse", description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--s3-endpoint", help="where s3:// stages are read from; credentials from AWS_*")
    parser.add_argument("--memory-limit", default="600MB")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--lock-seconds", type=float, default=60.0, help="how long a statement waits for a table")
    parser.add_argument("--idle-seconds", type=float, default=10.0, help="idle lock holders are ended when waited for")
    arguments = parser.parse_args()
    warnings.filterwarnings("ignore", message="Arrow output on a DB-API result")
    logging.getLogger("sqlglot").setLevel(logging.ERROR)  # it warns of every statement that it passes on as it is
    locks = Locks(arguments.lock_seconds, arguments.idle_seconds)
    mend(locks)
    engine = open_engine(arguments.data, arguments.s3_endpoint, arguments.memory_limit, arguments.threads)
    serve(engine, locks, arguments.port)


if __name__ == "__main__":
    main()
