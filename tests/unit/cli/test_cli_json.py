"""What the commands tell other programs: the console shows it."""

import json
from datetime import datetime

from report_rows import HOSTILE, reading
from typer.testing import CliRunner

from tidemark_cli.audit import AuditRow, has_words
from tidemark_cli.lake import counted
from tidemark_cli.main import app
from tidemark_cli.report.page import fragment

ROW = AuditRow(datetime(2026, 3, 1, 12), "events-process-g0-1", "Alice (cli)", "load", "RAW.ORDERS", None)  # noqa: DTZ001 - as the warehouse gives it: UTC without saying so


def test_rows_are_counted_by_rule_with_the_runs_that_brought_them() -> None:
    """Since which run, and the newest."""
    rows = [{"_rule": "b", "_run_seq": 9}, {"_rule": "a", "_run_seq": 4}, {"_rule": "b", "_run_seq": 2}]
    about = {"dataset": "ecommerce", "table": "orders"}
    assert counted("orders", rows) == [
        about | {"rule": "a", "rows": 1, "since_run_seq": 4, "newest_run_seq": 4},
        about | {"rule": "b", "rows": 2, "since_run_seq": 2, "newest_run_seq": 9},
    ]


def test_a_search_of_the_audit_wants_every_word_anywhere() -> None:
    """In large or small letters; no word finds all."""
    found = {
        words: has_words(ROW, words)
        for words in ("alice LOAD", "raw.orders 2026-03-01", "alice drop", "None", "", None)
    }
    assert found == {
        "alice LOAD": True,
        "raw.orders 2026-03-01": True,
        "alice drop": False,
        "None": False,
        "": True,
        None: True,
    }


def test_the_lineage_is_every_column_with_its_sources() -> None:
    """The same that the page of `tidemark docs` draws."""
    told = json.loads(CliRunner().invoke(app, ["lineage", "--json"]).stdout)
    tables, columns = told["tables"], told["columns"]
    names = [f"{tables[table][0]}.{name}" for table, name, _, _ in columns]
    sources = {names[place] for place in columns[names.index("marts.fct_orders.order_id")][3]}
    assert sources
    assert CliRunner().invoke(app, ["lineage", "--json", "orders.id"]).exit_code == 2


def test_the_reports_figures_bring_no_style_and_no_script_of_their_own() -> None:
    """A page that forbids both can show them; hostile names stay text."""
    made = fragment(reading(days=60))
    assert made == json.loads(json.dumps(made))
    assert [text for text in ("<script", " style=", "<img", "<main") if text in made["html"]] == []
    assert made["run"]["as_of"].endswith(" UTC")
    assert HOSTILE not in made["html"]
