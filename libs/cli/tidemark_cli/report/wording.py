"""How values are written. Exact: a Decimal is never made a float. What came from outside can move nothing."""

from collections.abc import Callable
from datetime import date
from decimal import ROUND_HALF_UP, Context, Decimal
from typing import Any

LONGEST = 120
NOTHING = "–"
WIDE = Context(prec=60)  # the warehouse's numbers have 38 digits


def text(value: object) -> str:
    """As it is, but without what does not print (it could turn the line around) and not endlessly long."""
    shown = "".join(c if c.isprintable() else "�" for c in str(value)[: LONGEST + 1])
    return shown if len(shown) <= LONGEST else shown[: LONGEST - 1] + "…"


def count(value: Any) -> str:
    """`1,234`"""
    return f"{int(value):,}"


def money(value: Any) -> str:
    """`1,234.50`, in the shop's currency, which the source does not name."""
    return f"{_rounded(value, '0.01'):,}"


def number(value: Any) -> str:
    """`1,234.5`"""
    return f"{_rounded(value, '0.1'):,}"


def percent(value: Any) -> str:
    """`12.5 %`"""
    return f"{number(value)} %"


def month(value: date) -> str:
    """`2026-03`"""
    return f"{value:%Y-%m}"


WRITERS: dict[str, Callable[[Any], str]] = {
    "text": text,
    "count": count,
    "money": money,
    "number": number,
    "percent": percent,
}


def written(value: Any, kind: str) -> str:
    """A cell's text; a dash for null."""
    return NOTHING if value is None else WRITERS[kind](value)


def _rounded(value: Any, step: str) -> Decimal:
    """Half away from zero, however many digits there are."""
    rounded = Decimal(str(value)).quantize(Decimal(step), ROUND_HALF_UP, WIDE)
    return abs(rounded) if rounded == 0 else rounded
