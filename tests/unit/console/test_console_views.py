"""What is shown, from what is kept."""

import json
import random
from typing import Any

from console_history import EVERY_MS, START_MS, as_record, in_topics, messages, one_run, runs, set_aside, trouble
from fastapi.testclient import TestClient

from console import views
from console.api import create
from console.fold import fold
from console.ports import Ports
from console.settings import ConsoleSettings
from console.state import State
from tidemark.codec import encode
from tidemark.errors import Retryable
from tidemark.events import LayersReconciled, ReconciledPair, ReconciliationStatus, WatcherState
from tidemark.records import Message, Record

NOW_MS = START_MS + 30 * EVERY_MS
SETTINGS = ConsoleSettings(kafka_bootstrap="nowhere:1", trace_page="http://traces/{trace_id}")


def state_of(*sent: Message) -> State:
    """What a State holds after these messages."""
    state = State()
    for record in in_topics(sent):
        fold(state, record)
    return state


def whole_runs(count: int = 8) -> list[Message]:
    """Runs that came to their end."""
    return [message for events in runs(count) for message in messages(events)]


def test_overview_says_how_each_dataset_is() -> None:
    """With all runs done, the last one CONVERGED: ok, fresh, nothing to do; without any run: empty."""
    state = state_of(*messages(list(one_run("events", 1, random.Random(1)))))
    state.runs["events-process-g0-000000000001"].status = "CONVERGED"
    ecommerce, events = views.overview(state, START_MS + 2 * EVERY_MS).datasets
    assert (events.standing, events.wrong, events.freshness.age_seconds) == ("ok", [], 60.0)
    assert (ecommerce.standing, ecommerce.last_run) == ("empty", None)


def test_a_failed_run_says_what_is_wrong_and_what_to_do() -> None:
    """Failed at the loader, not resumed: halted, with the message and the command."""
    run = next(runs(1))[:2]
    state = state_of(*messages([*run, trouble("ecommerce", 1)[0]]))
    line = views.overview(state, NOW_MS).datasets[0]
    assert line.standing == "halted"
    assert line.last_run is not None and line.last_run.status == "failed at loader"
    assert "rows per file differ" in line.wrong[0].what
    assert "tidemark resume --dataset ecommerce" in line.wrong[0].do


def test_a_halt_says_how_many_wait() -> None:
    """What a stage has set aside counts until it is released."""
    state = state_of(*whole_runs(), *set_aside("ecommerce", 1)[:2])
    line = views.overview(state, NOW_MS).datasets[0]
    assert (line.standing, line.halted_at, line.parked) == ("halted", ["loader"], 1)
    assert line.wrong[0].severity == "critical"


def test_a_rollback_is_a_pause_and_no_trouble() -> None:
    """The watcher says that somebody went back: paused."""
    went_back = WatcherState(dataset="events", halted="rolled back to run 3; it stays so")
    state = state_of(*whole_runs(), *messages([went_back]))
    line = views.overview(state, NOW_MS).datasets[1]
    assert (line.standing, line.wrong[0].severity) == ("paused", "info")


def test_marts_beyond_the_agreed_age_are_stale() -> None:
    """Six hours are agreed; the newest commit in the marts is older by a second."""
    state = state_of(*whole_runs(2))
    for run in state.runs.values():
        run.status = "CONVERGED"
    agreed_ms = 21_600_000
    fresh, stale = (views.overview(state, START_MS + EVERY_MS + agreed_ms + late).datasets[0] for late in (0, 1000))
    assert (fresh.standing, stale.standing) == ("ok", "stale")


def test_runs_come_newest_first_by_pages() -> None:
    """Filters narrow, pages do not overlap, the total is that of the filter."""
    state = state_of(*whole_runs(20))
    first, second = views.runs(state, "events", limit=6), views.runs(state, "events", limit=6, offset=6)
    assert [run.run_seq for run in (*first.runs, *second.runs)] == list(range(10, 0, -1))
    assert first.total == second.total == 10
    diverged = views.runs(state, status="DIVERGED")
    assert diverged.total == sum(run.status == "DIVERGED" for run in state.runs.values()) > 0


