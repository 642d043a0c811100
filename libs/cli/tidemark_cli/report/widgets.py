"""What the report is made of; sections.toml says what stands where."""

from functools import cache
from importlib.resources import files
from typing import Literal

import msgspec
from msgspec import Struct

Unit = Literal["money", "count"]


class Column(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A table's column; `bar`: each value also as a bar."""

    name: str
    title: str
    kind: Literal["text", "count", "money", "number", "percent"] = "count"
    bar: bool = False


class Table(Struct, frozen=True, kw_only=True, tag=True, forbid_unknown_fields=True):
    """Rows as they are at the as-of time; `empty` is said when there are none."""

    figure: str
    title: str
    note: str = ""
    columns: list[Column]
    empty: str = "None."


class Tiles(Struct, frozen=True, kw_only=True, tag=True, forbid_unknown_fields=True):
    """One row's values, large."""

    figure: str
    columns: list[Column]


class Cohorts(Struct, frozen=True, kw_only=True, tag=True, forbid_unknown_fields=True):
    """The retention table, a row a cohort, a column for each month since."""

    figure: str
    title: str
    note: str = ""


class PeriodTiles(Struct, frozen=True, kw_only=True, tag=True, forbid_unknown_fields=True):
    """The daily metrics over the period, beside the period before."""

    figure: str


class Chart(Struct, frozen=True, kw_only=True, tag=True, forbid_unknown_fields=True):
    """Daily series over the period: of `columns` (column to series), or else of rows (day, series, value).

    `is_level`: a week shows its last day's value, not a sum.
    """

    figure: str
    title: str
    note: str = ""
    unit: Unit
    style: Literal["bars", "line", "stack"]
    columns: dict[str, str] | None = None
    is_level: bool = False


Widget = Table | Tiles | Cohorts | PeriodTiles | Chart


class Section(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A part of the page under a heading of its own."""

    key: str
    title: str
    widgets: list[Widget]


class _Page(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    sections: list[Section]


@cache
def sections() -> list[Section]:
    """The page's sections, in order."""
    text = files("tidemark_cli.report").joinpath("sections.toml").read_text(encoding="utf-8")
    return msgspec.toml.decode(text, type=_Page).sections
