"""What an action will do, told before it does it, and the event that does it. Pure: State in, sentences out.

An action is a RunRequested, the same that the command line publishes. To add one: an entry in TITLES, its sentences in
`_STEPS`.
"""

from collections.abc import Callable
from typing import get_args
from uuid import UUID

from msgspec import Struct

from console import views
from console.records import DatasetLine, RunLine
from console.state import State
from tidemark.events import LakeCurated, RequestKind, RunRequested, Selection
from tidemark.tables import registry

KINDS: tuple[RequestKind, ...] = get_args(RequestKind)
TITLES: dict[str, tuple[str, str]] = {
    "process": ("Run", "Cut what the source has committed since the last run, without waiting for it to settle."),
    "rebuild": ("Rebuild", "Read the whole source again. Passes a halt, and supersedes what is parked."),
    "rollback": ("Roll back", "Take lake, RAW and marts back to what a run left; then pause."),
    "resume": ("Resume", "Let a halted or paused dataset go on: the parked events first, in their order."),
    "maintain": ("Maintain", "Compact the lake's tables and let go what is beyond the rollback horizon."),
}
GRAVE = ("rebuild", "rollback", "drop")
NEEDS_REASON = ("drop",)


class Wish(Struct, frozen=True, kw_only=True):
    """What somebody wants, as the form says it; every word is checked before it counts."""

    kind: str
    dataset: str
    to_run_id: str = ""
    table: str = ""
    rule: str = ""
    key: str = ""


class Preview(Struct, frozen=True, kw_only=True):
    """What will happen, or the problems for which it cannot. `runs`: those that a rollback takes back."""

    title: str
    verb: str
    steps: list[str]
    problems: list[str]
    runs: list[RunLine]
    command: str


def preview(state: State, wish: Wish, now_ms: int) -> Preview:
    """The confirmation page's content."""
    problems = _problems(state, wish)
    title, verb = _title(wish)
    if problems:
        return Preview(title=title, verb=verb, steps=[], problems=problems, runs=[], command="")
    line = next(one for one in views.overview(state, now_ms).datasets if one.dataset == wish.dataset)
    taken = _taken_back(state, wish)
    steps = [*_STEPS[wish.kind](state, wish, line), *_turn(wish, line)]
    return Preview(title=title, verb=verb, steps=steps, problems=[], runs=taken, command=command(state, wish))


def request(wish: Wish, request_id: str, asked_by: str, reason: str) -> RunRequested:
    """The event. ValueError: the request's id is none."""
    selection = None
    if wish.table:
        selection = Selection(table=wish.table, keys=[wish.key] if wish.key else [], rule=wish.rule or None)
    kinds: dict[str, RequestKind] = {kind: kind for kind in KINDS}
    return RunRequested(
        dataset=wish.dataset,
        request_id=str(UUID(request_id)),
        kind=kinds[wish.kind],
        requested_by=asked_by,
        to_run_id=wish.to_run_id or None,
        selection=selection,
        reason=reason,
    )


def command(state: State, wish: Wish) -> str:
    """The same in the terminal, the reason aside."""
    match wish.kind:
        case "process" | "rebuild":
            return f"tidemark publish --dataset {wish.dataset}" + (" --rebuild" if wish.kind == "rebuild" else "")
        case "rollback":
            return f"tidemark rollback --dataset {wish.dataset} --to {wish.to_run_id}"
        case "replay" | "drop":
            key = f" {wish.key!r}" if wish.key else ""
            rule = f" --rule {wish.rule}" if wish.rule else ""
            return f"tidemark quarantine {wish.table}{key}{rule} --{wish.kind}"
        case kind:
            return f"tidemark {kind} --dataset {wish.dataset}"


def _problems(state: State, wish: Wish) -> list[str]:
    known = registry()
    if wish.kind not in KINDS:
        return ["There is no such action."]
    if wish.dataset not in known.datasets:
        return ["The registry knows no such dataset."]
    if wish.kind == "rollback":
        target = state.runs.get(wish.to_run_id)
        if target is None or target.dataset != wish.dataset:
            return [f"{wish.dataset} has no such run to go back to."]
        if LakeCurated.stage not in target.done:
            return ["The lake has not published that run: there is nothing to go back to."]
    elif wish.to_run_id:
        return ["Only a rollback goes back to a run."]
    if wish.kind in ("replay", "drop"):
        table = known.tables.get(wish.table)
        if table is None or table.dataset != wish.dataset:
            return [f"{wish.dataset} has no such table."]
    elif wish.table or wish.rule or wish.key:
        return ["Only rows in quarantine are named by table, rule and key."]
    return []


def _title(wish: Wish) -> tuple[str, str]:
    match wish.kind:
        case "replay":
            return f"Judge rows of {wish.table} again", "Judge again"
        case "drop":
            return f"Let rows of {wish.table} go", "Let go"
        case kind:
            verb = TITLES.get(kind, ("Act", ""))[0]
            return f"{verb}: {wish.dataset}", verb


