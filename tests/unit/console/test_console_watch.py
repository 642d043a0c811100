"""What the watch says: once an incident, again only after it was over, never what a stage has said."""

import random
from collections.abc import Sequence

import pytest
from console_history import EVERY_MS, START_MS, in_topics, messages, one_run, set_aside, trouble

from console.fold import fold
from console.settings import ConsoleSettings
from console.state import Lag, State
from console.watch import conditions, due, unsure
from tidemark.codec import encode
from tidemark.events import (
    DEAD_LETTERS,
    AlertRaised,
    CuratedTable,
    DeadLetterSettled,
    LakeCurated,
    LayersReconciled,
    ReconciledPair,
)
from tidemark.records import Message
from tidemark.tables import registry

SETTINGS = ConsoleSettings(kafka_bootstrap="nowhere:1")
HOUR_MS = 3_600_000
PLACE = f"{DEAD_LETTERS}/{registry().partition_of('events')}/0"  # of the first dead letter
RUN = {"dataset": "events", "run_id": "events-process-g0-000000000001", "run_seq": 1, "kind": "process"}


def a_run(seq: int = 1, ends: bool = True) -> list[Message]:
    """A run of `events`, CONVERGED; or one that stands before the transformer."""
    events = list(one_run("events", seq, random.Random(1), ends))
    for number, event in enumerate(events):
        if isinstance(event, LayersReconciled):
            events[number] = compared("CONVERGED", event.run_id, seq)
    return messages(events)


def compared(status: str, run_id: str = RUN["run_id"], seq: int = 1) -> LayersReconciled:
    """What the reconciler says of a run."""
    counts = {"rows": 1, "pending": 0, "suspect": 0, "confirmed": 0, "resolved": 0}
    pair = ReconciledPair(pair="p", status=status, cutoff_ms=0, seconds=0.1, **counts)
    run = RUN | {"run_id": run_id, "run_seq": seq}
    return LayersReconciled(
        **run, generation=0, status=status, pairs=[pair], committed_at_ms=START_MS + seq * EVERY_MS, seconds=1.0
    )


class Watched:
    """A State, and the alert topic into which what is due goes."""

    def __init__(self, *sent: Message) -> None:
        self.sent = list(sent)
        self.settings = SETTINGS
        self.lag = Lag()

    @property
    def state(self) -> State:
        """Rebuilt from the topics at every look."""
        state = State(lag=self.lag)
        for record in in_topics(self.sent):
            fold(state, record)
        return state

    def look(self, now_ms: int) -> list[AlertRaised]:
        """What the watch says now; it stands in the topic afterwards."""
        state = self.state
        found = conditions(state, self.settings, registry(), now_ms)
        said = due(state, found, unsure(state, self.settings))
        self.sent += [encode(alert) for alert in said]
        return said


def said(alerts: Sequence[AlertRaised]) -> list[tuple[str, bool]]:
    """Kind and whether it is over."""
    return [(alert.incident.split("/")[1], alert.resolved) for alert in alerts]


def test_a_run_that_does_not_get_on_is_stuck_once() -> None:
    """Told after the limit, once, by a console that is rebuilt at each look; over when the run goes on."""
    watched = Watched(*a_run(ends=False))
    begun = START_MS + len(watched.sent) * 1000
    assert said(watched.look(begun + HOUR_MS - 2000)) == []
    assert said(watched.look(begun + HOUR_MS + 1000)) == [("stuck", False)]
    assert said(watched.look(begun + HOUR_MS + 60_000)) == []
    watched.sent += a_run()[3:]
    assert said(watched.look(begun + HOUR_MS + 120_000)) == [("stuck", True)]
    assert said(watched.look(begun + HOUR_MS + 180_000)) == []


@pytest.mark.parametrize("what", ["failed", "parked", "overtaken"])
def test_what_waits_for_a_reason_is_not_stuck(what: str) -> None:
    """A run that failed, that is parked at a halted stage, or that a later one has passed."""
    more = {
        "failed": messages([trouble("events", 1)[0]]),
        "parked": set_aside("events", 1)[:2],
        "overtaken": a_run(2),
    }[what]
    begun = a_run(ends=False)[: 2 if what == "parked" else 3]
    watched = Watched(*begun, *more)
    assert "stuck" not in [kind for kind, _ in said(watched.look(START_MS + 3 * HOUR_MS))]


def test_a_stale_dataset_is_one_incident_until_something_newer_is_published() -> None:
    """Older than agreed: one alert, named by the commit; over with the next run's marts."""
    watched = Watched(*a_run())
    late = START_MS + EVERY_MS + 21_600_000
    assert said(watched.look(late - 1000)) == []
    (alert,) = watched.look(late + 1000)
    assert alert.incident == f"console/stale/events/{START_MS + EVERY_MS}"
    watched.sent += a_run(2)
    assert said(watched.look(late + 2000)) == [("stale", True)]


def test_what_a_stage_has_said_is_not_said_again() -> None:
    """A halt, a divergence and a dead letter with the stage's own alert: nothing. Without it: one each."""
    halt, letter = set_aside("events", 1)[:2], set_aside("events", 1)[-1]
    apart = Watched(*a_run(), *halt, letter, encode(compared("DIVERGED")))
    assert sorted(said(apart.look(START_MS + HOUR_MS))) == [
        ("dead-letter", False),
        ("diverged", False),
        ("halted", False),
    ]
    names = ["loader/halted/x/raised", "reconciler/p/diverged/r"]
    spoken = [raised(name) for name in (*names, "loader/refused/x/raised")]
    covered = Watched(*a_run(), *halt, letter, encode(compared("DIVERGED")), *spoken)
    assert said(covered.look(START_MS + HOUR_MS)) == []


