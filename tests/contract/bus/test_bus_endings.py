"""How events end: the contract of the in-process bus and of the runner on a real broker.

It is long because it is one suite, which both buses pass whole.
"""

from collections.abc import Callable, Sequence

import msgspec
import pytest

from tidemark.codec import encode
from tidemark.endings import UNDECODABLE_CEILING, TooManyUndecodableError
from tidemark.errors import CheckFailed, Retryable, Superseded
from tidemark.events import (
    DEAD_LETTERS,
    AlertRaised,
    Event,
    LakeCurated,
    RawLoaded,
    RunFailed,
    RunRequested,
    SnapshotCommitted,
)
from tidemark.records import Message
from tidemark.stage import Stage


def curated(seq: int, dataset: str = "ecommerce", generation: int = 1) -> LakeCurated:
    """An event to be handled."""
    return LakeCurated(
        dataset=dataset,
        run_id=f"{dataset}-run-{seq}",
        run_seq=seq,
        kind="process",
        generation=generation,
        decision=seq,
        tables=[],
        committed_at_ms=0,
        seconds=0.0,
    )


def loaded(event: LakeCurated) -> RawLoaded:
    """What the handler answers."""
    return RawLoaded(
        dataset=event.dataset,
        run_id=event.run_id,
        run_seq=event.run_seq,
        kind=event.kind,
        generation=event.generation,
        tables=[],
        max_ts_ms=None,
        committed_at_ms=0,
        seconds=0.0,
    )


def resume(dataset: str = "ecommerce", request_id: str = "r1") -> RunRequested:
    """A person asks to go on."""
    return RunRequested(dataset=dataset, request_id=request_id, kind="resume", requested_by="ada")


class Handler:
    """Answers, or raises what is set for a run_seq; remembers what it was given."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, int]] = []
        self.raises: dict[tuple[str, int], Exception] = {}

    def __call__(self, event: LakeCurated) -> Sequence[Event]:
        self.seen.append((event.dataset, event.run_seq))
        error = self.raises.get((event.dataset, event.run_seq))
        if error is not None:
            raise error
        return [loaded(event)]

    def of(self, dataset: str = "ecommerce") -> list[int]:
        """The run_seqs it was given of a dataset."""
        return [seq for name, seq in self.seen if name == dataset]


@pytest.fixture
def handler() -> Handler:
    """A handler that has seen nothing."""
    return Handler()


@pytest.fixture
def stage(stage_name: str, handler: Handler) -> Stage:
    """A stage with that handler."""
    return Stage(stage_name, {LakeCurated: handler})


Events = Callable[[type[Event]], list]


@pytest.fixture
def out(harness) -> Events:
    """The events that stand in a topic."""
    from tidemark.codec import decode

    return lambda kind: [decode(record) for record in harness.records(kind.topic)]


def seqs(events: list) -> list[int]:
    """The events' run_seqs."""
    return [event.run_seq for event in events]


def test_a_handled_event_is_answered_once(harness, stage, handler, out) -> None:
    """Outgoing event and offset go together: a restart handles nothing again."""
    harness.begin(stage)
    harness.publish(curated(1))
    harness.publish(curated(2))
    harness.settle()
    harness.begin(stage)
    harness.settle()
    assert (handler.of(), out(RawLoaded)) == ([1, 2], [loaded(curated(1)), loaded(curated(2))])


def test_an_invalid_event_halts_its_dataset_and_no_other(harness, stage, handler, out) -> None:
    """Dead letter, run.failed and alert come out; later events of the dataset are not handled, others are."""
    handler.raises["ecommerce", 2] = CheckFailed("double keys")
    harness.begin(stage)
    for event in (curated(1), curated(2), curated(3), curated(1, "events")):
        harness.publish(event)
    harness.settle()
    harness.publish(curated(4))
    harness.publish(curated(2, "events"))
    harness.settle()
    assert (handler.of(), handler.of("events")) == ([1, 2], [1, 2])
    assert [(f.run_seq, f.failed_stage, f.error, f.message) for f in out(RunFailed)] == [
        (2, stage.name, "CheckFailed", "double keys")
    ]
    assert [(a.severity, a.run_id, a.resolved) for a in out(AlertRaised)] == [("critical", "ecommerce-run-2", False)]
    state = harness.parking().of("ecommerce")
    assert (state.halted, [p.run_id for p in state.parked]) == (True, [f"ecommerce-run-{n}" for n in (2, 3, 4)])


