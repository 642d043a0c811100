"""What the end-to-end tests ask of a chain besides its rows: whole traces, dead letters, deletes that were lost."""

import os
from typing import Any

from chain_on_the_lab import Chain
from places import SERVICES
from signals_seen import declared_edges, edges_of

from tidemark import kafka
from tidemark.events import DEAD_LETTERS, LakeCurated
from tidemark.records import Message, Record
from tidemark_cli.runs import Run
from tidemark_lab import lab


def assert_one_trace(chain: Chain, run: Run, *clients: str) -> None:
    """One root, no span without its parent, all five services, and their clients' work below the stages."""
    spans = chain.wait_for(lambda: _whole(chain, run), "spans of all five services", 30)
    ids = {s["span_id"] for s in spans}
    assert [s["name"] for s in spans if s["parent_id"] and s["parent_id"] not in ids] == []
    assert len([s for s in spans if not s["parent_id"]]) == 1
    names = " ".join(s["name"] for s in spans)
    assert declared_edges("chain") | (set() if clients else declared_edges("work")) <= edges_of(spans)
    wanted = clients or ("spark classify", "copy into", "dbt stg_", "publish")
    assert [w for w in wanted if w not in names] == []


def _whole(chain: Chain, run: Run) -> list[dict[str, Any]] | None:
    spans = chain.trace(run.trace_id or "")
    return spans if {s["service"] for s in spans} >= set(SERVICES) else None


def lost_deletes(chain: Chain, table: str) -> set[int]:
    """Live keys that neither the newest full snapshot nor anything after it tells of, counted in plain Python."""
    rows = chain.catalog().load_table(f"ecommerce.{table}").scan().to_arrow().to_pylist()
    newest = max(row["__source_lsn"] for row in rows if row["__op"] == "r" and row["__source_lsn"])
    began = min(row["__ts_ms"] for row in rows if row["__op"] == "r" and row["__source_lsn"] == newest)
    told = {row["id"] for row in rows if row["__source_lsn"] == newest or row["__ts_ms"] >= began}
    state = chain.truth().state(table).to_pylist()
    return {row["id"] for row in state if not row["_deleted"]} - told


def kill_the_broker(chain: Chain) -> None:
    """It comes back by itself, with what was committed."""
    lab.kill("broker", chain.home)
    chain.wait_for(lambda: lab.state("broker", chain.home)["state"] == "ready", "the broker is back", 60)


def send_garbage(chain: Chain, topic: str) -> bytes:
    """Send a record that is no event; what to know it by."""
    marker = os.urandom(8).hex().encode()
    kafka.send(chain.kafka, Message(topic, 0, b"x", b"no event " + marker))
    return marker


def dead_letter_of(chain: Chain, marker: bytes) -> Record | None:
    """The dead letter that holds it, if there is one yet."""
    return next((r for r in chain.records(DEAD_LETTERS) if marker in (r.value or b"")), None)


def wait_until_read(chain: Chain) -> None:
    """Send each topic's last marker through: what was sent before it has been handled."""
    for topic in (LakeCurated.topic, "tidemark.raw.loaded", "tidemark.marts.built"):
        marker = send_garbage(chain, topic)
        chain.wait_for(lambda m=marker: dead_letter_of(chain, m), f"{topic} is read to its end", 300)
