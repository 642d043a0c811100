"""What the transport and one-off reading promise where only a real broker can show it."""

import time
from typing import Any

import pytest

from tidemark.errors import Retryable
from tidemark.events import AlertRaised, RunRequested
from tidemark.kafka import publish, read_topic, read_topics
from tidemark.records import Record
from tidemark.settings import RunnerSettings
from tidemark.transport import KafkaTransport

pytestmark = pytest.mark.lab


def poll_until(transport: KafkaTransport, seconds: float = 30.0) -> Record:
    """The next record."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        record = transport.poll(0.2)
        if record is not None:
            return record
    raise AssertionError("no record came")


def test_topics_read_together_are_read_like_one_after_the_other(empty_broker: Any) -> None:
    """Also one that holds nothing; one that is not there is an error, as it is alone."""
    broker, names = empty_broker.bootstrap, [RunRequested.topic, AlertRaised.topic]
    for dataset in ("ecommerce", "events", "ecommerce"):
        publish(broker, RunRequested(dataset=dataset, request_id=dataset, kind="resume", requested_by="me"))
        found = read_topics(broker, names)
        assert {*found} == {record for name in names for record in read_topic(broker, name)}
        assert [record.topic for record in found] == sorted((r.topic for r in found), key=names.index)
    with pytest.raises(Retryable, match="of no one"):
        read_topics(broker, [RunRequested.topic, "of no one"])


def test_a_record_in_hand_comes_again_after_the_group_was_left(empty_broker: Any) -> None:
    """A partition that was paused for work in hand, taken away and given back reads again from what is committed:
    a session that times out while the broker is away must not silence the partition for good."""
    settings = RunnerSettings(kafka_bootstrap=empty_broker.bootstrap)
    publish(settings, RunRequested(dataset="ecommerce", request_id="r", kind="resume", requested_by="me"))
    transport = KafkaTransport(settings, "rebalanced", lambda: None)
    moved: list[Any] = []
    transport.subscribe([RunRequested.topic], moved.append)
    first = poll_until(transport)
    transport._consumer.unsubscribe()  # what a lost session does: revoke, then assign anew
    transport.subscribe([RunRequested.topic], moved.append)
    assert first.place == poll_until(transport).place
    transport.close()


@pytest.mark.timeout(120)
def test_leaving_while_partitions_come_does_not_stand_still(empty_broker: Any, stage_name: str) -> None:
    """A stage that is told to end before it has heard of its partitions leaves, and the next one gets them."""
    settings = RunnerSettings(kafka_bootstrap=empty_broker.bootstrap)
    publish(settings, RunRequested(dataset="ecommerce", request_id=stage_name, kind="resume", requested_by="me"))
    for hundredths in (0, 1, 2, 4, 8, 16, 32) * 2:
        transport = KafkaTransport(settings, stage_name, lambda: None)
        transport.subscribe([RunRequested.topic], lambda _: None)
        transport.poll(hundredths / 100)
        transport.close()
    transport = KafkaTransport(settings, stage_name, lambda: None)
    transport.subscribe([RunRequested.topic], lambda _: None)
    assert poll_until(transport).topic == RunRequested.topic
    transport.close()
