"""Events travel as CloudEvents in binary mode; what does not parse says why."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidemark.codec import decode, encode
from tidemark.errors import DecodeError
from tidemark.events import (
    EVENTS,
    AlertRaised,
    AlertSent,
    BuiltModel,
    CuratedTable,
    DeadLetterSettled,
    Event,
    LakeCurated,
    LayersReconciled,
    LoadedTable,
    MartsBuilt,
    RawLoaded,
    ReconciledPair,
    RunFailed,
    RunRequested,
    Selection,
    SnapshotCommitted,
    TableCut,
    WatcherState,
)
from tidemark.records import Message, Record

HOSTILE = '\'; DROP TABLE "x";--\n\t\x00 ü 𝔘 \u202e 表 \\ %s {0}'
RUN = {"dataset": "ecommerce", "run_id": HOSTILE, "run_seq": 2**53 + 1, "kind": "process", "generation": 3}
ASKED = RunRequested(
    dataset="events",
    request_id=HOSTILE,
    kind="drop",
    requested_by=HOSTILE,
    selection=Selection(table=HOSTILE, keys=[HOSTILE], rule=HOSTILE),
    reason=HOSTILE,
)
CUT = SnapshotCommitted(
    **RUN,
    tables=[TableCut(table="users", from_snapshot=None, to_snapshot=2**62, schema_changes=[HOSTILE])],
    committed_at_ms=1,
    asked=ASKED,
)
SAMPLES: list[Event] = [
    ASKED,
    CUT,
    LakeCurated(
        **RUN,
        decision=7,
        tables=[
            CuratedTable(
                table="users",
                read=1,
                released=2,
                accepted=3,
                repeated=0,
                held=0,
                quarantined=0,
                flagged=1,
                changes_snapshot=2**62,
                current_snapshot=None,
                max_ts_ms=5,
            )
        ],
        committed_at_ms=1,
        seconds=1.5,
        spark={"stages": [{"name": HOSTILE, "spill": 0}]},
    ),
    RawLoaded(
        **RUN,
        tables=[LoadedTable(table="users", rows=1, files=1, bytes=1, seconds=0.5)],
        max_ts_ms=None,
        committed_at_ms=1,
        seconds=0.1,
    ),
    MartsBuilt(
        **RUN,
        from_seq=0,
        to_seq=1,
        as_of_ms=1,
        models=[BuiltModel(name=HOSTILE, status="ok", rows=1, seconds=0.1)],
        tests=3,
        committed_at_ms=1,
        seconds=0.1,
    ),
    LayersReconciled(
        **RUN,
        status="DIVERGED",
        pairs=[
            ReconciledPair(
                pair="x",
                status="DIVERGED",
                cutoff_ms=None,
                rows=1,
                pending=0,
                suspect=0,
                confirmed=1,
                resolved=0,
                seconds=0.1,
                detail=HOSTILE,
            )
        ],
        committed_at_ms=1,
        seconds=0.1,
    ),
    RunFailed(**RUN, failed_stage="loader", error="CheckFailed", message=HOSTILE),
    AlertRaised(
        dataset="ecommerce", incident=HOSTILE, severity="critical", title=HOSTILE, detail=HOSTILE, raised_by="loader"
    ),
    AlertSent(dataset="ecommerce", alert_id=HOSTILE, incident=HOSTILE, resolved=True, sinks=[HOSTILE]),
    DeadLetterSettled(dataset="events", place=HOSTILE, outcome="dropped", by=HOSTILE, reason=HOSTILE),
    WatcherState(dataset="events", halted=HOSTILE, last=CUT),
]


def as_record(message: Message) -> Record:
    """The message as it would be read."""
    return Record(message.topic, message.partition, 0, message.key, message.value, message.headers)


def headers(message: Message) -> dict[str, str]:
    """The headers as text."""
    return {name: (value or b"").decode() for name, value in message.headers}


@pytest.mark.parametrize("event", SAMPLES, ids=lambda e: type(e).__name__)
def test_an_event_comes_back_as_it_went(event: Event) -> None:
    """Every event survives the way over Kafka, hostile text, large numbers and all."""
    assert decode(as_record(encode(event))) == event


def test_the_samples_cover_every_event() -> None:
    """No event is left out of the round trip."""
    assert {type(event) for event in SAMPLES} == set(EVENTS)


def test_the_headers_are_a_cloud_event() -> None:
    """Attributes stand in ce_ headers, the dataset is the key, and the trace's headers are added."""
    message = encode(SAMPLES[6], source="loader", headers=[("traceparent", b"00-1-2-01")])
    found = headers(message)
    assert found.pop("ce_time")
    assert found == {
        "ce_specversion": "1.0",
        "ce_id": SAMPLES[6].event_id,
        "ce_type": "tidemark.run.failed",
        "ce_source": "loader",
        "ce_subject": HOSTILE,
        "content-type": "application/json",
        "traceparent": "00-1-2-01",
    }
    assert (message.key, message.partition) == (b"ecommerce", 0)


@given(text=st.text(st.characters(exclude_categories=["Cs"]), min_size=1))
def test_any_text_survives(text: str) -> None:
    """Whatever people or databases write into a message comes back unchanged."""
    event = RunFailed(
        dataset="events",
        run_id=text,
        run_seq=1,
        kind="process",
        generation=0,
        failed_stage=text,
        error="x",
        message=text,
    )
    assert decode(as_record(encode(event))) == event


GOOD = as_record(encode(SAMPLES[0]))


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        (Record("elsewhere", 0, 0, None, b"{}", GOOD.headers), "no event belongs"),
        (Record(GOOD.topic, 0, 0, None, None, GOOD.headers), "no value"),
        (Record(GOOD.topic, 0, 0, None, GOOD.value, ()), "no CloudEvent"),
        (Record(GOOD.topic, 0, 0, None, GOOD.value, (("ce_id", b"\xff\xfe"),)), "no CloudEvent"),
        (Record(GOOD.topic, 0, 0, None, GOOD.value, (*GOOD.headers, ("ce_type", b"other"))), "ce_type 'other'"),
        (Record(GOOD.topic, 0, 0, None, GOOD.value, (*GOOD.headers, ("ce_specversion", b"0.3"))), "0.3|no CloudEvent"),
        (Record(GOOD.topic, 0, 0, None, b"{not json", GOOD.headers), "the body is no RunRequested"),
        (Record(GOOD.topic, 0, 0, None, b"\xff\xfe", GOOD.headers), "the body is no RunRequested"),
        (Record(GOOD.topic, 0, 0, None, b'{"dataset": 7}', GOOD.headers), "the body is no RunRequested"),
        (
            Record(
                GOOD.topic,
                0,
                0,
                None,
                b'{"dataset": "x", "request_id": "1", "kind": "resume", "requested_by": "me"}',
                GOOD.headers,
            ),
            "no dataset 'x'",
        ),
    ],
)
def test_what_is_no_event_of_ours_says_why(record: Record, reason: str) -> None:
    """A record that does not decode raises DecodeError with the reason, whatever is wrong with it."""
    with pytest.raises(DecodeError, match=reason):
        decode(record)
