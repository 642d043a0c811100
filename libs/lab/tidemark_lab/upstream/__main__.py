"""python -m tidemark_lab.upstream initial|delta|settle: let the world before and beside tidemark take a step.

Endpoints come from the environment (TIDEMARK_* and AWS_*, as lab.env has them).
"""

import argparse
import sys
from pathlib import Path

from tidemark.settings import ClickHouseSettings, LakeSettings, load
from tidemark_lab.upstream import generate
from tidemark_lab.upstream.lake import Lake
from tidemark_lab.upstream.speed import SpeedLayer


def main() -> int:
    """Take the step and say what came of it."""
    arguments = _parser().parse_args()
    lake = Lake(load(LakeSettings))
    speed = None if arguments.dataset == "ecommerce" else SpeedLayer(load(ClickHouseSettings))
    if arguments.step == "initial":
        done = generate.initial(arguments.home, lake, speed, arguments.scale, arguments.seed, arguments.dataset)
    elif arguments.step == "delta":
        done = generate.delta(arguments.home, lake, speed, arguments.rows)
    else:
        done = generate.settle(arguments.home, lake, speed)
    if done is None:
        sys.stdout.write("the initial load is there already; nothing was done\n")
        return 0
    rows = ", ".join(f"{name} {count}" for name, count in done["appended"].items())
    sys.stdout.write(f"step {done['step']} ({done['kind']}): {rows}\n")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tidemark_lab.upstream", description=__doc__)
    parser.add_argument("step", choices=["initial", "delta", "settle"])
    parser.add_argument("--scale", type=float, default=1.0, help="initial: 1.0 is 60,000 change rows, 100,000 events")
    parser.add_argument("--rows", type=int, default=1000, help="delta: about this many change rows, and as many events")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--home", type=Path, default=Path(".tidemark"), help="the lab's home folder")
    parser.add_argument("--dataset", choices=sorted(generate.DATASETS), default="both", help="initial: which to fill")
    return parser


if __name__ == "__main__":
    sys.exit(main())
