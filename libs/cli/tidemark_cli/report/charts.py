"""What the page's script draws: a chart's daily series as numbers that JSON and JavaScript keep exactly."""

from datetime import date
from decimal import Decimal
from typing import Any

from tidemark_cli.report.widgets import Chart, Unit
from tidemark_cli.report.wording import WIDE, text

Row = dict[str, Any]
Drawn = dict[str, Any]
Days = dict[int, int | None]
EPOCH = date(1970, 1, 1).toordinal()
EXACT = 2**53  # JavaScript reads no greater integer exactly; those travel as text


def day_number(day: date) -> int:
    """Days since 1970."""
    return day.toordinal() - EPOCH


def drawn(chart_id: str, chart: Chart, rows: list[Row]) -> Drawn:
    """A chart's days, and for each series a value a day: money in hundredths, counts as they are, null where none."""
    series = _by_series(rows, chart.unit) if chart.columns is None else _by_column(rows, chart.columns, chart.unit)
    days = sorted({day for values in series.values() for day in values})
    return {
        "id": chart_id,
        "unit": chart.unit,
        "style": chart.style,
        "last": chart.is_level,
        "days": days,
        "names": list(series),
        "values": [[_exact(values.get(day)) for day in days] for values in series.values()],
    }


def totals(rows: list[Row]) -> Drawn:
    """The daily metrics that the tiles add up over the period."""
    counts = ("orders", "cancelled_orders", "units_sold", "new_customers")
    values = {name: [_exact(_whole(row[name], "count")) for row in rows] for name in counts}
    revenue = [_exact(_whole(row["revenue"], "money")) for row in rows]
    return {"days": [day_number(row["day"]) for row in rows], "revenue": revenue, **values}


def _by_column(rows: list[Row], columns: dict[str, str], unit: Unit) -> dict[str, Days]:
    return {
        name: {day_number(row["day"]): _whole(row[column], unit) for row in rows} for column, name in columns.items()
    }


def _by_series(rows: list[Row], unit: Unit) -> dict[str, Days]:
    """Rows of (day, series, value), series in the order in which they come. Names that look alike are one."""
    found: dict[str, Days] = {}
    for row in rows:
        values, day, value = (
            found.setdefault(text(row["series"]), {}),
            day_number(row["day"]),
            _whole(row["value"], unit),
        )
        if value is not None:
            values[day] = (values.get(day) or 0) + value
    return found


def _whole(value: Any, unit: Unit) -> int | None:
    """Integers from here on: they have no precision to lose."""
    if value is None:
        return None
    return int(Decimal(str(value)).scaleb(2, WIDE)) if unit == "money" else int(value)


def _exact(whole: int | None) -> int | str | None:
    return whole if whole is None or abs(whole) < EXACT else str(whole)
