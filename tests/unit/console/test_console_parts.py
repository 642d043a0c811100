"""The small parts: the mappings over a table, the feed, the filter of log lines, the way to the broker."""

import asyncio
import logging
from pathlib import Path
from types import SimpleNamespace

import pytest
from aiokafka import TopicPartition
from aiokafka.consumer.subscription_state import SubscriptionState
from console_history import in_topics, messages, runs
from faust.transport.drivers.aiokafka import AIOKafkaConsumerThread
from faust.types import TP

from console.broker import _Thread, addresses, credentials, to_headers
from console.feed import MOST_WAITING, Feed
from console.fold import fold
from console.quiet import EVERY_SECONDS, Seldom
from console.records import Changed
from console.settings import ConsoleSettings
from console.state import State
from console.stream import CHANGELOG, Console
from console.table import load, state_over
from console.views import overview
from tidemark.errors import SettingsError
from tidemark.settings import KafkaSettings


def test_a_state_over_a_table_comes_back_from_it() -> None:
    """What was folded is in the table: a new State over it knows the same, and shows the same."""
    table: dict[bytes, bytes] = {}
    plain, over, again = State(), state_over(table), state_over(table)
    for record in in_topics([message for events in runs(6) for message in messages(events)]):
        fold(plain, record)
        fold(over, record)
    assert dict(again.runs) == {}
    load(again, table)
    assert dict(again.runs) == dict(over.runs) == dict(plain.runs)
    assert dict(again.receipts) == dict(plain.receipts)
    assert len(again.receipts) == 30
    assert overview(again, 0) == overview(plain, 0)


def test_what_leaves_a_table_is_forgotten() -> None:
    """A key that is deleted, or gone when the table is read again, is known no more."""
    table: dict[bytes, bytes] = {}
    state = state_over(table)
    for record in in_topics(messages(next(runs(1)))):
        fold(state, record)
    run_id = next(iter(state.runs))
    del state.runs[run_id]
    del state.receipts[f"{run_id}/loader"]
    assert run_id not in state.runs
    assert len(table) == 4
    table.clear()
    load(state, table)
    assert len(state.runs) == 0


def test_every_listener_hears_what_changes() -> None:
    """Two listeners, the same words; one that has gone hears nothing and is waited for by nobody."""

    async def listen() -> None:
        feed = Feed()
        one, two = feed.listen(), feed.listen()
        heard = [asyncio.ensure_future(anext(each)) for each in (one, two)]
        await asyncio.sleep(0)
        feed.tell(changed(1))
        assert await asyncio.gather(*heard) == [changed(1), changed(1)]
        await one.aclose()
        feed.tell(changed(2))
        assert await anext(two) == changed(2)

    asyncio.run(listen())


def test_a_listener_that_does_not_keep_up_reads_everything_again() -> None:
    """More than it can hold: one word, `all`, in their place."""

    async def listen() -> None:
        feed = Feed()
        slow = feed.listen()
        first = asyncio.ensure_future(anext(slow))
        await asyncio.sleep(0)
        for number in range(MOST_WAITING + 2):
            feed.tell(changed(number))
        assert await first == Changed(view="all", dataset="", key="", at_ms=MOST_WAITING)
        assert await anext(slow) == changed(MOST_WAITING + 1)

    asyncio.run(listen())


def test_the_same_line_is_said_once_in_a_while() -> None:
    """Of a client's repeated error one passes in half a minute, and the next says how many were not; ours pass."""
    now = 0.0
    seldom = Seldom(lambda: now)
    theirs = [line("aiokafka", f"Unable to connect to node {number}") for number in range(3)]
    assert [seldom.filter(one) for one in (line("aiokafka", "away %s"), *[line("aiokafka", "away %s")] * 3)] == [
        True,
        False,
        False,
        False,
    ]
    assert seldom.filter(theirs[0])
    assert all(seldom.filter(line("tidemark.console", "said")) for _ in range(3))
    now = EVERY_SECONDS
    last = line("aiokafka", "away %s")
    assert seldom.filter(last)
    assert last.getMessage() == "away node (and 3 like it)"


