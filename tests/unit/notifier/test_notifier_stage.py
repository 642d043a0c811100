"""The notifier on the in-process bus: one message an incident, nothing lost, nothing told twice."""

from collections.abc import Iterator
from typing import Any

import pytest

from notifier.memory import MemorySink
from notifier.ports import Ports
from notifier.stage import message, stage
from tidemark.codec import decode
from tidemark.errors import Retryable
from tidemark.events import AlertRaised, AlertSent
from tidemark.failpoints import ARMED, LOG, FailpointError
from tidemark.memory_bus import MemoryBus


class World:
    """A bus, two sinks, and the notifier as often as it is started."""

    def __init__(self) -> None:
        self.hook, self.mail = MemorySink("hook"), MemorySink("mail")
        self.bus = MemoryBus()
        self.start()

    def start(self) -> None:
        """A new process: nothing but what Kafka holds is carried over."""
        self.bus.restart(stage(Ports([self.hook, self.mail], self.sent)))

    def sent(self) -> Iterator[AlertSent]:
        for record in list(self.bus.log):
            if record.topic == AlertSent.topic:
                event = decode(record)
                assert isinstance(event, AlertSent)
                yield event

    def tell(self, incident: str = "i", **values: Any) -> None:
        self.bus.publish(alert(incident, **values))
        self.bus.run()

    def titles(self) -> list[str]:
        return [message.title for message in self.hook.taken]


def alert(incident: str = "i", **values: Any) -> AlertRaised:
    given = {"dataset": "events", "severity": "critical", "title": "the layers differ", "detail": "3 rows", **values}
    return AlertRaised(incident=incident, **{"raised_by": "reconciler", **given})


@pytest.fixture
def world() -> World:
    return World()


def test_an_incident_is_told_once_and_its_end_once(world: World) -> None:
    """Repeats say nothing; the same incident may begin again after its end."""
    for resolved in (False, False, True, True, False):
        world.tell(resolved=resolved)
    assert world.titles() == [
        "[critical] the layers differ",
        "[resolved] the layers differ",
        "[critical] the layers differ",
    ]
    assert world.mail.taken == world.hook.taken
    assert [(event.incident, event.resolved, event.sinks) for event in world.sent()] == [
        ("i", False, ["hook", "mail"]), ("i", True, ["hook", "mail"]), ("i", False, ["hook", "mail"]),
    ]  # fmt: skip


def test_a_restart_forgets_nothing(world: World) -> None:
    """Which incidents are open stands in Kafka."""
    world.tell()
    world.start()
    world.tell()
    world.tell(resolved=True)
    world.start()
    world.tell(resolved=True)
    assert world.titles() == ["[critical] the layers differ", "[resolved] the layers differ"]


def test_a_memory_that_is_half_read_is_read_again(world: World) -> None:
    """The broker goes away while the notifier reads what has been sent: it tells nothing by half of it."""
    world.tell("one")
    world.tell("two")
    whole, tries = list(world.sent()), iter([1, 2])

    def sent() -> Iterator[AlertSent]:
        yield whole[0]
        if next(tries) == 1:
            raise Retryable("the broker went away")
        yield whole[1]

    world.bus.restart(stage(Ports([world.hook], sent)))
    world.tell("two")
    assert len(world.hook.taken) == 2


def test_a_sink_that_is_away_loses_nothing_and_the_others_get_it_once(world: World) -> None:
    """The alert waits, later ones of its dataset behind it; they arrive in their order once the sink is back."""
    world.mail.away = True
    world.tell("one")
    world.tell("two")
    assert (len(world.hook.taken), world.mail.taken, list(world.sent())) == (1, [], [])
    world.mail.away = False
    world.bus.run()
    assert [message.body.split("incident ")[1] for message in world.mail.taken] == ["one", "two"]
    assert len(world.hook.taken) == 2


def test_its_own_trouble_is_not_told_by_itself(world: World) -> None:
    """The runner's alert that the notifier keeps trying, and its end, reach no sink; anything else does."""
    world.tell("notifier/retry/x", raised_by="notifier")
    world.tell("notifier/retry/x", raised_by="notifier", resolved=True, severity="info")
    assert world.titles() == []


def test_information_and_ends_of_the_unknown_are_no_messages(world: World) -> None:
    """An answer to a request is for who asked; the end of what nobody was told of is no news."""
    world.tell("ecommerce/request/1", severity="info")
    world.tell("before us", severity="info", resolved=True)
    assert (world.titles(), list(world.sent())) == ([], [])


def test_a_death_between_sink_and_transaction_repeats_one_message(
    world: World, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    """At least once: never none."""
    monkeypatch.setenv(LOG, str(tmp_path / "hits"))
    monkeypatch.setenv(ARMED, "notifier.before-produce=raise")
    with pytest.raises(FailpointError):
        world.tell()
    world.start()
    world.bus.run()
    assert (len(world.hook.taken), len(list(world.sent()))) == (2, 1)


def test_a_message_says_what_where_and_which() -> None:
    """Severity in the title; the detail first, then dataset, run, who told it, and the incident."""
    told = message(alert("i/1", run_id="run-7", severity="warning"))
    assert (told.title, told.kind) == ("[warning] the layers differ", "warning")
    assert told.body == "3 rows\ndataset events, run run-7, told by reconciler\nincident i/1"