def test_a_dead_letter_is_over_when_somebody_has_dealt_with_it() -> None:
    """One alert, one notice when it is mended or dropped, and nothing more."""
    watched = Watched(*a_run(), set_aside("events", 1)[-1])
    (alert,) = watched.look(START_MS + HOUR_MS)
    assert said(watched.look(START_MS + HOUR_MS)) == []
    watched.sent.append(settled(PLACE))
    (notice,) = watched.look(START_MS + HOUR_MS + 1000)
    assert (notice.incident, notice.resolved) == (alert.incident, True)
    assert said(watched.look(START_MS + HOUR_MS + 2000)) == []


def test_a_stages_word_on_a_refused_record_ends_the_same_way() -> None:
    """It never hears of the settlement. Refused once more after it was mended, the incident is open again."""
    letter = set_aside("events", 1)[-1]
    refused = f"loader/refused/{dict(letter.headers)['ce_id'].decode()}"
    watched = Watched(*a_run(), letter, raised(refused, by="loader"))
    assert watched.look(START_MS + HOUR_MS) == []
    watched.sent.append(settled(PLACE))
    assert [alert.incident for alert in watched.look(START_MS + HOUR_MS)] == [refused]
    watched.sent += [letter, raised(refused, by="loader")]
    assert watched.look(START_MS + HOUR_MS) == []


def test_a_dead_letter_that_was_dealt_with_before_is_no_news() -> None:
    """A console that is new."""
    watched = Watched(*a_run(), set_aside("events", 1)[-1], settled(PLACE))
    assert watched.look(START_MS + HOUR_MS) == []


def settled(place: str) -> Message:
    """Somebody dropped it."""
    return encode(DeadLetterSettled(dataset="events", place=place, outcome="dropped", by="anna", reason="noise"))


def test_a_stalled_pair_is_over_when_it_converges() -> None:
    """STALLED, then CONVERGED."""
    watched = Watched(*a_run(), encode(compared("STALLED")))
    assert said(watched.look(START_MS + HOUR_MS)) == [("stalled", False)]
    watched.sent += a_run(2)
    assert said(watched.look(START_MS + HOUR_MS)) == [("stalled", True)]


def test_too_many_broken_rows_of_the_newest_run() -> None:
    """A quarter of a table's rows quarantined, a fifth is the limit; over with a run of which fewer are."""
    bad = [CuratedTable(table="user_events", read=100, accepted=75, quarantined=25)]
    watched = Watched(*a_run(), encode(curated(bad)))
    (alert,) = watched.look(START_MS + HOUR_MS)
    assert alert.title == "user_events: 25 of 100 rows broke a rule"
    watched.sent += a_run(2)
    assert said(watched.look(START_MS + HOUR_MS)) == [("quality", True)]


def test_a_days_work_beyond_its_limit_is_over_the_next_day() -> None:
    """The stages of one day; midnight begins anew."""
    watched = Watched(*a_run())
    watched.settings = ConsoleSettings(kafka_bootstrap="nowhere:1", cost_limit_seconds=1.0)
    assert said(watched.look(START_MS + 60_000)) == [("cost", False)]
    next_day = (START_MS // 86_400_000 + 1) * 86_400_000
    assert ("cost", True) in said(watched.look(next_day + 1000))


def test_lag_that_grows_is_said_and_lag_that_only_stands_is_not() -> None:
    """More waits than a window ago, and something did all the time; over when it falls. Too few samples say nothing."""
    lane = ("loader", "tidemark.lake.curated")
    watched = Watched(*a_run())
    for minute, records in enumerate([1, 1, 1, 1]):
        watched.lag.samples.append((START_MS + minute * 300_000, {lane: records}))
    assert said(watched.look(START_MS + HOUR_MS)) == []
    watched.lag.samples.append((START_MS + 4 * 300_000, {lane: 5}))
    assert said(watched.look(START_MS + HOUR_MS)) == [("lag", False)]
    watched.lag.samples.append((START_MS + 5 * 300_000, {lane: 9}))
    assert said(watched.look(START_MS + HOUR_MS)) == []
    watched.lag.samples.append((START_MS + 6 * 300_000, {lane: 0}))
    assert said(watched.look(START_MS + HOUR_MS)) == [("lag", True)]


def test_a_console_that_has_just_begun_does_not_call_lag_over() -> None:
    """What it has not sampled long enough it does not know."""
    lane = ("loader", "tidemark.lake.curated")
    watched = Watched(*a_run(), raised("console/lag/loader/tidemark.lake.curated/1", by="console"))
    watched.lag.samples.append((START_MS, {lane: 7}))
    assert said(watched.look(START_MS + HOUR_MS)) == []


def raised(incident: str, by: str = "loader", resolved: bool = False) -> Message:
    """An alert of somebody's."""
    event = AlertRaised(
        dataset="events",
        incident=incident,
        severity="critical",
        title="t",
        detail="",
        raised_by=by,
        resolved=resolved,
    )
    return encode(event)


def curated(tables: list[CuratedTable]) -> LakeCurated:
    """What the lake says of the first run."""
    return LakeCurated(**RUN, generation=0, decision=1, tables=tables, committed_at_ms=START_MS + EVERY_MS, seconds=1.0)
