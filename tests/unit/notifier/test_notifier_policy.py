"""Routes, quiet hours and the rate: what waits, waits in Kafka, and is told once when it may go."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from notifier.memory import MemorySink
from notifier.policy import HOUR_MS, Policy, policy, route
from notifier.ports import Ports
from notifier.stage import NAME, stage
from tidemark.codec import decode
from tidemark.errors import SettingsError
from tidemark.events import AlertRaised, AlertSent, Severity
from tidemark.memory_bus import MemoryBus

NIGHT = int(datetime(2026, 11, 26, 23, 30, tzinfo=UTC).timestamp() * 1000)
MORNING = int(datetime(2026, 11, 27, 7, 0, tzinfo=UTC).timestamp() * 1000)


class World:
    """A bus and a notifier with a policy, on a clock of its own."""

    def __init__(self, rules: Policy, *sinks: MemorySink) -> None:
        self.policy, self.now_ms = rules, NIGHT
        self.sinks = sinks or (MemorySink("hook"),)
        self.bus = MemoryBus()
        self.start()

    def start(self) -> None:
        """A new process."""
        ports = Ports(
            self.sinks,
            sent=lambda: iter(self.bus.events(AlertSent)),
            acknowledged=self._acknowledged,
            policy=self.policy,
            now_ms=lambda: self.now_ms,
        )
        self.bus.restart(stage(ports))

    def _acknowledged(self) -> Iterator[AlertRaised]:
        for record in self.bus.records(AlertRaised.topic):
            event = decode(record)
            if record.offset < self.bus.committed.get((NAME, record.topic, record.partition), 0):
                assert isinstance(event, AlertRaised)
                yield event

    def tell(self, incident: str, severity: Severity = "warning", resolved: bool = False) -> None:
        """An alert, handled."""
        self.raise_alert(incident, severity, resolved)
        self.bus.run()

    def raise_alert(self, incident: str, severity: Severity = "warning", resolved: bool = False) -> None:
        """An alert that waits for its turn."""
        self.bus.publish(
            AlertRaised(
                dataset="events",
                incident=incident,
                severity="info" if resolved else severity,
                title=incident,
                detail="",
                raised_by="loader",
                resolved=resolved,
            )
        )

    def at(self, now_ms: int) -> None:
        """Time has come; some ticks pass."""
        self.now_ms = now_ms
        for _ in range(5):
            self.bus.clock.advance(2)
            self.bus.run()

    def titles(self, sink: int = 0) -> list[str]:
        """What a sink took."""
        return [message.title for message in self.sinks[sink].taken]


def test_quiet_hours_hold_warnings_back_and_let_critical_ones_pass() -> None:
    """In the night: the critical one. In the morning: the others, in their order, once."""
    world = World(policy("22:00-07:00", "UTC", 0))
    world.tell("one")
    world.tell("two", "critical")
    world.tell("three")
    world.at(MORNING - 1)
    assert world.titles() == ["[critical] two"]
    world.at(MORNING)
    world.at(MORNING + HOUR_MS)
    assert world.titles() == ["[critical] two", "[warning] one", "[warning] three"]


def test_what_ends_before_anybody_was_told_is_not_told() -> None:
    """Begun and over in the night: nothing in the morning."""
    world = World(policy("22:00-07:00", "UTC", 0))
    world.tell("one")
    world.tell("one", resolved=True)
    world.at(MORNING)
    assert (world.titles(), world.bus.events(AlertSent)) == ([], [])


def test_the_end_of_a_critical_incident_waits_for_the_morning() -> None:
    """Good news wakes nobody; begun again before it was told, the end is told of no more."""
    world = World(policy("22:00-07:00", "UTC", 0))
    world.tell("one", "critical")
    world.tell("one", resolved=True)
    assert world.titles() == ["[critical] one"]
    world.at(MORNING)
    assert world.titles() == ["[critical] one", "[resolved] one"]
    world.now_ms = NIGHT
    world.tell("two", "critical")
    world.tell("two", resolved=True)
    world.tell("two", "critical")
    world.at(MORNING)
    assert world.titles()[2:] == ["[critical] two"]


def test_a_new_process_finds_what_waits() -> None:
    """Killed in the night: what was acknowledged and not told stands in alert.raised without an alert.sent."""
    world = World(policy("22:00-07:00", "UTC", 0))
    for incident in ("one", "two", "three"):
        world.tell(incident)
    world.tell("two", resolved=True)
    world.start()
    world.at(NIGHT + 1)
    assert world.titles() == []
    world.at(MORNING)
    assert world.titles() == ["[warning] one", "[warning] three"]


def test_what_is_not_acknowledged_waits_for_its_turn() -> None:
    """An open incident's repeat and its end lie in the topic when a new process starts: the end goes once, the repeat
    never, though the process's first tick comes before both."""
    world = World(policy(None, "UTC", 60))
    world.tell("one")
    world.raise_alert("one")
    world.raise_alert("one", resolved=True)
    world.start()
    world.bus.run()
    world.at(NIGHT + HOUR_MS)
    assert world.titles() == ["[warning] one", "[resolved] one"]


