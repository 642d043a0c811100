"""`tidemark report` on marts that dbt built: what the page shows is what the marts hold, for the run that it names."""

import json
import re
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from transformer_bench import DAY_ZERO, DAY_ZERO_MS, Bench, Database, Row, moment
from typer.testing import CliRunner

from tidemark_cli.main import app
from tidemark_cli.report import figures
from tidemark_cli.report.figures import read
from tidemark_warehouse import execute

pytestmark = pytest.mark.lab
DAY = 1440
HOSTILE = "</script><script>alert(1)</script>"


@pytest.fixture(scope="module")
def shop(project: Bench) -> Bench:
    """Two customers; three orders on two days, one of them cancelled; a product that would be a script if it could."""
    project.empty()
    project.load(
        "ecommerce",
        1,
        {
            "users": [{"id": 1, "email": "ada@example.org", "created_at": moment(-3 * DAY)}, {"id": 2, "email": "b"}],
            "products": [{"id": 1, "name": HOSTILE, "category": HOSTILE, "price": Decimal("2.50")}],
            "orders": [
                _order(1, "10.01", "delivered", -2 * DAY),
                _order(2, "0.09", "shipped", -1 * DAY),
                _order(3, "99.99", "cancelled", -1 * DAY),
            ],
            "order_items": [
                {"id": 1, "order_id": 1, "product_id": 1, "quantity": 4, "unit_price": Decimal("2.50")},
            ],
        },
    )
    project.handle("ecommerce", 1)
    return project


def _order(key: int, total: str, status: str, minutes: float) -> Row:
    given = {"id": key, "user_id": 1, "total_amount": Decimal(total), "status": status}
    return {**given, "created_at": moment(minutes), "shipping_address": None}


def written(bench: Database, out: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The page that the command writes, and that it says so."""
    for name, value in bench.environment.items():
        monkeypatch.setenv(name, value)
    answer = CliRunner().invoke(app, ["report", "--out", str(out)], catch_exceptions=False)
    assert answer.exit_code == 0, answer.output
    return out.read_text(encoding="utf-8")


def data_of(page: str) -> Any:
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.DOTALL)
    assert found is not None
    return json.loads(found[1])


def test_every_figure_is_read_from_real_marts(shop: Bench) -> None:
    """No statement is refused; a mart that the project does not build is said, not guessed."""
    reading = read(shop.connection)
    assert reading is not None
    assert reading.run.run_seq == 1
    assert [f"{name}: {f.problem}" for name, f in reading.figures.items() if f.problem] == []
    (day, next_day) = [row for row in reading.figures["daily"].rows if row["orders"]]
    assert (day["revenue"], next_day["revenue"], next_day["cancelled_orders"]) == (Decimal("10.01"), Decimal("0.09"), 1)
    (total,) = reading.figures["customer_totals"].rows
    assert (total["customers"], total["buyers"], total["lifetime_revenue"]) == (2, 1, Decimal("10.10"))
    newness = [(row["series"], row["value"]) for row in reading.figures["revenue_by_newness"].rows]
    assert newness == [("first orders", Decimal("10.01")), ("repeat orders", Decimal("0.09"))]
    statuses = {row["series"]: row["value"] for row in reading.figures["orders_by_status"].rows}
    assert statuses == {"delivered": 1, "shipped": 1, "cancelled": 1}
    (sold,) = reading.figures["revenue_by_category"].rows
    assert (sold["series"], sold["value"]) == (HOSTILE, Decimal("10.00"))


def test_the_command_writes_the_page(shop: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run and as-of time of the ledger, money to the hundredth, the hostile name as text, nobody's e-mail address."""
    page = written(shop, tmp_path / "report.html", monkeypatch)
    (kept,) = shop.rows("OPS.PUBLISH_LEDGER")
    as_of = DAY_ZERO + timedelta(milliseconds=kept["as_of_ms"] - DAY_ZERO_MS)
    assert f'<strong id="as-of">{as_of:%Y-%m-%d %H:%M:%S} UTC</strong>, run <strong id="run">1</strong>' in page
    assert sum(data_of(page)["totals"]["revenue"]) == 1010
    assert HOSTILE not in page
    assert "&lt;/script&gt;&lt;script&gt;alert(1)" in page
    assert "ada@example.org" not in page


def test_a_mart_that_is_gone_or_of_another_shape_costs_its_figures_only(
    shop: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The command says which; the page says it in its section; all else is there."""
    read_statement = figures._statement

    def another(name: str) -> str:
        texts = {
            "customer_tiers": "SELECT TIER FROM MARTS.NEVER_BUILT",
            "customer_top": "SELECT NO_SUCH_COLUMN FROM MARTS.FCT_ORDERS",
        }
        return texts.get(name) or read_statement(name)

    monkeypatch.setattr(figures, "_statement", another)
    page = written(shop, tmp_path / "report.html", monkeypatch)
    assert "not published yet: never_built" in page
    assert "the warehouse refuses: " in page
    assert page.count("Not to be had.") == 2
    assert sum(data_of(page)["totals"]["revenue"]) == 1010


def test_a_publication_meanwhile_has_all_read_again(shop: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """A page never mixes two runs."""
    found = figures.published(shop.connection)
    assert found is not None
    answers = [found, figures.Published(**{**_fields(found), "run_seq": 2})]
    answers += [answers[-1]] * 2
    asked = list(answers)
    monkeypatch.setattr(figures, "published", lambda session: asked.pop(0))
    reading = read(shop.connection)
    assert reading is not None
    assert reading.run.run_seq == 2
    assert len(asked) == 1


def _fields(run: figures.Published) -> dict[str, Any]:
    return {name: getattr(run, name) for name in run.__struct_fields__}


def test_after_a_rollback_the_page_names_the_generation_that_stands(shop: Bench) -> None:
    """The ledger's newest generation counts, not its highest run."""
    statement = (
        "INSERT INTO OPS.PUBLISH_LEDGER SELECT DATASET, 'older', FROM_SEQ, 9, GENERATION - 1, AS_OF_MS, RECEIPT, "
        "PUBLISHED_AT FROM OPS.PUBLISH_LEDGER"
    )
    execute(shop.connection, statement)
    reading = read(shop.connection)
    assert reading is not None
    assert (reading.run.run_seq, reading.run.run_id) == (1, "ecommerce-1")


def test_before_the_first_publication_it_says_so(dbt: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No page of nothing, and exit code 1."""
    for name, value in dbt.environment.items():
        monkeypatch.setenv(name, value)
    answer = CliRunner().invoke(app, ["report", "--out", str(tmp_path / "report.html")])
    assert (answer.exit_code, list(tmp_path.iterdir())) == (1, [])
    assert "no run has published" in answer.output
