"""The lab's broker: the real one, small; topics and messages outlive a kill -9."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from confluent_kafka import Consumer, Producer
from confluent_kafka.admin import AdminClient

from tidemark.kafka import ensure_topics, topics
from tidemark_lab import lab
from tidemark_lab.home import Home, processes_of

pytestmark = pytest.mark.lab


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    where = tmp_path_factory.mktemp("broker") / "lab"
    lab.up(where, only=["broker", "traces"])
    yield where
    lab.down(where)


def test_committed_messages_outlive_the_broker(home: Path) -> None:
    """A transaction's message is there after the broker was killed and has come back.

    It is killed at once: the commit stands in the coordinator's log, its marker in the topic may not stand yet, and
    the broker that comes back has to write it (docs/adr/0010).
    """
    bootstrap = lab.environment(home)["TIDEMARK_KAFKA_BOOTSTRAP"]
    ensure_topics(bootstrap)
    topic = sorted(topics())[0]
    producer = Producer({"bootstrap.servers": bootstrap, "transactional.id": "test"})
    producer.init_transactions(30)
    producer.begin_transaction()
    producer.produce(topic, b"value", b"key")
    producer.commit_transaction(30)
    lab.kill("broker", home)
    lab.up(home, only=["broker", "traces"])
    assert set(topics()) <= set(AdminClient({"bootstrap.servers": bootstrap}).list_topics(timeout=30).topics)
    consumer = Consumer(
        {
            "bootstrap.servers": bootstrap,
            "group.id": "test",
            "auto.offset.reset": "earliest",
            "isolation.level": "read_committed",
        }
    )
    consumer.subscribe([topic])
    message = next(filter(None, (consumer.poll(10) for _ in range(9))), None)
    consumer.close()
    assert message is not None
    assert (message.key(), message.value()) == (b"key", b"value")


def test_up_twice_changes_nothing(home: Path) -> None:
    """The same processes serve on the same ports."""
    before = [(said.name, said.pid, said.port) for said in lab.status(home)]
    lab.up(home, only=["broker", "traces"])
    assert [(said.name, said.pid, said.port) for said in lab.status(home)] == before


def test_down_and_up_keeps_ports(home: Path) -> None:
    """Clients that were configured once go on."""
    before = lab.environment(home)
    lab.down(home)
    assert [said.state for said in lab.status(home)] == ["stopped", "stopped"]
    assert lab.up(home, only=["broker", "traces"]) == before


def test_up_again_after_everything_was_killed(home: Path) -> None:
    """kill -9 of the keeper and of all components: `up` goes on with the data."""
    for process in processes_of(Home.at(home)):
        process.kill()
    ensure_topics(lab.up(home, only=["broker", "traces"])["TIDEMARK_KAFKA_BOOTSTRAP"])


def test_up_with_more_starts_the_rest(home: Path) -> None:
    """A lab that was up with a part is up with all that is wanted, and data stay."""
    lab.up(home, only=["store"])
    assert [(said.name, said.state) for said in lab.status(home)] == [
        ("broker", "ready"),
        ("store", "ready"),
        ("traces", "ready"),
    ]
