"""What the command line answers to the console's questions; `text` changes every word from outside."""

import json
from collections.abc import Callable, Sequence
from typing import Any

from report_rows import reading

from tidemark_cli.report.page import fragment

NOW_MS = 1_772_452_800_000
MINUTE = 60_000
Text = Callable[[str], str]


def same(text: str) -> str:
    return text


def answer_of(arguments: Sequence[str], text: Text = same) -> dict[str, Any]:
    """What a command answers."""
    match list(arguments):
        case ["held" | "quarantine" as name, table, *_] if not table.startswith("-"):
            row = {
                "key": text("17"),
                "rule": text("price_not_negative"),
                "reason": text("price=-1"),
                "run_seq": 3,
                "values": {"id": text("17"), "price": None},
            }
            return {
                "kind": "held" if name == "held" else "quarantined",
                "table": table,
                "dataset": "ecommerce",
                "rows": [row, row | {"key": text("18")}],
                "more": 3,
            }
        case ["held" | "quarantine" as name, *_]:
            count = {
                "dataset": "ecommerce",
                "table": "orders",
                "rule": text("parent.user_id"),
                "rows": 12,
                "since_run_seq": 3,
                "newest_run_seq": 9,
            }
            return {
                "kind": "held" if name == "held" else "quarantined",
                "counts": [count, count | {"rule": text("total_not_negative"), "rows": 3}],
            }
        case ["lineage", *_]:
            tables = [
                ["ecommerce_source.orders", 0, 0, ""],
                ["ecommerce.orders", 1, 1, ""],
                ["marts.fct_orders", 4, 2, text("one row an order")],
            ]
            columns = [
                [0, "id", "", []],
                [1, "id", "", [0]],
                [2, "order_id", text("the key"), [1]],
                [2, "revenue", "", [1]],
            ]
            return {
                "layers": ["Source", "Curated lake", "RAW", "Staging", "Marts"],
                "tables": tables,
                "columns": columns,
            }
        case ["advise", *_]:
            one = {
                "title": "Many small files",
                "subject": text("RAW.ORDERS"),
                "evidence": {"files": 400, "bytes each": 2100.5},
                "saving": 12.5,
                "unit": "seconds",
                "reckoned": text("by the load's own time"),
                "what_to_do": text("raise the settle time"),
                "rule": "small-files",
            }
            return {
                "advice": [one, one | {"subject": text("RAW.USERS"), "unit": "credits"}],
                "without_evidence": {"auto-suspend": text("the account tells no warehouses")},
            }
        case ["audit", *_]:
            row = {
                "at_ms": NOW_MS - MINUTE,
                "run_id": "ecommerce-process-g0-00000000000a",
                "actor": text("alice (cli)"),
                "action": "load",
                "object": "RAW.ORDERS",
                "detail": text("870 rows of 2 files"),
            }
            return {"found": 812, "rows": [row, row | {"run_id": None, "action": "alter", "detail": None}]}
        case ["report", *_]:
            return report_answer(text)
        case ["reconcile", *_]:
            return {"run_id": "events-process-g0-00000000000c", "pairs": [_pair(text)]}
    raise AssertionError(arguments)


def report_answer(text: Text) -> dict[str, Any]:
    """The KPI report's figures."""
    return json.loads(json.dumps(fragment(reading(days=120))))  # type: ignore[no-any-return]


def _pair(text: Text) -> dict[str, Any]:
    row = {"event_id": text("e1"), "event_type": text("view"), "session": None}
    entry = {"entry_id": "1", "state": "confirmed", "difference": "different", "cause": "lost",
             "reason": text("the speed layer has an older version"),
             "key": {"event_id": text("e1")},
             "columns": ["event_type"], "first_seen": "2026-03-02 11:00:00", "first_run_id": "events-process-g0-1",
             "rows": {"speed": row, "batch": row | {"event_type": text("click")}}}  # fmt: skip
    return {
        "pair": "user_events",
        "entries": [
            entry,
            entry
            | {"entry_id": "2", "rows": {"speed": None, "batch": row}, "difference": "missing_in_speed", "columns": []},
        ],
        "entries_not_shown": 4,
    }