def test_a_dead_letter_is_the_original_with_its_reason(harness, stage, handler) -> None:
    """Bytes and headers are as they came; who refused it, and why, stands in further headers."""
    handler.raises["ecommerce", 1] = CheckFailed("naïve reason")
    message = encode(curated(1))
    harness.begin(stage)
    harness.send(message)
    harness.settle()
    (dead,) = harness.records(DEAD_LETTERS)
    added = dict(dead.headers[len(message.headers) :])
    assert (dead.key, dead.value, dead.headers[: len(message.headers)]) == (message.key, message.value, message.headers)
    assert added.pop("tidemark-at")
    assert added == {
        "tidemark-stage": stage.name.encode(),
        "tidemark-place": b"tidemark.lake.curated/0/" + added["tidemark-place"].rpartition(b"/")[2],
        "tidemark-error": b"CheckFailed",
        "tidemark-reason": "naïve reason".encode(),
    }


def test_resume_brings_the_parked_events_back_in_order(harness, stage, handler, out) -> None:
    """After a restart too: the failed event first, then the parked ones, then new input; the alert is resolved."""
    handler.raises["ecommerce", 1] = CheckFailed("x")
    harness.begin(stage)
    for seq in (1, 2, 3):
        harness.publish(curated(seq))
    harness.settle()
    harness.begin(stage)
    handler.raises.clear()
    harness.publish(curated(4))
    harness.settle()
    harness.publish(resume())
    harness.publish(curated(5))
    harness.settle()
    assert handler.of() == [1, 1, 2, 3, 4, 5]
    assert seqs(out(RawLoaded)) == [1, 2, 3, 4, 5]
    assert [a.resolved for a in out(AlertRaised)] == [False, True]
    state = harness.parking().of("ecommerce")
    assert (state.halted, state.parked, state.alerts) == (False, (), frozenset())


def test_what_fails_again_halts_again(harness, stage, handler, out) -> None:
    """A resume that does not help leaves everything parked in its order; the next one goes on."""
    handler.raises["ecommerce", 1] = CheckFailed("x")
    harness.begin(stage)
    for seq in (1, 2):
        harness.publish(curated(seq))
    harness.settle()
    harness.publish(resume())
    harness.settle()
    state = harness.parking().of("ecommerce")
    assert (state.halted, [p.run_id for p in state.parked]) == (True, ["ecommerce-run-1", "ecommerce-run-2"])
    handler.raises.clear()
    harness.begin(stage)
    harness.publish(resume(request_id="r2"))
    harness.settle()
    assert (handler.of(), seqs(out(RawLoaded)), len(out(RunFailed))) == ([1, 1, 1, 2], [1, 2], 2)


def test_a_release_that_was_under_way_goes_on_after_a_restart(harness, stage, handler, out) -> None:
    """Resumed, one released, then a crash: the next process releases the rest, without being asked again."""
    handler.raises["ecommerce", 1] = CheckFailed("x")
    harness.begin(stage)
    for seq in (1, 2, 3):
        harness.publish(curated(seq))
    harness.settle()
    handler.raises = {("ecommerce", 2): ZeroDivisionError("bug")}
    harness.publish(resume())
    with pytest.raises(ZeroDivisionError):
        harness.settle()
    handler.raises.clear()
    harness.begin(stage)
    harness.settle()
    assert (handler.of(), seqs(out(RawLoaded))) == ([1, 1, 2, 2, 3], [1, 2, 3])


def test_a_newer_generation_passes_the_halt(harness, stage, handler, out) -> None:
    """A rebuild or rollback is handled while its dataset is halted, and supersedes what is parked."""
    handler.raises["ecommerce", 1] = CheckFailed("x")
    harness.begin(stage)
    for event in (curated(1), curated(2), curated(3, generation=2), curated(4, generation=2)):
        harness.publish(event)
    harness.settle()
    state = harness.parking().of("ecommerce")
    assert (handler.of(), seqs(out(RawLoaded))) == ([1, 3, 4], [3, 4])
    assert (state.halted, state.parked, state.alerts) == (False, (), frozenset())
    assert [a.resolved for a in out(AlertRaised)] == [False, True]


