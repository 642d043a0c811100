"""A client that lost the broker for good is told from a broker that is away."""

import pytest
from confluent_kafka import KafkaError, KafkaException

from tidemark.clock import ManualClock
from tidemark.served import LOOK_EVERY_SECONDS, TIMES, BrokersForgottenError, Served


class Client:
    """Answers, or not; counts how often it was asked."""

    def __init__(self, answers: bool = True) -> None:
        self.answers, self.asked = answers, 0

    def list_topics(self, topic: str, timeout: float) -> object:
        self.asked += 1
        if not self.answers:
            raise KafkaException(KafkaError(KafkaError._TRANSPORT))
        return topic


class World:
    """A process with two clients, and what a new client would find."""

    def __init__(self) -> None:
        self.clock, self.producer, self.consumer, self.new = ManualClock(), Client(), Client(), Client()
        self.served = Served([self.producer, self.consumer], lambda: self.new, self.clock.monotonic)

    def look(self, times: int) -> None:
        for _ in range(times):
            self.clock.advance(LOOK_EVERY_SECONDS)
            self.served.look()


def test_a_client_that_alone_is_not_answered_ends_the_process() -> None:
    """Whichever it is, after so many looks in a row."""
    for forgotten in ("producer", "consumer"):
        world = World()
        getattr(world, forgotten).answers = False
        world.look(TIMES - 1)
        with pytest.raises(BrokersForgottenError):
            world.look(1)


def test_a_broker_that_is_away_is_waited_for() -> None:
    """No new client is answered either."""
    world = World()
    world.producer.answers = world.consumer.answers = world.new.answers = False
    world.look(10 * TIMES)
    assert world.new.asked == 10 * TIMES


def test_a_client_that_finds_its_way_back_counts_anew() -> None:
    """A broker that has just come back answers some clients a little later than others."""
    world = World()
    for _ in range(3):
        world.consumer.answers = False
        world.look(TIMES - 1)
        world.consumer.answers = True
        world.look(1)
    assert world.new.asked == 3 * (TIMES - 1)


def test_it_asks_no_more_often_than_needed() -> None:
    """The loop looks at every turn; the broker is asked once in a while, and no new client while all is well."""
    world = World()
    world.look(1)
    for _ in range(100):
        world.served.look()
    assert (world.producer.asked, world.consumer.asked, world.new.asked) == (1, 1, 0)