def _taken_back(state: State, wish: Wish) -> list[RunLine]:
    """The runs after the one that a rollback goes back to, the newest first."""
    if wish.kind != "rollback":
        return []
    target = state.runs[wish.to_run_id].run_seq
    return [run for run in views.runs(state, wish.dataset, None, 500).runs if run.run_seq > target]


def _process(state: State, wish: Wish, line: DatasetLine) -> list[str]:
    since = f"after run #{line.last_run.run_seq}" if line.last_run else "from the beginning"
    return [
        f"The watcher makes one cut of {wish.dataset} of all that the source has committed {since}.",
        "If there is nothing new, no run is made, and the request's page says so.",
        "The run passes Spark, RAW, the marts and the comparison; readers see its marts once all tests have passed.",
    ]


def _rebuild(state: State, wish: Wish, line: DatasetLine) -> list[str]:
    steps = [
        (
            f"{wish.dataset} goes from generation {line.generation} to {line.generation + 1}: every event of an older "
            "one is superseded wherever it turns up."
        ),
        "The watcher waits until the source has settled, then cuts it whole, from its first snapshot.",
        "Keys that the source no longer holds are deleted in lake, RAW and marts. It takes as long as a first load.",
    ]
    if line.parked:
        steps.append(f"{line.parked} parked event(s) are superseded; the halt ends.")
    return steps


def _rollback(state: State, wish: Wish, line: DatasetLine) -> list[str]:
    target, taken = state.runs[wish.to_run_id], _taken_back(state, wish)
    steps = [
        f"{wish.dataset} goes to generation {line.generation + 1}; what is under way or parked is superseded.",
        (
            f"Lake, then RAW and its ledger, then the marts go back to what run #{target.run_seq} left. "
            f"{len(taken)} run(s) after it are taken back."
        ),
        f"{wish.dataset} then stays paused until `tidemark resume --dataset {wish.dataset}`, or Resume here.",
        "Nothing of the source is lost: after the pause the next run reads what was taken back again.",
    ]
    if not taken:
        steps.insert(0, f"Run #{target.run_seq} is the newest one: only a run under way and the pause are at stake.")
    return steps


def _resume(state: State, wish: Wish, line: DatasetLine) -> list[str]:
    if not (line.halted_at or line.paused):
        return [f"{wish.dataset} is neither halted nor paused; the request changes nothing."]
    steps = [f"The halt at {stage} ends." for stage in line.halted_at]
    if line.parked:
        steps.append(f"{line.parked} parked event(s) are tried again first, in their order.")
    if line.paused:
        steps.append("The watcher makes cuts again.")
    return [*steps, "If the cause is not mended, the same event halts the dataset again, with nothing lost."]


def _maintain(state: State, wish: Wish, line: DatasetLine) -> list[str]:
    return [
        "A run of its own compacts the curated tables on a branch and publishes them together; no row changes.",
        "Tags, snapshots and files beyond the rollback horizon are let go: a rollback cannot go back that far again.",
    ]


def _rows(wish: Wish) -> str:
    which = [f"key {wish.key}" if wish.key else "", f"rule {wish.rule}" if wish.rule else ""]
    return f"the quarantined rows of {wish.table}" + "".join(f", {one}" for one in which if one)


def _replay(state: State, wish: Wish, line: DatasetLine) -> list[str]:
    return [
        f"A run of its own takes {_rows(wish)} as they came, and judges them by today's rules.",
        (
            "Those that pass go on to RAW and the marts, with the children that waited for them; the others stay, with "
            "what is wrong with them today."
        ),
    ]


def _drop(state: State, wish: Wish, line: DatasetLine) -> list[str]:
    return [
        f"A run of its own deletes {_rows(wish)} from quarantine. They never reach RAW or the marts.",
        "How many, by whom and why stands in the audit.",
    ]


def _turn(wish: Wish, line: DatasetLine) -> list[str]:
    """When it comes to pass."""
    passes = wish.kind in ("rebuild", "rollback", "resume")
    steps = []
    if (line.halted_at or line.paused) and not passes:
        steps.append(
            f"{wish.dataset} is held now ({line.paused or 'halted at ' + line.halted_at[0]}): it waits for a resume."
        )
    elif line.standing == "working" and not passes:
        steps.append("A run is under way: this one waits its turn.")
    if line.pending and not passes:
        steps.append(f"{len(line.pending)} request(s) wait before it.")
    return steps


_STEPS: dict[str, Callable[[State, Wish, DatasetLine], list[str]]] = {
    "process": _process,
    "rebuild": _rebuild,
    "rollback": _rollback,
    "resume": _resume,
    "maintain": _maintain,
    "replay": _replay,
    "drop": _drop,
}
