"""The notifier as a process on a real broker, with a webhook: killed while the webhook refuses, started again."""

import os
import subprocess
import sys
from typing import Any

import pytest
from waiting import until
from webhook import listening

from tidemark.codec import decode
from tidemark.events import AlertRaised, AlertSent
from tidemark.kafka import publish, read_topic
from tidemark.settings import RunnerSettings

pytestmark = pytest.mark.lab


def test_a_killed_notifier_goes_on_and_tells_nothing_twice(empty_broker: Any) -> None:
    """What the webhook refused arrives after the next start; what was told is known to the next process."""
    settings = RunnerSettings(kafka_bootstrap=empty_broker.bootstrap)

    def sent() -> list[tuple[str, bool]]:
        events = [decode(record) for record in read_topic(settings, AlertSent.topic)]
        return [(event.incident, event.resolved) for event in events if isinstance(event, AlertSent)]

    with listening() as webhook:
        webhook.status = 503
        first = start(empty_broker.bootstrap, webhook.server_port)
        try:
            publish(settings, alert("one"))
            until(lambda: bool(webhook.posted), "an alert is sent")
        finally:
            end(first)
        assert sent() == []
        webhook.posted.clear()
        webhook.status = 200
        second = start(empty_broker.bootstrap, webhook.server_port)
        try:
            until(lambda: sent() == [("one", False)], "it is sent once")
        finally:
            end(second)
        third = start(empty_broker.bootstrap, webhook.server_port)
        try:
            publish(settings, alert("one"))
            publish(settings, alert("one", resolved=True))
            until(lambda: sent() == [("one", False), ("one", True)], "its end is sent")
        finally:
            end(third)
        assert [posted["title"] for posted in webhook.posted] == ["[critical] one differs", "[resolved] one differs"]


def alert(incident: str, resolved: bool = False) -> AlertRaised:
    return AlertRaised(
        dataset="events", incident=incident, severity="info" if resolved else "critical", title=f"{incident} differs",
        detail="3 rows", raised_by="reconciler", resolved=resolved,
    )  # fmt: skip


def start(bootstrap: str, port: int) -> subprocess.Popen[bytes]:
    known = {"TIDEMARK_KAFKA_BOOTSTRAP": bootstrap, "TIDEMARK_ALERT_URLS": f"json://127.0.0.1:{port}/hook"}
    return subprocess.Popen([sys.executable, "-m", "notifier"], env={**os.environ, **known})


def end(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.wait()
