"""Which runs a RAW table has to take before an event's own, and what a run says of a table. Pure but for decisions."""

from loader.ports import Decisions, Position
from tidemark.errors import NotMyTurn, TypedStop
from tidemark.events import CuratedTable, LakeCurated


def missed_runs(event: LakeCurated, position: Position, decisions: Decisions) -> list[LakeCurated]:
    """The runs between RAW's position and this one: RAW is new, a newer generation passed them by, or we died here.

    What a rollback among them, or this one, takes back is not brought first: it may be what could not be loaded.
    The lock row cannot tell these apart: the first missed run already carries this event's generation. NotMyTurn if
    the lake does not know a run that will still come, TypedStop if nothing will bring it.
    """
    begun = position.run_seq > 0 and position.generation >= event.generation
    found: list[LakeCurated] = []
    number = before(event)
    while number > position.run_seq:
        decision = decisions.get(event.dataset, number)
        if decision is None and begun:
            raise NotMyTurn(f"RAW is at run {position.run_seq}; {event.run_id} is run {event.run_seq}")
        if decision is None:
            raise TypedStop(
                f"RAW has never seen run {number} of {event.dataset}, and the lake has no decision of it: begin with "
                "an empty RAW and ledger and replay the dataset's lake.curated events that are still wanted"
            )
        found.append(decision.curated)
        number = before(decision.curated)
    return found[::-1]


def before(run: LakeCurated) -> int:
    """The run on which this one stands."""
    if run.kind != "rollback":
        return run.run_seq - 1
    if run.to_seq is None:
        raise TypedStop(f"{run.run_id} is a rollback that does not say to which run; ask for another")
    return run.to_seq


def part_of(run: LakeCurated, table: str) -> CuratedTable:
    """What the run says of the table; one that was made before the table was known has no part of it."""
    return next((part for part in run.tables if part.table == table), CuratedTable(table=table))
