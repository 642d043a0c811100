"""A dead letter goes back exactly as it lay, and what became of it is an event."""

from tidemark.codec import encode
from tidemark.desk import dead_letter, replayed, settled
from tidemark.errors import DecodeError
from tidemark.events import DEAD_LETTERS, DeadLetterSettled, RunRequested
from tidemark.records import Message, Record

ASKED = encode(
    RunRequested(dataset="events", request_id="1", kind="process", requested_by="x"),
    headers=[("traceparent", b"00-a-b-01")],
)
ORIGINAL = Record(ASKED.topic, ASKED.partition, 7, ASKED.key, ASKED.value, ASKED.headers, 1000)


def as_letter(original: Record) -> Record:
    made = dead_letter("ingest-watcher", original, DecodeError("no"), 2000)
    return Record(DEAD_LETTERS, made.partition, 3, made.key, made.value, made.headers, 2000)


def test_the_original_comes_back_whole() -> None:
    """Topic, partition, key, value and headers, the trace among them; nothing of the dead letter stays on it."""
    assert replayed(as_letter(ORIGINAL)) == ASKED


def test_a_mended_body_takes_the_old_ones_place() -> None:
    """Also an empty one; everything else is the original's."""
    for body in (b"{}", b""):
        expected = Message(ASKED.topic, ASKED.partition, ASKED.key, body, ASKED.headers)
        assert replayed(as_letter(ORIGINAL), body) == expected


def test_what_became_of_a_letter_names_it_by_its_place() -> None:
    """In the letter's own dataset; replayed twice it is one event."""
    expected = DeadLetterSettled(
        dataset="events", place=f"{DEAD_LETTERS}/1/3", outcome="replayed", by="a", mended=True, reason="r"
    )
    assert settled(as_letter(ORIGINAL), "replayed", "a", mended=True, reason="r") == expected
    assert expected.event_id == f"{DEAD_LETTERS}/1/3/replayed"
