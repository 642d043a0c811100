"""Steps: decided by the seed, done once, and finished after a crash."""

from pathlib import Path
from typing import Any

import pytest

from tidemark_lab.upstream import generate
from tidemark_lab.upstream.truth import Truth


def content(world: Any) -> dict[str, list[Any]]:
    """What was delivered, append by append."""
    return {name: [rows.to_pydict() for _, rows in commits] for name, commits in world.lake.commits.items()}


def a_world(folder: Path, kind: Any, seed: int) -> Any:
    return kind(folder).live(seed=seed, scale=0.01, deltas=1, rows=200)


def test_the_seed_decides_everything(small: Any, tmp_path: Path) -> None:
    """Two worlds of one seed get the same rows on both sides, a third one gets others."""
    first, second, other = (a_world(tmp_path / n, type(small), s) for n, s in (("a", 7), ("b", 7), ("c", 8)))
    assert content(first) == content(second)
    assert {n: [t.to_pydict() for t in ts] for n, ts in first.speed.tables.items()} == {
        n: [t.to_pydict() for t in ts] for n, ts in second.speed.tables.items()
    }
    assert content(first) != content(other)


def test_an_initial_load_happens_once(small: Any) -> None:
    """A second one does nothing."""
    assert generate.initial(small.home, small.lake, small.speed, scale=0.01) is not None
    before = content(small)
    assert generate.initial(small.home, small.lake, small.speed, scale=0.01) is None
    assert content(small) == before


def test_a_delta_needs_an_initial_load(small: Any) -> None:
    """Without one it says so."""
    with pytest.raises(LookupError, match="initial"):
        generate.delta(small.home, small.lake, small.speed)


@pytest.mark.parametrize("appends", [0, 1, 5])
def test_a_step_that_was_killed_is_finished_not_begun_again(small: Any, tmp_path: Path, appends: int) -> None:
    """Killed at any append, the next call finishes that step: the same rows, each append once."""
    whole = a_world(tmp_path / "whole", type(small), 7)
    generate.initial(small.home, small.lake, small.speed, 0.01, 7)
    small.lake.dies_after = appends
    with pytest.raises(ConnectionError):
        generate.delta(small.home, small.lake, small.speed, 200)
    small.lake.dies_after = None
    assert generate.delta(small.home, small.lake, small.speed, 200)["step"] == 2
    generate.settle(small.home, small.lake, small.speed)
    assert content(small) == content(whole)
    for table in ("users", "products", "orders", "order_items"):
        assert Truth.load(small.home).table(table).equals(Truth.load(whole.home).table(table))


def test_one_dataset_can_be_left_out(small: Any) -> None:
    """`ecommerce` alone writes no events and needs no speed layer."""
    generate.initial(small.home, small.lake, None, 0.01, 7, "ecommerce")
    assert sorted(small.lake.commits) == [f"ecommerce.{t}" for t in ("order_items", "orders", "products", "users")]