def test_no_more_than_the_rate_within_an_hour() -> None:
    """Two an hour: the third and fourth come an hour later; a critical one passes at once."""
    world = World(policy(None, "UTC", 2))
    for incident in ("one", "two", "three", "four"):
        world.tell(incident)
    world.tell("five", "critical")
    assert world.titles() == ["[warning] one", "[warning] two", "[critical] five"]
    world.at(NIGHT + HOUR_MS)
    assert world.titles()[3:] == ["[warning] three", "[warning] four"]


def test_a_sink_that_is_away_in_the_morning_loses_nothing() -> None:
    """What waited is tried again until the sink takes it; what another took it does not get twice."""
    world = World(policy("22:00-07:00", "UTC", 0), MemorySink("hook"), MemorySink("mail"))
    world.tell("one")
    world.sinks[1].away = True
    world.at(MORNING)
    assert (world.titles(0), world.titles(1)) == (["[warning] one"], [])
    world.sinks[1].away = False
    for minute in range(20):
        world.at(MORNING + minute * 60_000)
    assert (world.titles(0), world.titles(1)) == (["[warning] one"], ["[warning] one"])


def test_severities_are_routed_and_an_end_goes_where_its_beginning_went() -> None:
    """A pager for what is critical, a chat for all."""
    world = World(Policy(), MemorySink("pager", ["critical"]), MemorySink("chat"))
    world.tell("one")
    world.tell("two", "critical")
    world.start()
    world.tell("one", resolved=True)
    world.tell("two", resolved=True)
    assert world.titles(0) == ["[critical] two", "[resolved] two"]
    assert world.titles(1) == ["[warning] one", "[critical] two", "[resolved] one", "[resolved] two"]


def test_what_nobody_wants_to_hear_is_told_nobody() -> None:
    """A pager alone: a warning is acknowledged, and said to have been told to no one."""
    world = World(Policy(), MemorySink("pager", ["critical"]))
    world.tell("one")
    assert (world.titles(), world.bus.events(AlertSent)) == ([], [])


def test_quiet_hours_are_those_of_the_place() -> None:
    """22:30 in Berlin is 21:30 UTC; hours that do not pass midnight are read too."""
    berlin, noon = policy("22:00-07:00", "Europe/Berlin", 0), policy("12:00-13:30", "UTC", 0)
    half_past_nine = NIGHT - 2 * HOUR_MS
    event = AlertRaised(dataset="events", incident="i", severity="warning", title="", detail="", raised_by="loader")
    assert berlin.waits(event, half_past_nine, [])
    assert not policy("22:00-07:00", "UTC", 0).waits(event, half_past_nine, [])
    assert noon.waits(event, NIGHT - 11 * HOUR_MS, [])
    assert not noon.waits(event, NIGHT - 10 * HOUR_MS, [])


@pytest.mark.parametrize(
    ("hours", "zone", "most", "named"),
    [
        ("22-7", "UTC", 0, "QUIET"),
        (None, "Berlin", 0, "ZONE"),
        (None, "UTC", -1, "MOST"),
        ("25:00-01:00", "UTC", 0, "QUIET"),
    ],
)
def test_settings_that_cannot_be_read_are_named(hours: str | None, zone: str, most: int, named: str) -> None:
    """The variable is in the message."""
    with pytest.raises(SettingsError, match=f"TIDEMARK_ALERT_.*{named}"):
        policy(hours, zone, most)


def test_an_address_may_name_its_severities() -> None:
    """Before an equals sign; an address that holds one itself is taken whole."""
    assert route("critical=pagerduty://k@s") == (frozenset({"critical"}), "pagerduty://k@s")
    assert route("warning,critical=json://h/?a=b") == (frozenset({"warning", "critical"}), "json://h/?a=b")
    assert route("mailto://u:p@h?to=a@b") == (frozenset({"info", "warning", "critical"}), "mailto://u:p@h?to=a@b")