def test_a_run_is_a_waterfall_with_all_that_its_stages_said() -> None:
    """Five stages end where their events were written and took what they say; tables, marts, pairs, trace, report."""
    state = state_of(*whole_runs(4))
    page = views.run(state, "events-process-g0-000000000002", SETTINGS.trace_page)
    assert page is not None
    assert [stage.state for stage in page.stages] == ["done"] * 5
    assert all((s.end_ms or 0) - (s.start_ms or 0) == round((s.seconds or 0) * 1000) for s in page.stages)
    assert sum(table.accepted for table in page.tables) == page.run.rows == sum(table.rows for table in page.loaded)
    assert len(page.models) == 5 and page.tests == 42 and len(page.pairs) == 1
    assert page.report == f"reports/{page.run.run_id}/reconciliation.html"
    assert page.trace_url == f"http://traces/{page.run.trace_id}"
    assert page.before is not None and page.before.run_seq == 1
    changes = {change.name: change for change in page.changes}
    assert changes["rows accepted"].now == page.run.rows
    assert changes["rows accepted"].before == page.before.rows


def test_a_run_on_its_way_shows_who_works() -> None:
    """Curated and no more: the loader works, the others wait."""
    state = state_of(*messages(next(runs(1))[:2]))
    page = views.run(state, "ecommerce-process-g0-000000000001")
    assert page is not None
    assert [stage.state for stage in page.stages] == ["done", "done", "working", "waiting", "waiting"]
    assert page.run.status == "at loader"


def test_a_failure_is_over_once_its_stage_is_done() -> None:
    """run.failed, then raw.loaded: the run goes on. raw.loaded, then run.failed: it has failed."""
    events, failed = next(runs(1)), trouble("ecommerce", 1)[0]
    healed = state_of(*messages([*events[:2], failed, events[2]]))
    broken = state_of(*messages([*events[:3], failed]))
    assert views.runs(healed).runs[0].status == "at transformer"
    assert views.runs(broken).runs[0].status == "failed at loader"


def test_alerts_are_one_line_an_incident() -> None:
    """Raised, told, over: resolved, with when people knew. Raised alone: open."""
    events = trouble("events", 1)
    over, still = state_of(*messages(events)), state_of(*messages(events[:2]))
    assert [len(views.alerts(over).open), len(views.alerts(over).resolved)] == [0, 1]
    assert views.alerts(over).resolved[0].told_ms is not None
    assert [line.severity for line in views.alerts(still).open] == ["critical"]
    assert views.alerts(still, dataset="ecommerce").open == []


def test_dead_letters_of_one_event_know_each_other() -> None:
    """Refused twice: two letters, each in the other's history; the body as it came, also when it is no text."""
    letter = set_aside("events", 1)[-1]
    state = state_of(letter, letter)
    lines = views.letters(state)
    assert [line.again for line in lines] == [1, 1]
    binary = as_record(letter, 0, START_MS)
    page = views.letter(state, lines[0].place, Record(**{**vars(binary), "value": b"\xff\x00"}))
    assert page is not None and (page.body, page.is_text) == ("/wA=", False)
    assert [other.place for other in page.history] == [lines[1].place]
    assert views.letter(state, "tidemark.dead-letters/9/9", None) is None


def test_reconciliation_knows_since_when_a_pair_disagrees() -> None:
    """CONVERGED, DIVERGED, DIVERGED: since the second one; back again on the day: it took until the third."""
    state = state_of(*compared("CONVERGED", "DIVERGED", "DIVERGED"))
    (pair,) = views.reconciliation(state)
    times = sorted(comparison.at_ms for comparison in pair.comparisons)
    assert (pair.status, pair.since_ms, pair.open) == ("DIVERGED", times[1], 1)
    (pair,) = views.reconciliation(state_of(*compared("DIVERGED", "DIVERGED", "CONVERGED")))
    times = sorted(comparison.at_ms for comparison in pair.comparisons)
    assert (pair.since_ms, pair.days[0].seconds) == (None, (times[2] - times[0]) / 1000)


