"""The rows of a large table that a cut's rows ask for.

A small cut asks with literals: no job of Spark's own, and Iceberg leaves out the files that cannot hold them. A large
one asks with a broadcast join. Both may answer with a few rows more than were asked for (of a composite key each
column is asked for by itself), so what must be exact is joined again.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from curate_job.catalog import collected

TRIED = 200  # values: Iceberg holds no longer list against the bounds of files and row groups (IN_PREDICATE_LIMIT)
_PLAIN = re.compile(r"[\w.@+-]+", re.ASCII)


@dataclass(frozen=True)
class Asked:
    """Rows that ask, by any of their columns; `small`: by literals, `values` of each column."""

    rows: DataFrame
    values: dict[str, list[Any]] | None

    @property
    def small(self) -> bool:
        """Whether its rows, and what they ask for, stay in one partition: then nothing needs a shuffle."""
        return self.values is not None

    def together(self, *frames: DataFrame) -> DataFrame:
        """All rows of frames that are as small as the rows that ask."""
        return together(frames, self.small)

    def of(self, table: DataFrame, columns: Sequence[str], named: Sequence[str] | None = None) -> DataFrame:
        """The rows of `table` whose `named` columns (by default those of the same names) hold what is asked for."""
        pairs = list(zip(columns, named or columns, strict=True))
        if self.values is None:
            asked = self.rows.select(*[F.col(ours).alias(theirs) for ours, theirs in pairs]).distinct()
            return table.join(F.broadcast(asked), [theirs for _, theirs in pairs], "left_semi")
        for ours, theirs in pairs:
            table = table.where(_among(f"`{theirs}`", self.values[ours]))
        return table.coalesce(1)

    def conditions(self, columns: Sequence[str], alias: str) -> list[str]:
        """What a row of a table must fulfil to be asked for, as SQL by literals; none from a large cut."""
        values = self.values or {}
        return [_among(f"{alias}.`{column}`", values[column]) for column in columns if column in values]


def together(frames: Sequence[DataFrame], small: bool) -> DataFrame:
    """All rows of the frames; few ones in one partition."""
    whole = frames[0]
    for frame in frames[1:]:
        whole = whole.unionByName(frame)
    return whole.coalesce(1) if small else whole


def ask(rows: DataFrame, columns: Sequence[str], small: bool) -> Asked:
    """`rows` come from kept ones, for they are looked at again, and have these columns and no others."""
    if not small:
        return Asked(rows, None)
    found = collected(rows)
    values = {name: sorted({row[name] for row in found if row[name] is not None}) for name in columns}
    return Asked(rows, values)


def _among(column: str, values: list[Any]) -> str:
    """Whether a column holds one of the sorted values, in lists so short that Iceberg tries each of them."""
    lists = [values[at : at + TRIED] for at in range(0, len(values), TRIED)]
    tried = [f"{column} IN ({', '.join(literal(value) for value in some)})" for some in lists]
    return f"({' OR '.join(tried)})" if tried else "false"


def literal(value: Any) -> str:
    """A key's value as Spark SQL. Text that could end the literal is written as its bytes."""
    if isinstance(value, int):
        return str(value).lower()  # a bool is one too
    text = str(value)
    return f"'{text}'" if _PLAIN.fullmatch(text) else f"CAST(X'{text.encode().hex()}' AS STRING)"
