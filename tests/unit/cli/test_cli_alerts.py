"""`tidemark alerts`: one line an incident, true to the topic, unmoved by hostile text."""

import json
from dataclasses import replace

from terminal import printed

from tidemark.codec import encode
from tidemark.events import AlertRaised, AlertSent, Event
from tidemark.records import Record
from tidemark_cli.alerts import alerts_table, as_plain, incidents

HOSTILE = "\x1b[2J\x1b]0;owned\x07[bold]x[/bold]\u202e<script>\x9b31m"


def raised(incident: str, severity: str = "warning", *, resolved: bool = False, **more: str) -> AlertRaised:
    """An alert, or the notice that it is over."""
    said = {"title": "It is broken", "detail": "mend it", "raised_by": "loader", "dataset": "ecommerce", **more}
    return AlertRaised(incident=incident, severity=severity, resolved=resolved, **said)  # type: ignore[arg-type]


def told(*events: Event) -> list[Record]:
    """The events as they lie in their topics, a minute apart."""
    sent = [encode(event) for event in events]
    return [
        Record(m.topic, m.partition, place, m.key, m.value, m.headers, 60_000 * (place + 1))
        for place, m in enumerate(sent)
    ]


def test_an_incident_is_open_until_its_notice_comes() -> None:
    """Repeats are counted, the notice closes it, and a new alert opens it again from then on."""
    (one,) = incidents(told(raised("a"), raised("a")))
    assert (one.open, one.times, one.since_ms, one.last_ms) == (True, 2, 60_000, 120_000)
    (one,) = incidents(told(raised("a"), raised("a", resolved=True)))
    assert (one.open, one.resolved_ms) == (False, 120_000)
    (one,) = incidents(told(raised("a"), raised("a", resolved=True), raised("a")))
    assert (one.open, one.times, one.since_ms) == (True, 1, 180_000)


def test_the_worst_open_ones_come_first() -> None:
    """Open before over, critical before warning, newest before older; a notice is never open."""
    events = [
        raised("old"),
        raised("new"),
        raised("bad", "critical"),
        raised("said", "info"),
        raised("over", "critical"),
    ]
    found = incidents(told(*events, raised("over", resolved=True)))
    assert [i.incident for i in found] == ["bad", "new", "old", "over", "said"]
    assert [i.open for i in found] == [True, True, True, False, False]


def test_who_was_told_is_known() -> None:
    """The sinks that took the message."""
    sent = AlertSent(dataset="ecommerce", alert_id="a/raised", incident="a", resolved=False, sinks=["json"])
    (one,) = incidents(told(raised("a"), sent))
    assert one.told == ["json"]
    assert as_plain(one)["open"] is True


def test_what_is_no_alert_is_passed_over() -> None:
    """A stranger's record in the topic, and an end without a beginning."""
    stranger = replace(told(raised("a"))[0], value=b"{", offset=9)
    assert incidents([stranger, *told(raised("never", resolved=True))]) == []


def test_hostile_text_stays_text() -> None:
    """In every field, on the terminal and as JSON."""
    fields = dict.fromkeys(("title", "detail", "raised_by"), HOSTILE)
    found = incidents(told(raised(HOSTILE, "critical", **fields)))
    seen = printed(alerts_table(found))
    assert [c for c in seen if not c.isprintable() and c != "\n"] == []
    assert "[bold]x[/bold]" in seen.replace("\n", "").replace(" ", "")
    text = json.dumps([as_plain(one) for one in found])
    assert text.isascii()
    assert text.isprintable()
    assert json.loads(text)[0]["title"] == HOSTILE
