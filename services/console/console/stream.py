"""The Faust application: every topic in, through fold(), into the State over one table.

Its memory is RocksDB in `console_data` and the table's changelog topic. Either may go: without the folder Faust brings
the table back from the changelog, without the changelog everything is read again from the topics (kafka_reading.py).
Offsets are committed after the changelog has what was folded up to them, so a crash folds some records again, which
changes nothing. An error in fold() ends the process: the record is not passed over.
"""

from pathlib import Path
from typing import Any

import faust
from faust.types import AgentT, StreamT

from console.broker import ChangelogTable, Transport, addresses, credentials, lanes_of, to_headers
from console.feed import Feed
from console.fold import fold
from console.settings import ConsoleSettings
from console.state import State
from console.table import load, state_over
from tidemark.kafka import topics
from tidemark.records import Record
from tidemark.tables import registry

# Another shape of what is kept is another number: everything is read again under the new name.
GROUP = "tidemark-console-1"
CHANGELOG = f"{GROUP}-kept-changelog"
MEGABYTE = 1024 * 1024
ROCKSDB = {
    "write_buffer_size": 2 * MEGABYTE,
    "max_write_buffer_number": 2,
    "block_cache_size": 4 * MEGABYTE,
    "block_cache_compressed_size": 0,
    "max_open_files": 64,
}


class Console:
    """The application, the State that it fills, and how far it has come."""

    def __init__(self, settings: ConsoleSettings, feed: Feed) -> None:
        self.feed = feed
        self.app = _app(settings)
        self.table = self.app.Table(
            "kept", key_type=bytes, value_type=bytes, partitions=len(registry().datasets), options=dict(ROCKSDB)
        )
        self.state: State = state_over(self.table)
        self.recovered = False
        self._folded: dict[tuple[str, int], int] = {}
        self.table.on_recover(self._on_recover)
        every = self.app.topic(*sorted(topics()), key_type=bytes, value_type=bytes)
        self.app.agent(every, name="fold")(self._read)

    async def _on_recover(self) -> None:
        load(self.state, self.table)
        self.recovered = True

    async def _read(self, stream: StreamT[bytes]) -> None:
        async for event in stream.events():
            message = event.message
            record = Record(
                topic=message.topic,
                partition=message.partition,
                offset=message.offset,
                key=message.key,
                value=message.value,
                headers=to_headers(message.headers),
                timestamp_ms=round((message.timestamp or 0) * 1000),
            )
            for changed in fold(self.state, record):
                self.feed.tell(changed)
            self._folded[message.topic, message.partition] = message.offset

    def behind(self) -> int | None:
        """Records that are still to be folded (ends of transactions count too); None while it is not known."""
        lanes = lanes_of(self.app.consumer) if self.recovered else None
        if lanes is None:
            return None
        waiting = 0
        for (topic, partition), lane in lanes.items():
            if topic != CHANGELOG:
                folded = self._folded.get((topic, partition), -1)
                waiting += max(0, lane.end - lane.fetched) + max(0, lane.newest - folded)
        return waiting


def folder(settings: ConsoleSettings) -> Path:
    """The folder that is the console's alone, to be deleted at any time."""
    return settings.console_data / GROUP


class _App(faust.App):
    async def _on_agent_error(self, agent: AgentT[Any], exc: BaseException) -> None:
        """Faust would pass over the record and go on."""
        await self.crash(exc)


def _app(settings: ConsoleSettings) -> faust.App:
    app = _App(
        GROUP,
        broker=addresses(settings),
        broker_credentials=credentials(settings),
        datadir=str(folder(settings)),
        store="rocksdb://",
        topic_partitions=len(registry().datasets),
        topic_disable_leader=True,
        web_enabled=False,
        Table=ChangelogTable,
        consumer_auto_offset_reset="earliest",
        consumer_group_instance_id=GROUP,
        broker_session_timeout=10.0,
        broker_heartbeat_interval=1.0,
        broker_commit_interval=1.0,
        stream_ack_exceptions=False,
        stream_buffer_maxsize=1000,
        broker_max_poll_records=500,
        consumer_max_fetch_size=256 * 1024,  # of each partition; a larger record comes alone
        producer_linger=0.02,
        table_key_index_size=1000,
        stream_wait_empty=False,
        key_serializer="raw",
        value_serializer="raw",
    )
    app.transport = Transport(app.conf.broker_consumer, app)
    return app
