"""Commands that speak to the chain through Kafka: publish, runs, show, watch, resume."""

import getpass
import time
import uuid
from collections.abc import Callable
from contextlib import suppress
from typing import Annotated, TypeVar

import typer
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.panel import Panel

from tidemark import kafka
from tidemark.codec import decode
from tidemark.errors import Retryable
from tidemark.events import (
    CHAIN,
    AlertRaised,
    RequestKind,
    RunFailed,
    RunRequested,
    Selection,
)
from tidemark.settings import KafkaSettings, load
from tidemark.tables import registry
from tidemark_cli import render
from tidemark_cli.home import trace_address
from tidemark_cli.runs import Run, runs_of

T = TypeVar("T")
console = Console()
TOPICS = [*(event.topic for event in CHAIN), RunFailed.topic, AlertRaised.topic]
Dataset = Annotated[str, typer.Option(help="The dataset.")]
Wait = Annotated[bool, typer.Option("--wait", help="Return when the run has ended.")]
Reason = Annotated[str, typer.Option(help="Why, for the audit.")]


def read_runs() -> dict[str, Run]:
    """Every run that Kafka knows."""
    return runs_of(kafka.read_topics(load(KafkaSettings), TOPICS))


def publish(
    dataset: Dataset,
    rebuild: Annotated[bool, typer.Option("--rebuild", help="Read the whole source again.")] = False,
    wait: Wait = False,
) -> None:
    """Kick off a run of what is new, or a rebuild."""
    ask(asking(dataset, "rebuild" if rebuild else "process"), wait)


def rollback(
    dataset: Dataset,
    to: Annotated[str, typer.Option(help="The run to go back to: its id, or DATASET#SEQ.")],
    reason: Reason = "",
    wait: Wait = False,
) -> None:
    """Take lake, RAW and marts back to what a run left; the dataset then stays paused until `resume`."""
    console.print(f"{dataset} stays paused after it until `tidemark resume --dataset {dataset}`")
    ask(asking(dataset, "rollback", to_run_id=find(to).run_id, reason=reason), wait)


def maintain(dataset: Dataset, wait: Wait = False) -> None:
    """Compact the curated tables and let go what is beyond the rollback horizon, in the dataset's turn."""
    ask(asking(dataset, "maintain"), wait)


def ask(event: RunRequested, wait: bool) -> None:
    """Publish a request and say its id; with `wait` also what became of it, and exit with 1 if that was nothing."""
    request(event)
    console.print(f"requested as {event.request_id}")
    if wait:
        _tell(wait_for_request(event.dataset, event.request_id))


def _tell(answer: Run | AlertRaised) -> None:
    if isinstance(answer, Run):
        console.print(render.runs_table([answer]))
        return
    console.print(f"no run was made: {render.safe(answer.title)}. {render.safe(answer.detail)}")
    if answer.severity == "critical":
        raise typer.Exit(1)


def asking(
    dataset: str,
    kind: RequestKind,
    *,
    to_run_id: str | None = None,
    selection: Selection | None = None,
    reason: str = "",
) -> RunRequested:
    """A new request of whoever is at this terminal."""
    return RunRequested(
        dataset=known_dataset(dataset),
        request_id=str(uuid.uuid4()),
        kind=kind,
        requested_by=asker(),
        to_run_id=to_run_id,
        selection=selection,
        reason=reason,
    )


def asker() -> str:
    """Whoever is at this terminal, for the audit."""
    return f"{getpass.getuser()} (cli)"


def request(event: RunRequested) -> str:
    """Publish the request; returns its id."""
    kafka.publish(load(KafkaSettings), event)
    return event.request_id


def known_dataset(dataset: str) -> str:
    """The dataset's name, or an error that lists those there are."""
    if dataset not in registry().datasets:
        raise typer.BadParameter(f"no dataset {dataset!r}; there are {', '.join(registry().datasets)}")
    return dataset


def wait_for_request(dataset: str, request_id: str, timeout_seconds: float = 900) -> Run | AlertRaised:
    """The run that a request led to, once it has ended, or the answer that says why there was none."""
    settings = load(KafkaSettings)

    def look() -> Run | AlertRaised | None:
        found = next((r for r in read_runs().values() if r.cut and r.cut.request_id == request_id), None)
        if found is None:
            return _answer(settings, f"{dataset}/request/{request_id}")
        return found if found.reconciled or found.failure else None

    answer = until_told(look, timeout_seconds)
    if answer is None:
        raise typer.Exit(_fail(f"no end within {timeout_seconds:.0f} s; see `tidemark runs` and `tidemark status`"))
    return answer


def until_told(look: Callable[[], T], seconds: float, pause: Callable[[float], None] = time.sleep) -> T | None:
    """Look twice a second until there is an answer; None after so many seconds. A broker that is away is waited for."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        with suppress(Retryable):
            answer = look()
            if answer:
                return answer
        pause(0.5)
    return None


def _answer(settings: KafkaSettings, incident: str) -> AlertRaised | None:
    alerts = [decode(r) for r in kafka.read_topic(settings, AlertRaised.topic) if incident.encode() in (r.value or b"")]
    return next((a for a in alerts if isinstance(a, AlertRaised) and a.incident == incident), None)


def _fail(message: str) -> int:
    console.print(message, style="red")
    return 1


def runs(dataset: Annotated[str | None, typer.Option(help="Only this dataset.")] = None) -> None:
    """All runs, one line each."""
    found = [r for r in read_runs().values() if dataset in (None, r.dataset)]
    console.print(render.runs_table(found) if found else "no run yet")


def show(run_id: Annotated[str, typer.Argument(help="A run's id, or DATASET#SEQ.")]) -> None:
    """One run: stages, rows, models, comparisons, its trace."""
    run = find(run_id)
    console.print(_run_view(run))


def find(name: str) -> Run:
    """A run by id or by DATASET#SEQ; exits with 1 if there is none."""
    found = [r for r in read_runs().values() if name in (r.run_id, f"{r.dataset}#{r.run_seq}")]
    if not found:
        raise typer.Exit(_fail(f"no run {name!r}; `tidemark runs` lists them"))
    return found[-1]


def _run_view(run: Run) -> Group:
    parts: list[RenderableType] = [
        Panel(f"{render.safe(run.run_id)}  seq {run.run_seq}  {run.kind}  generation {run.generation}"),
        render.runs_table([run], title=""),
        render.lake_table(run),
        render.models_table(run),
        render.pairs_table(run),
    ]
    lines = render.pair_details(run)
    lines += [f"{run.failure.error}: {render.safe(run.failure.message)}"] if run.failure else []
    lines += [f"alert ({a.severity}): {render.safe(a.title)} {render.safe(a.detail)}" for a in run.alerts]
    if run.trace_id:
        lines.append(f"trace {run.trace_id} {trace_address(run.trace_id)}")
    return Group(*parts, *lines)


def watch() -> None:
    """The runs, live, until Ctrl-C. A broker that goes away meanwhile is waited for."""

    def show_newest() -> None:
        live.update(render.runs_table(list(read_runs().values())[-20:]))

    with Live(render.runs_table([]), console=console, refresh_per_second=2) as live:
        show_newest()
        while True:
            time.sleep(1)
            with suppress(Retryable):
                show_newest()


def resume(dataset: Dataset) -> None:
    """Let a halted dataset go on: the parked events first, in their order."""
    request(asking(dataset, "resume"))
    console.print(f"{dataset} is asked to resume; `tidemark runs` shows how it goes")
