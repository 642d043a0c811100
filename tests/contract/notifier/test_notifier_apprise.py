"""Apprise against receivers on this machine: a webhook and a mail server take what is sent, and refuse."""

import json
from collections.abc import Iterator
from email import message_from_bytes
from email.message import Message as Mail
from email.policy import default
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from apprise.plugins.slack import NotifySlack
from unused_ports import unused_port
from webhook import Webhook, listening

from notifier.apprise_sinks import sinks
from notifier.ports import Message
from tidemark.errors import Retryable, SettingsError

pytestmark = pytest.mark.lab
HOSTILE = "<!channel> <script>alert(1)</script> né☃ & \\n '\""
SLACK = "slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ/#alerts"
TOLD = Message("[critical] transactions differ", f"{HOSTILE}\nincident i", "failure")


@pytest.fixture
def webhook() -> Iterator[Webhook]:
    with listening() as server:
        yield server


class Mailbox:
    """Keeps the mail."""

    def __init__(self) -> None:
        self.mails: list[Mail] = []

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
        self.mails.append(message_from_bytes(envelope.content, policy=default))
        return "250 OK"


def test_a_webhook_gets_title_text_and_kind(webhook: Webhook) -> None:
    """As they are: JSON needs no markup."""
    (sink,) = sinks(f"json://127.0.0.1:{webhook.server_port}/hook")
    sink.send(TOLD)
    (posted,) = webhook.posted
    assert (posted["title"], posted["message"], posted["type"]) == (TOLD.title, TOLD.body, "failure")


def test_a_webhook_that_refuses_or_is_away_is_an_outage(webhook: Webhook) -> None:
    """Retryable, which names the sink and not its address."""
    (sink,) = sinks(f"json://user:secret@127.0.0.1:{webhook.server_port}/hook")
    webhook.status = 503
    with pytest.raises(Retryable) as refused:
        sink.send(TOLD)
    assert str(refused.value) == "1 (json) did not take the message"
    (nowhere,) = sinks(f"json://127.0.0.1:{unused_port()}/hook")
    with pytest.raises(Retryable):
        nowhere.send(TOLD)


def test_a_mail_is_plain_text() -> None:
    """To whom the URL says; without markup there is nothing to escape from."""
    box, port = Mailbox(), unused_port()
    server = Controller(box, hostname="127.0.0.1", port=port)
    server.start()
    try:
        (sink,) = sinks(f"mailto://127.0.0.1:{port}?from=tidemark@example.org&to=oncall@example.org&mode=insecure")
        sink.send(TOLD)
    finally:
        server.stop()
    (mail,) = box.mails
    assert (mail["Subject"], "oncall@example.org" in mail["To"]) == (TOLD.title, True)
    texts = {part.get_content_type(): part.get_content() for part in mail.walk() if not part.is_multipart()}  # type: ignore[attr-defined]
    assert list(texts) == ["text/plain"]
    assert HOSTILE in texts["text/plain"]


def test_slack_gets_what_came_from_outside_as_text(webhook: Webhook, monkeypatch: pytest.MonkeyPatch) -> None:
    """Slack's own address is changed for the receiver's; nothing of an alert can mention a channel or draw markup."""
    monkeypatch.setattr(NotifySlack, "webhook_url", f"http://127.0.0.1:{webhook.server_port}/services")
    (sink,) = sinks(SLACK)
    sink.send(TOLD)
    said = json.dumps(webhook.posted)
    assert "&lt;!channel&gt; &lt;script&gt;" in said
    assert "<!channel>" not in said


def test_addresses_are_checked_at_the_start_and_never_shown() -> None:
    """Webhook, Slack and e-mail are known; a wrong one is named by its place."""
    known = (
        "json://h/x slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ/#alerts mailtos://u:p@example.org?to=a@b.org"
    )
    assert [sink.name for sink in sinks(known)] == ["1 (json)", "2 (slack)", "3 (mailtos)"]
    with pytest.raises(SettingsError, match="number 2 is no address") as refused:
        sinks("json://h/x nonsense://secret")
    assert "secret" not in str(refused.value)
