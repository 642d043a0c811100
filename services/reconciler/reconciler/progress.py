"""How far both sides have got, and whether one of them is dead. Pure: the wall clock is an argument.

W = the lesser of both sides' progress, less the lateness bound. A side that stands still must never look converged: a
pair is stalled when one side holds nothing, when the speed side (which streams) is behind the marts by more than the
bound, or when W has stood still for longer than the bound while a side moved. A quiet night, in which neither moves, is
no stall; and as only differences of wall clock times count, it does not matter at which hour the data live.
"""

from reconciler.ports import PairStanding, Window
from tidemark.tables import Pair


def cutoff_ms(pair: Pair, speed_ms: int | None, batch_ms: int | None) -> int | None:
    """W in epoch ms; None while a side holds nothing."""
    if speed_ms is None or batch_ms is None:
        return None
    return min(speed_ms, batch_ms) - pair.lateness_seconds * 1000


def window(pair: Pair, speed_ms: int, batch_ms: int) -> Window:
    """What a comparison at this progress looks at."""
    reached = min(speed_ms, batch_ms)
    return Window(reached - pair.lateness_seconds * 1000, reached, speed_ms)


def step(
    pair: Pair, before: PairStanding | None, speed_ms: int | None, batch_ms: int | None, now_ms: int
) -> PairStanding:
    """The pair's standing now. While W stands still it keeps the progress at which W stopped."""
    cutoff = cutoff_ms(pair, speed_ms, batch_ms)
    if before is not None and cutoff == before.cutoff_ms:
        return before
    incidents = before.incidents if before else {}
    return PairStanding(
        cutoff_ms=cutoff, speed_ms=speed_ms, batch_ms=batch_ms, moved_ms=now_ms, incidents=dict(incidents)
    )


def stall(pair: Pair, standing: PairStanding, speed_ms: int | None, batch_ms: int | None, now_ms: int) -> str | None:
    """Why the pair is stalled, as a sentence; None if it is not. `standing` is what step() gave back."""
    bound = pair.stalled_seconds
    if speed_ms is None or batch_ms is None:
        return f"the {'speed layer' if speed_ms is None else 'batch side'} holds nothing"
    if batch_ms - speed_ms > bound * 1000:
        return f"the speed layer is {(batch_ms - speed_ms) // 1000} s behind the marts, {bound} s are allowed"
    stood = (now_ms - standing.moved_ms) // 1000
    one_moved = speed_ms > (standing.speed_ms or 0) or batch_ms > (standing.batch_ms or 0)
    if stood > bound and one_moved:
        dead = "marts do" if speed_ms > (standing.speed_ms or 0) else "speed layer does"
        return f"W has not moved for {stood} s, {bound} s are allowed: the {dead} not get on"
    return None