def test_the_console_signs_in_as_every_service() -> None:
    """Each way that the one group of settings can name, as Faust takes it."""
    assert credentials(KafkaSettings(kafka_bootstrap="a:1")) is None
    assert [str(url) for url in addresses(KafkaSettings(kafka_bootstrap="a:1, b:2"))] == ["kafka://a:1", "kafka://b:2"]
    tls = credentials(KafkaSettings(kafka_bootstrap="a:1", kafka_security_protocol="SSL"))
    assert tls is not None and tls.protocol.value == "SSL"
    sasl = KafkaSettings(
        kafka_bootstrap="a:1",
        kafka_security_protocol="SASL_SSL",
        kafka_sasl_mechanism="SCRAM-SHA-512",
        kafka_sasl_username="anna",
        kafka_sasl_password="hidden",  # type: ignore[arg-type]
    )
    found = credentials(sasl)
    assert found is not None and found.protocol.value == "SASL_SSL"
    assert (found.username, found.password, found.mechanism.value) == ("anna", "hidden", "SCRAM-SHA-512")
    assert found.ssl_context.check_hostname
    assert "hidden" not in repr(found)


@pytest.mark.parametrize("wrong", [{"kafka_security_protocol": "TELNET"}, {"kafka_sasl_mechanism": "GSSAPI"}])
def test_a_way_that_the_client_does_not_know_is_a_setting_to_mend(wrong: dict[str, str]) -> None:
    """It names the variable."""
    settings = KafkaSettings(**{"kafka_bootstrap": "a:1", "kafka_security_protocol": "SASL_SSL"} | wrong)
    with pytest.raises(SettingsError, match="TIDEMARK_KAFKA_"):
        credentials(settings)


def test_headers_come_as_a_list_or_a_mapping() -> None:
    """Both are what a Record holds."""
    assert to_headers([("a", b"1")]) == to_headers({"a": b"1"}) == (("a", b"1"),)
    assert to_headers(None) == ()


def test_the_watch_for_slow_streams_waits_for_a_partition_s_place(monkeypatch: pytest.MonkeyPatch) -> None:
    """While the place is sought there is nothing to be slow; afterwards Faust looks. A lost partition is nobody's."""
    looked_at: list[str] = []
    monkeypatch.setattr(AIOKafkaConsumerThread, "verify_event_path", lambda _, now, tp: looked_at.append(tp.topic))

    async def verify() -> None:
        subscription, here = SubscriptionState(), TopicPartition("runs", 0)
        subscription.assign_from_user({here})
        thread = _Thread.__new__(_Thread)
        monkeypatch.setattr(thread, "_ensure_consumer", lambda: SimpleNamespace(_subscription=subscription))
        for topic in ("runs", "lost"):
            thread.verify_event_path(1.0, TP(topic, 0))
        assert looked_at == []
        subscription.subscription.assignment.state_value(here).reset_to(7)
        for topic in ("runs", "lost"):
            thread.verify_event_path(1.0, TP(topic, 0))

    asyncio.run(verify())
    assert looked_at == ["runs"]


def test_settings_say_nothing_is_needed_but_the_broker(monkeypatch: pytest.MonkeyPatch) -> None:
    """Loopback and a folder of its own by default."""
    settings = ConsoleSettings(kafka_bootstrap="a:1")
    assert (settings.console_host, settings.console_data) == ("127.0.0.1", Path(".tidemark/console"))


def changed(number: int) -> Changed:
    """A word."""
    return Changed(view="runs", dataset="events", key=str(number), at_ms=number)


def line(logger: str, text: str) -> logging.LogRecord:
    """A log line with one value, if it takes one."""
    return logging.LogRecord(logger, logging.ERROR, "f", 1, text, ("node",) if "%s" in text else (), None)


def test_a_seek_fetches_nothing_meanwhile_and_leaves_out_no_partition(tmp_path: Path) -> None:
    """What Faust fetched while it sought the committed places it threw away; without such a place for good."""
    known, new = TP("tidemark.alert.raised", 0), TP("tidemark.dead-letters", 0)

    async def sought() -> tuple[list[bool], list[TP]]:
        settings = ConsoleSettings(kafka_bootstrap="127.0.0.1:1", console_data=tmp_path)
        consumer = Console(settings, Feed()).app.consumer
        flowed, begun = [], []

        async def seek_to_committed() -> dict[TP, int | None]:
            flowed.append(consumer.flow_active)
            return {known: 5, new: None}

        async def seek_to_beginning(*places: TopicPartition) -> None:
            begun.extend(TP(place.topic, place.partition) for place in places)

        consumer.seek_to_committed = seek_to_committed
        consumer.assignment = lambda: {known, new, TP(CHANGELOG, 0)}
        consumer._thread.seek_to_beginning = seek_to_beginning
        consumer.resume_flow()
        await consumer.perform_seek()
        return flowed, begun

    assert asyncio.run(sought()) == ([False], [new])
