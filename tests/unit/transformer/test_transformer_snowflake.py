"""Publication on Snowflake, seen from the connector: nothing is shaped by a process whose turn it is not."""

from typing import Any

import pytest

from tidemark.errors import NotMyTurn, Superseded, TidemarkError
from tidemark.events import MartsBuilt
from transformer.ports import Model, Position, Publication, Window
from transformer.snowflake import SnowflakeWarehouse

VIEW = Model(name="live_users", kind="view", published_schema="staging", key=["id"], columns=["id"])


class Session:
    """A connection and cursor that knows the published position, has no receipt, and keeps what it was told."""

    def __init__(self, generation: int, run_seq: int) -> None:
        self.position = (generation, run_seq, False)
        self.told: list[str] = []

    def cursor(self) -> "Session":
        return self

    def __enter__(self) -> "Session":
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def execute(self, statement: str, _: object = None) -> None:
        self.told.append(statement)

    def fetchall(self) -> list[tuple[Any, ...]]:
        return [self.position] if "PUBLISH_LOCK" in self.told[-1] else []

    def close(self, retry: bool) -> None:
        pass


def never(_: object) -> MartsBuilt:
    raise AssertionError("nothing was published")


@pytest.mark.parametrize(("stands_at", "expected"), [((2, 1), Superseded), ((1, 4), NotMyTurn)])
def test_a_process_whose_turn_it_is_not_changes_no_view(
    stands_at: tuple[int, int], expected: type[TidemarkError]
) -> None:
    """Views are replaced outside the transaction, so the turn is looked at before them."""
    session: Any = Session(*stands_at)
    told = Publication(
        run_id="run-2",
        generation=1,
        base=Position(1, 1),
        window=Window(dataset="ecommerce", from_seq=1, to_seq=2, as_of_ms=0),
        models=[VIEW],
        views={"live_users": "SELECT 1 AS ID"},
    )
    with pytest.raises(expected):
        SnowflakeWarehouse(lambda: session).publish(told, never)
    assert [statement for statement in session.told if "VIEW" in statement or statement == "BEGIN"] == []