def test_a_newer_generation_that_fails_is_parked_in_their_place(harness, stage, handler, out) -> None:
    """What it overtook stays superseded; an event of the older generation is acknowledged, not parked."""
    handler.raises = {("ecommerce", 1): CheckFailed("x"), ("ecommerce", 3): CheckFailed("y")}
    harness.begin(stage)
    for event in (curated(1), curated(2), curated(3, generation=2), curated(4, generation=1)):
        harness.publish(event)
    harness.settle()
    state = harness.parking().of("ecommerce")
    assert (state.halted, [p.run_id for p in state.parked]) == (True, ["ecommerce-run-3"])
    handler.raises.clear()
    harness.publish(resume())
    harness.settle()
    assert (handler.of(), seqs(out(RawLoaded))) == ([1, 3, 3], [3])


def test_a_superseded_event_is_acknowledged(harness, stage, handler, out) -> None:
    """Nothing comes out and it does not come back."""
    handler.raises["ecommerce", 1] = Superseded("older generation")
    harness.begin(stage)
    harness.publish(curated(1))
    harness.publish(curated(2))
    harness.settle()
    harness.begin(stage)
    harness.settle()
    assert (handler.of(), seqs(out(RawLoaded)), harness.records(DEAD_LETTERS)) == ([1, 2], [2], [])


def test_an_outage_is_tried_again_and_told_once(harness, stage, handler, out) -> None:
    """One alert after a few tries, a notice when it is over; the other dataset goes on meanwhile."""
    handler.raises["ecommerce", 1] = Retryable("the warehouse is away")
    harness.begin(stage)
    harness.publish(curated(1))
    harness.publish(curated(2))
    harness.settle(waits=8)
    harness.publish(curated(1, "events"))
    harness.settle()
    assert len(handler.of()) >= 8
    assert set(handler.of()) == {1}
    assert [(a.severity, a.resolved, a.run_id) for a in out(AlertRaised)] == [("warning", False, "ecommerce-run-1")]
    assert [e.dataset for e in out(RawLoaded)] == ["events"]
    handler.raises.clear()
    harness.settle(waits=2)
    assert [a.resolved for a in out(AlertRaised)] == [False, True]
    assert [(e.dataset, e.run_seq) for e in out(RawLoaded) if e.dataset == "ecommerce"] == [
        ("ecommerce", 1),
        ("ecommerce", 2),
    ]


def test_an_outage_outlasts_a_restart(harness, stage, handler, out) -> None:
    """A new process knows that the alert was raised, tries again, and gives the notice when it is over."""
    handler.raises["ecommerce", 1] = Retryable("away")
    harness.begin(stage)
    harness.publish(curated(1))
    harness.settle(waits=5)
    harness.begin(stage)
    harness.settle(waits=5)
    handler.raises.clear()
    harness.settle(waits=2)
    assert ([a.resolved for a in out(AlertRaised)], seqs(out(RawLoaded))) == ([False, True], [1])


def test_a_crash_leaves_the_event_for_the_next_process(harness, stage, handler, out) -> None:
    """What no handler maps passes through; nothing is committed."""
    handler.raises["ecommerce", 1] = KeyError("bug")
    harness.begin(stage)
    harness.publish(curated(1))
    with pytest.raises(KeyError):
        harness.settle()
    handler.raises.clear()
    harness.begin(stage)
    harness.settle()
    assert (handler.of(), seqs(out(RawLoaded))) == ([1, 1], [1])


def junk(partition: int = 0) -> Message:
    """A record that is no event."""
    return Message(LakeCurated.topic, partition, b"ecommerce", b"{", encode(curated(0)).headers)


