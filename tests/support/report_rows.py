"""A report's figures by hand: a shop of so many days, for tests of the page."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from tidemark_cli.report.figures import Figure, Published, Reading
from tidemark_cli.report.widgets import Chart, Cohorts, PeriodTiles, sections

AS_OF = datetime(2026, 3, 1, 12, 30, tzinfo=UTC)
HOSTILE = "</script><script>document.body.dataset.broken='yes'</script><img src=x onerror=alert(1)>"
EXAMPLES = {"text": HOSTILE, "count": 1234, "money": Decimal("1234.50"), "number": Decimal("12.50"), "percent": 40}


def run(**values: Any) -> Published:
    """What the marts stand at."""
    given = {"run_seq": 7, "run_id": "ecommerce-process-g0-7", "generation": 0, "tests": 42}
    return Published(**({**given, "as_of": AS_OF, "published_at": AS_OF + timedelta(minutes=5)} | values))


def reading(days: int = 400, rows: int = 3, **figures: Figure) -> Reading:
    """Every figure with rows, names and categories hostile, unless another figure is given."""
    made = {widget.figure: Figure(_rows(widget, days, rows)) for section in sections() for widget in section.widgets}
    return Reading(run(), made | figures)


def empty() -> Reading:
    """Marts without rows."""
    return Reading(run(), {widget.figure: Figure() for section in sections() for widget in section.widgets})


def _rows(widget: Any, days: int, rows: int) -> list[dict[str, Any]]:
    if widget.figure == "daily":
        return [daily_row(AS_OF.date() - timedelta(days=back), 1 + back % 7) for back in reversed(range(days))]
    if isinstance(widget, Cohorts):
        return [_cohort_row(month, since) for month in range(1, 4) for since in range(4 - month)]
    assert not isinstance(widget, PeriodTiles)
    if isinstance(widget, Chart):
        return [row for back in reversed(range(days)) for row in _chart_rows(widget, back)]
    return [{column.name: EXAMPLES[column.kind] for column in widget.columns} for _ in range(rows)]


def daily_row(day: date, orders: int) -> dict[str, Any]:
    """A day with so many orders of 10.01 each."""
    counts = {"orders": orders, "cancelled_orders": 1, "units_sold": 3 * orders, "new_customers": 2}
    return {"day": day, "revenue": Decimal("10.01") * orders, **counts}


def _cohort_row(month: int, since: int) -> dict[str, Any]:
    return {
        "cohort_month": date(2026, month, 1),
        "months_since": since,
        "customers": 50,
        "retention_percent": Decimal(100) / (1 + since),
    }


def _chart_rows(chart: Chart, back: int) -> list[dict[str, Any]]:
    day, value = AS_OF.date() - timedelta(days=back), Decimal(100 + back % 28)
    if chart.columns is not None:
        return [{"day": day, **dict.fromkeys(chart.columns, value)}]
    return [{"day": day, "series": name, "value": value} for name in ("books", "toys", HOSTILE)]
