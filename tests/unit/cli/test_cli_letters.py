"""`tidemark replay` and `drop`: what they send, and that the audit hears of it."""

import getpass
from typing import Any

import pytest
from typer.testing import CliRunner

from tidemark.codec import encode
from tidemark.desk import dead_letter
from tidemark.errors import DecodeError
from tidemark.events import DEAD_LETTERS, DeadLetterSettled, RunRequested
from tidemark.records import Message, Record
from tidemark_cli import letters
from tidemark_cli.main import app

ASKED = encode(RunRequested(dataset="ecommerce", request_id="1", kind="process", requested_by="x"))


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """One dead letter in Kafka; what is sent there."""
    monkeypatch.setenv("TIDEMARK_KAFKA_BOOTSTRAP", "nowhere:1")
    original = Record(ASKED.topic, 0, 7, ASKED.key, ASKED.value, ASKED.headers, 1000)
    made = dead_letter("ingest-watcher", original, DecodeError("no"), 2000)
    letter = Record(DEAD_LETTERS, 0, 0, made.key, made.value, made.headers, 2000)
    found: list[Any] = []
    monkeypatch.setattr(letters.kafka, "read_topic", lambda settings, topic: [letter])
    monkeypatch.setattr(letters.kafka, "send", lambda settings, message: found.append(message))
    monkeypatch.setattr(letters.kafka, "publish", lambda settings, event: found.append(event))
    return found


def settled(**more: Any) -> DeadLetterSettled:
    return DeadLetterSettled(dataset="ecommerce", place=f"{DEAD_LETTERS}/0/0", by=f"{getpass.getuser()} (cli)", **more)


def test_replay_sends_the_record_then_says_so(sent: list[Any]) -> None:
    """Mended or as it was."""
    assert CliRunner().invoke(app, ["replay", "1"]).exit_code == 0
    assert sent == [ASKED, settled(outcome="replayed")]
    sent.clear()
    assert CliRunner().invoke(app, ["replay", "1", "--body", "{}"]).exit_code == 0
    assert sent == [Message(ASKED.topic, 0, ASKED.key, b"{}", ASKED.headers), settled(outcome="replayed", mended=True)]


def test_drop_sends_nothing_but_who_and_why(sent: list[Any]) -> None:
    """A reason is needed, and a letter of that number."""
    assert CliRunner().invoke(app, ["drop", "1"]).exit_code == 2
    assert CliRunner().invoke(app, ["drop", "2", "--reason", "noise"]).exit_code == 1
    assert sent == []
    assert CliRunner().invoke(app, ["drop", "1", "--reason", "noise"]).exit_code == 0
    assert sent == [settled(outcome="dropped", reason="noise")]
