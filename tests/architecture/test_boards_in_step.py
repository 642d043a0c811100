"""The boards are what their code says, and ask for metrics that there are."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from boards.render import FOLDER, rendered
from tidemark import signals

BOARDS = {path.name: json.loads(path.read_text()) for path in FOLDER.glob("*.json")}
BOARD = pytest.mark.parametrize("board", BOARDS.values(), ids=BOARDS.keys())
OF_EVERY_PROCESS = {"up", "process_resident_memory_bytes", "process_cpu_seconds_total", "process_open_fds",
                    "process_start_time_seconds"}  # fmt: skip


def _targets(board: dict[str, Any]) -> list[str]:
    return [target["expr"] for panel in board["panels"] for target in panel["targets"]]


def test_boards_are_what_the_code_says() -> None:
    """helm/tidemark/boards is written from boards/; `make docs` brings it in step."""
    assert rendered() == {path.name: path.read_text() for path in Path(FOLDER).glob("*")}


@BOARD
def test_a_board_asks_for_metrics_that_there_are(board: dict[str, Any]) -> None:
    """Each name in a query is one of the catalogue's or of every process."""
    asked = {name for query in _targets(board) for name in re.findall(r"\b(?:tidemark|process)_\w+|\bup\b", query)}
    declared = {metric.name for metric in signals.METRICS} | OF_EVERY_PROCESS
    assert {re.sub("_(bucket|sum|count)$", "", name) for name in asked} <= declared
    assert asked


@BOARD
def test_a_board_says_what_it_is_for(board: dict[str, Any]) -> None:
    """A description of the board and of each panel, a uid that links can name, read-only."""
    panels = board["panels"]
    assert [p["title"] for p in panels if not p.get("description")] == []
    assert board["description"]
    assert (board["uid"].split("-")[0], board["editable"]) == ("tidemark", False)


def test_a_slow_bar_leads_to_its_traces() -> None:
    """Panels of stages link to the trace page, for the stage and the time in view; histograms show exemplars."""
    panels = [panel for board in BOARDS.values() for panel in board["panels"]]
    by_stage = [p for p in panels if any("stage" in target["legendFormat"] for target in p["targets"])]
    links = [link["url"] for p in by_stage for link in p["fieldConfig"]["defaults"]["links"]]
    assert len(links) == len(by_stage) > 0
    assert {"serviceName=${__field.labels.stage}" in link and "startTs=${__from}" in link for link in links} == {True}
    slow = [target for panel in panels for target in panel["targets"] if "_bucket" in target["expr"]]
    assert slow
    assert {target["exemplar"] for target in slow} == {True}