def test_quality_is_a_point_a_run() -> None:
    """Held rows of each table in each run, oldest first, of so many that were read."""
    state = state_of(*whole_runs(6))
    held = [rule for rule in views.quality(state, "events") if rule.kind == "held" and not rule.rule]
    assert [rule.table for rule in held] == ["user_events", "transactions"]
    assert [point.run_seq for point in held[0].points] == [1, 2, 3]
    assert all(point.broken == point.of // 100 for point in held[0].points)


def test_quality_is_told_by_rule() -> None:
    """A rule that was ever broken has a point in every run of its table; those of one kind add up to its total."""
    found = [one for one in views.quality(state_of(*whole_runs(20)), "events") if one.table == "transactions"]
    kinds = {kind: {one.rule: one.points for one in found if one.kind == kind} for kind in ("quarantined", "held")}
    assert set(kinds["quarantined"]) == {"", "contract.id", "amount"}
    for rules in kinds.values():
        totals = [point.broken for point in rules.pop("")]
        assert totals == [sum(its[n].broken for its in rules.values()) for n in range(len(totals))]


def test_hours_hold_what_the_runs_hold() -> None:
    """Over all hours as many runs, rows and seconds per stage as over all runs."""
    state = state_of(*whole_runs(30))
    hours = views.hours(state, START_MS + 3_600_000, back=48)
    for stage in ("loader", "reconciler"):
        done = [run.done[stage] for run in state.runs.values()]
        mine = [hour for hour in hours if hour.stage == stage]
        assert sum(hour.runs for hour in mine) == len(done)
        assert sum(hour.rows for hour in mine) == sum(one.rows for one in done)


def test_the_api_answers_what_it_describes() -> None:
    """Every path of the description answers 200 with a body that has the fields of its schema."""
    letter = set_aside("events", 1)[-1]
    state = state_of(*whole_runs(6), *messages(trouble("events", 1)), letter)
    state.lag.samples.append((NOW_MS, {("loader", "tidemark.lake.curated"): 3}))
    held = as_record(letter, 0, START_MS)
    client = TestClient(create(state, SETTINGS, Ports(record=lambda place: held, now_ms=lambda: NOW_MS)))
    described = client.get("/api/openapi.json").json()
    run_id, place = "events-process-g0-000000000001", next(iter(state.dead_letters))
    for path, methods in described["paths"].items():
        schema = methods["get"]["responses"]["200"].get("content", {}).get("application/json", {}).get("schema", {})
        if path == "/api/changes":  # never ends: tests/contract/console listens to it
            continue
        answer = client.get(path.replace("{run_id}", run_id).replace("{place}", place))
        assert answer.status_code == 200, (path, answer.text)
        fits(answer.json(), schema, described["components"]["schemas"])
    assert json.loads(client.get("/api/lag").text)[0]["records"] == 3


def test_the_api_says_what_it_does_not_know() -> None:
    """404 for a run, a letter or a dataset that is unknown; 422 for a page that cannot be; 503 with the broker away."""

    def away(place: str) -> Record | None:
        raise Retryable("the broker is away")

    state = state_of(set_aside("events", 1)[-1])
    client = TestClient(create(state, SETTINGS, Ports(record=away)))
    for path in ("/api/runs/nobody", "/api/dead-letters/a/0/0", "/api/alerts?dataset=nobody"):
        assert client.get(path).status_code == 404
    assert client.get("/api/runs?limit=0").status_code == 422
    assert client.get(f"/api/dead-letters/{next(iter(state.dead_letters))}").status_code == 503


def compared(*statuses: ReconciliationStatus) -> list[Message]:
    """Runs of one dataset of which the comparison said so."""
    sent: list[Message] = []
    for seq, status in enumerate(statuses, 1):
        run: dict[str, Any] = {"dataset": "events", "run_id": f"r{seq}", "run_seq": seq, "kind": "process"}
        confirmed = int(status == "DIVERGED")
        counts = {"rows": 1, "pending": 0, "suspect": 0, "confirmed": confirmed, "resolved": 0}
        pair = ReconciledPair(pair="p", status=status, cutoff_ms=0, seconds=0.1, **counts)
        told = {"generation": 0, "status": status, "committed_at_ms": START_MS, "seconds": 1.0}
        sent.append(encode(LayersReconciled(**run, **told, pairs=[pair])))
    return sent


def fits(value: Any, schema: dict[str, Any], known: dict[str, Any]) -> None:
    """The value has the type and the fields that the schema names, all the way down."""
    if "$ref" in schema:
        schema = known[schema["$ref"].rsplit("/", 1)[1]]
    if "anyOf" in schema:
        kinds = {option.get("type", "object") for option in schema["anyOf"]}
        assert (value is None) <= ("null" in kinds)
        return
    if schema.get("type") == "array" and schema.get("items"):
        for item in value:
            fits(item, schema["items"], known)
    elif schema.get("type") == "object" and "properties" in schema:
        assert set(value) == set(schema["properties"])
        for name, item in value.items():
            fits(item, schema["properties"][name], known)
