"""The boards as files of the chart."""

import json
from pathlib import Path

from grafana_foundation_sdk.cog.encoder import JSONEncoder

from boards.catalogue import BOARDS

FOLDER = Path(__file__).parents[1] / "helm" / "tidemark" / "boards"


def rendered() -> dict[str, str]:
    """Each board's file name and text."""
    return {f"{name}.json": _text(make().build()) for name, make in BOARDS.items()}


def _text(board: object) -> str:
    return json.dumps(board, cls=JSONEncoder, sort_keys=True, indent=1) + "\n"
