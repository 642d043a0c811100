"""What `tidemark lineage` and `tidemark audit` print and write: whole at 80 columns, safe in terminal and folder."""

import io
import json
from datetime import datetime

import pytest
import typer
from rich.console import Console, RenderableType
from typer.testing import CliRunner

from tidemark.events import SnapshotCommitted
from tidemark.tables import registry
from tidemark_cli.audit import AuditRow, audit_tables
from tidemark_cli.lineage import column_tree, exported, known_column
from tidemark_cli.main import app
from tidemark_cli.runs import Run
from tidemark_lineage import Edges
from tidemark_lineage.columns import Column
from tidemark_lineage.datasets import Places, World

PLACES = Places(lake="s3://lake/wh", account="acme", database="TIDEMARK", speed="ch:8123", speed_database="speed")


def printed(what: RenderableType) -> str:
    """As it looks where the terminal has 80 columns, or is none."""
    console = Console(file=io.StringIO(), width=80, force_terminal=False)
    console.print(what)
    text = console.file.getvalue()  # type: ignore[attr-defined]
    assert all(len(line.rstrip()) <= 80 for line in text.splitlines())
    assert "…" not in text
    return str(text)


def test_every_column_s_path_fits_into_80_columns(edges: Edges) -> None:
    """Nothing is cut off, and every column on the path is there."""
    for column in edges:
        assert str(column) in printed(column_tree(edges, column))


def test_a_path_leads_from_the_source_to_the_mart() -> None:
    """`lineage TABLE.COLUMN` prints source, changes, RAW, staging and mart, one below the other."""
    lines = CliRunner().invoke(app, ["lineage", "users.first_name"]).output.splitlines()
    named = [line.split()[-1] for line in lines]
    assert named == [
        "ecommerce.users.first_name",
        "into",
        "curated_ecommerce.users_changes.first_name",
        "curated_ecommerce.users.first_name",
        "raw.users.first_name",
        "staging.stg_user_versions.first_name",
        "marts.dim_customers_history.version",
        "marts.dim_customers_history.first_name",
        "staging.stg_users.first_name",
        "staging.live_users.first_name",
        "marts.dim_customers.first_name",
    ]


def test_a_column_met_twice_is_followed_once() -> None:
    """The second time it says that its path stands above."""
    a, b, c, d = (Column("t", name) for name in "abcd")
    text = printed(column_tree({d: [], c: [d], b: [c], a: [b, c]}, a))
    assert [line.strip("│├└─ ") for line in text.splitlines()] == [
        "t.a",
        "made from",
        "t.b",
        "t.c",
        "t.d",
        "t.c (above)",
    ]


def test_an_unknown_column_is_answered_with_those_like_it(edges: Edges) -> None:
    """A typing error costs no search in the registry."""
    with pytest.raises(typer.BadParameter, match=r"no column 'users.emial'; there are .*users.email"):
        known_column(edges, "users.emial")


def test_a_column_and_an_export_are_two_things() -> None:
    """Neither, or both, is answered with what there is to give."""
    for arguments in ([], ["users.email", "--export", "x"]):
        answer = CliRunner().invoke(app, ["lineage", *arguments])
        assert (answer.exit_code, "--export" in answer.output) == (2, True)


def test_a_run_s_file_stays_in_its_folder(edges: Edges) -> None:
    """Whatever an event calls its run; a dataset that the registry does not know is left out."""
    runs = {}
    for dataset in ("ecommerce", "gone"):
        named = {"dataset": dataset, "run_id": f"../{dataset}/é", "run_seq": 1, "kind": "process", "generation": 0}
        event = SnapshotCommitted(**named, tables=[], committed_at_ms=1)
        runs[event.run_id] = Run(**named, events={event.stage: event}, at_ms={event.stage: 1})
    files = dict(exported(runs, World(registry(), edges, PLACES)))
    assert files.keys() == {"..%2Fecommerce%2F%C3%A9.json"}
    assert [e["eventType"] for e in json.loads(files["..%2Fecommerce%2F%C3%A9.json"])] == ["START", "COMPLETE"]


def test_audit_rows_stand_under_their_run() -> None:
    """A table a run and day, whole at 80 columns; hostile text is text."""
    at = datetime(2026, 3, 1, 12)  # noqa: DTZ001
    run_id = "ecommerce-process-g0-0123456789ab"
    rows = [
        AuditRow(at, None, "tidemark init", "ddl", "RAW.USERS", "created with 16 columns"),
        AuditRow(at, run_id, "spark-submitter", "schema change", "curated_ecommerce.order_items", "[red]x\x1b"),
        AuditRow(at, run_id, "loader", "copy", "RAW.ORDER_ITEMS", "1234567 rows of 12 files, 123456789 bytes"),
    ]
    text = "\n".join(printed(table) for table in audit_tables(rows))
    assert "outside a run  2026-03-01" in text
    assert text.count(run_id) == 1
    assert "[red]x�" in text