def test_what_does_not_decode_goes_to_the_dead_letters(harness, stage, handler, out) -> None:
    """The consumer goes on, the dataset is not halted, and somebody is told."""
    harness.begin(stage)
    harness.send(junk())
    harness.publish(curated(1))
    harness.settle()
    (dead,) = harness.records(DEAD_LETTERS)
    assert (dead.value, dict(dead.headers)["tidemark-error"]) == (b"{", b"DecodeError")
    assert (seqs(out(RawLoaded)), len(out(AlertRaised)), out(RunFailed)) == ([1], 1, [])


def test_too_many_in_a_row_stop_the_process(harness, stage, handler) -> None:
    """A bad deploy does not drain the topic into the dead letters, however often it is started again."""
    harness.begin(stage)
    for _ in range(UNDECODABLE_CEILING + 5):
        harness.send(junk())
    for _ in range(3):
        with pytest.raises(TooManyUndecodableError):
            harness.settle()
        harness.begin(stage)
    assert len(harness.records(DEAD_LETTERS)) == UNDECODABLE_CEILING - 1


def test_a_good_record_ends_the_row(harness, stage, handler, out) -> None:
    """Bad records here and there never add up."""
    harness.begin(stage)
    for seq in range(1, 4):
        for _ in range(UNDECODABLE_CEILING // 2):
            harness.send(junk())
        harness.publish(curated(seq))
    harness.settle()
    assert seqs(out(RawLoaded)) == [1, 2, 3]


def test_a_stage_that_does_not_park_goes_on(harness, handler, stage_name, out) -> None:
    """Its invalid events are told of and acknowledged."""
    harness.begin(Stage(stage_name, {LakeCurated: handler}, parks=False))
    handler.raises["ecommerce", 1] = CheckFailed("x")
    harness.publish(curated(1))
    harness.publish(curated(2))
    harness.settle()
    assert (seqs(out(RawLoaded)), seqs(out(RunFailed)), len(harness.records(DEAD_LETTERS))) == ([2], [1], 1)


def test_resume_without_a_halt_changes_nothing(harness, stage, handler) -> None:
    """It is acknowledged; nothing is set aside."""
    harness.begin(stage)
    harness.publish(resume())
    harness.settle()
    assert harness.parking().datasets == {}


def test_a_tick_sends_its_events(harness, stage_name, out) -> None:
    """A tick's events go out in a transaction; ticks and events take turns."""
    waiting = [curated(1), curated(2, "events")]
    harness.begin(Stage(stage_name, {}, tick=lambda: [waiting.pop(0)] if waiting else []))
    for _ in range(2):
        harness.settle()
        harness.clock_on(1.0)
    harness.settle()
    assert {(e.dataset, e.run_seq) for e in out(LakeCurated)} == {("ecommerce", 1), ("events", 2)}


def test_a_failing_tick_is_told_once(harness, stage_name, out) -> None:
    """An alert after a few tries, a notice when it works again."""
    state = {"away": True}

    def tick() -> Sequence[Event]:
        if state["away"]:
            raise Retryable("no catalog")
        return []

    harness.begin(Stage(stage_name, {}, tick=tick))
    for _ in range(8):
        harness.settle()
        harness.clock_on(60.0)
    state["away"] = False
    for _ in range(2):
        harness.settle()
        harness.clock_on(60.0)
    assert [a.resolved for a in out(AlertRaised)] == [False, True]


def test_a_large_event_can_be_parked(harness, stage, handler) -> None:
    """Nearly as large as an event may be, it still fits among the dead letters and the parked records."""
    handler.raises["ecommerce", 1] = CheckFailed("x")
    large = msgspec.structs.replace(curated(1), spark={"log": "é" * 480_000})
    harness.begin(stage)
    harness.publish(large)
    harness.settle()
    assert harness.parking().of("ecommerce").halted
    assert len(harness.records(DEAD_LETTERS)) == 1


def test_a_snapshot_event_is_nobodys_here(harness, stage, handler) -> None:
    """Topics without a handler are not read."""
    harness.begin(stage)
    harness.publish(
        SnapshotCommitted(
            dataset="events", run_id="r", run_seq=1, kind="process", generation=0, tables=[], committed_at_ms=0
        )
    )
    harness.settle()
    assert handler.seen == []
