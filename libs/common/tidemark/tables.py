"""The registry (tables.toml) as typed, frozen records.

`registry()` reads the file that ships with the package, or the one named by TIDEMARK_REGISTRY. Every stage asks here;
nothing else knows a table's name.
"""

import os
import re
import tomllib
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal, InvalidOperation
from functools import cache
from pathlib import Path
from typing import Literal
from uuid import UUID

from msgspec import Struct, ValidationError, convert, field, structs

from tidemark.errors import SettingsError

Order = Literal["debezium", "arrival"]


class Column(Struct, frozen=True, forbid_unknown_fields=True):
    """A column's contract: canonical type, nullability, and what null means: with a default a column is never null."""

    type: str
    nullable: bool = True
    default: str | None = None


class Rule(Struct, frozen=True, forbid_unknown_fields=True):
    """A row rule: `holds` is Spark SQL that must be true."""

    name: str
    holds: str
    severity: Literal["quarantine", "flag"]


class Table(Struct, frozen=True, forbid_unknown_fields=True):
    """A table: its contract, its parents (column -> table) and what is checked of it."""

    dataset: str
    key: list[str]
    columns: dict[str, Column]
    parents: dict[str, str] = field(default_factory=dict)
    rules: list[Rule] = field(default_factory=list)
    cursor: list[str] = field(default_factory=list)
    cluster_by: list[str] = field(default_factory=list)
    unique: list[str] = field(default_factory=list)


class Dataset(Struct, frozen=True, forbid_unknown_fields=True):
    """Tables that are processed together; `tables` is in parent-before-child order.

    `agreed_age_seconds`: marts whose newest source commit is older are stale, which the console tells.
    """

    source: str
    curated: str
    order: Order
    tables: list[str]
    agreed_age_seconds: int = 21_600


class Pair(Struct, frozen=True, forbid_unknown_fields=True):
    """A table of the warehouse and one of the speed layer that must say the same. Seconds are of event time.

    `batch_filter` keeps to the batch rows in which these columns hold exactly these values. `partial`: the columns are
    not all that the speed layer's table has, so no row of it can be made of them. `totals_of`: the rows compared are
    daily totals of that pair's rows; only `Totals` makes such a pair.
    """

    dataset: str
    batch: str
    speed: str
    key: list[str]
    event_time: str
    version: str
    lateness_seconds: int
    stalled_seconds: int
    columns: dict[str, str]
    batch_schema: str = "marts"
    batch_filter: dict[str, bool | int | str] = field(default_factory=dict)
    partial: bool = False
    totals_of: "Pair | None" = None

    @property
    def can_be_corrected(self) -> bool:
        """Whether a row of the speed layer can be made of the batch side's."""
        return not self.partial and self.totals_of is None


class Totals(Struct, frozen=True, forbid_unknown_fields=True):
    """Daily totals of a pair's rows, compared as a pair of their own: rows and sums per day (UTC) and `group_by`."""

    of: str
    group_by: list[str]
    sums: list[str]

    def pair(self, base: Pair) -> Pair:
        """The pair whose rows these totals are. A day's event time is its end, so that only whole days are judged."""
        group = {name: base.columns[name] for name in self.group_by}
        sums = {name: _type_of_sum(base.columns[name]) for name in self.sums}
        return structs.replace(
            base,
            key=[*self.group_by, "day"],
            event_time="day_end",
            columns={**group, "day": "date", "row_count": "long", **sums},
            batch_filter={},
            totals_of=base,
        )


def _type_of_sum(type_: str) -> str:
    return re.sub(r"decimal\(\d+", "decimal(38", type_) if type_.startswith("decimal") else "long"


class Registry(Struct, frozen=True, forbid_unknown_fields=True):
    """Everything that is known about the tables. `pairs` holds the totals' pairs too."""

    datasets: dict[str, Dataset]
    tables: dict[str, Table]
    pairs: dict[str, Pair]
    totals: dict[str, Totals] = field(default_factory=dict)

    def partition_of(self, dataset: str) -> int:
        """The Kafka partition of a dataset's events: its place in the registry."""
        return list(self.datasets).index(dataset)

    def tables_of(self, dataset: str) -> dict[str, Table]:
        """A dataset's tables by name, parents before children."""
        return {name: self.tables[name] for name in self.datasets[dataset].tables}


def read_registry(path: Path) -> Registry:
    """Read and check a registry file; SettingsError says what is wrong with it."""
    try:
        registry = convert(tomllib.loads(path.read_text()), Registry)
    except (OSError, tomllib.TOMLDecodeError, ValidationError) as error:
        raise SettingsError(f"the registry {path} cannot be read: {error}") from error
    problems = _problems(registry)
    if problems:
        raise SettingsError(f"the registry {path} contradicts itself: " + "; ".join(problems))
    totals = {name: one.pair(registry.pairs[one.of]) for name, one in registry.totals.items()}
    return structs.replace(registry, pairs={**registry.pairs, **totals})


_READ: dict[str, Callable[[str], object]] = {
    "int": int,
    "long": int,
    "decimal": Decimal,
    "uuid": UUID,
    "timestamp": datetime.fromisoformat,
    "bool": {"true": True, "false": False}.__getitem__,
    "string": str,
}


def _fits(text: str, type_: str) -> bool:
    """Whether a default's text is a value of the canonical type: Spark would read anything else as null, in silence."""
    kind, *digits = re.findall(r"\w+", type_)
    try:
        value = _READ[kind](text)
    except (ValueError, KeyError, InvalidOperation):
        return False
    if not isinstance(value, Decimal):
        return True
    precision, scale = (int(number) for number in digits)
    return value.is_finite() and value == round(value, scale) and abs(value) < 10 ** (precision - scale)


def _problems(registry: Registry) -> list[str]:
    found = []
    for dataset_name, dataset in registry.datasets.items():
        seen: set[str] = set()
        for name in dataset.tables:
            table = registry.tables.get(name)
            if table is None or table.dataset != dataset_name:
                found.append(f"{dataset_name} lists {name}, which is no table of its own")
                continue
            found += [f"{name}.{c} is no column" for c in [*table.key, *table.parents] if c not in table.columns]
            found += [f"{name} comes before its parent {p}" for p in table.parents.values() if p not in seen]
            found += [
                f"{name}.{c} has the default {column.default!r}, which is no {column.type}"
                for c, column in table.columns.items()
                if column.default is not None and not _fits(column.default, column.type)
            ]
            seen.add(name)
    found += [f"pair {n} names no dataset" for n, p in registry.pairs.items() if p.dataset not in registry.datasets]
    found += [f"pair {n} is no totals by itself: see totals" for n, p in registry.pairs.items() if p.totals_of]
    for name, totals in registry.totals.items():
        columns = registry.pairs[totals.of].columns if totals.of in registry.pairs else {}
        found += [f"totals {name}: {c} is no column of a pair" for c in _columns(totals) if c not in columns]
        found += [
            f"totals {name}: {c} is no number"
            for c in totals.sums
            if not columns.get(c, "int").startswith(("int", "long", "decimal"))
        ]
        found += [f"totals {name} group by nothing"] * (not totals.group_by)
        found += [f"{name} is a pair and totals"] * (name in registry.pairs)
    return found


def _columns(totals: Totals) -> list[str]:
    return [*totals.group_by, *totals.sums]


@cache
def registry() -> Registry:
    """The registry this process works with."""
    default = Path(__file__).with_name("tables.toml")
    return read_registry(Path(os.environ.get("TIDEMARK_REGISTRY", default)))
