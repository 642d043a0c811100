"""Values at the edge that the job accepts, through the real connector into RAW: exactly as they are in the file."""

from itertools import cycle

import pytest
from edge_values import FIRST, LAST, LONG, TEXTS
from loader_benches import RealBench
from loader_runs import curated, part_of, rows_of

from loader.stage import load
from tidemark_warehouse import execute

pytestmark = pytest.mark.lab


def test_the_first_and_the_last_year_long_text_and_every_plane_come_to_raw(real: RealBench) -> None:
    """To the microsecond and to the character; none is cut, put in order, or taken for another."""
    assert len(LONG) >= 1_000_000
    texts = list(TEXTS.values())
    rows = [
        row | {"email": text, "created_at": at, "_source_ts": at}
        for row, text, at in zip(rows_of("r1", 1, len(texts)), texts, cycle((FIRST, LAST)), strict=False)
    ]
    load(curated("r1", 1, [part_of("users", len(rows), real.append("users", rows)[0], 6)]), real.ports())
    found = execute(real.connection, "SELECT EMAIL, CREATED_AT, _SOURCE_TS FROM RAW.USERS ORDER BY ID")
    assert [len(email) for email, *_ in found] == [len(text) for text in texts]
    assert found == [(row["email"], row["created_at"], row["_source_ts"]) for row in rows]
