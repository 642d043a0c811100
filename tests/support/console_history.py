"""A history of runs as records: what the topics hold after many runs, some of which failed, held rows or diverged."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import replace
from hashlib import sha256

from tidemark.codec import encode
from tidemark.desk import dead_letter
from tidemark.errors import TypedStop
from tidemark.events import (
    AlertRaised,
    AlertSent,
    BuiltModel,
    CuratedTable,
    Event,
    LakeCurated,
    LayersReconciled,
    LoadedTable,
    MartsBuilt,
    RawLoaded,
    ReconciledPair,
    ReconciliationStatus,
    RunFailed,
    RunRequested,
    SnapshotCommitted,
    TableCut,
    WatcherState,
)
from tidemark.parking import Entry, to_message
from tidemark.records import Message, Record
from tidemark.tables import registry

START_MS = 1_790_000_000_000
EVERY_MS = 60_000
MODELS = ("stg_orders", "fct_orders", "fct_order_items", "customer_lifetime_value", "product_performance")


def runs(count: int, seed: int = 7) -> Iterator[list[Event]]:
    """The events of `count` runs, both datasets in turn, oldest first; one list a run."""
    chance = random.Random(seed)
    for number in range(count):
        dataset = ("ecommerce", "events")[number % 2]
        yield list(one_run(dataset, number // 2 + 1, chance))


def one_run(dataset: str, seq: int, chance: random.Random, ends: bool = True) -> Iterator[Event]:
    """One run of a dataset, from the cut to the comparison; every tenth was asked for."""
    run = {"dataset": dataset, "run_id": f"{dataset}-process-g0-{seq:012x}", "run_seq": seq, "generation": 0}
    committed_at_ms = START_MS + seq * EVERY_MS
    asked = None
    if seq % 10 == 0:
        asked = RunRequested(dataset=dataset, request_id=f"asked-{dataset}-{seq}", kind="process", requested_by="anna")
        yield asked
    rows = {name: chance.randrange(1, 5000) for name in registry().tables_of(dataset)}
    cut = [TableCut(table=name, from_snapshot=seq, to_snapshot=seq + 1, rows=n) for name, n in rows.items()]
    yield SnapshotCommitted(**run, kind="process", tables=cut, committed_at_ms=committed_at_ms, asked=asked)
    tables = [_curated(name, n, chance) for name, n in rows.items()]
    seconds = chance.uniform(1, 9)
    yield LakeCurated(
        **run, kind="process", decision=seq, tables=tables, committed_at_ms=committed_at_ms, seconds=seconds
    )
    loaded = [LoadedTable(table=t.table, rows=t.accepted, files=1, bytes=t.accepted * 90, seconds=0.4) for t in tables]
    yield RawLoaded(
        **run,
        kind="process",
        tables=loaded,
        max_ts_ms=committed_at_ms,
        committed_at_ms=committed_at_ms,
        seconds=chance.uniform(0.5, 3),
    )
    if not ends:
        return
    models = [BuiltModel(name=name, status="success", rows=chance.randrange(500), seconds=0.3) for name in MODELS]
    yield MartsBuilt(
        **run,
        kind="process",
        from_seq=seq - 1,
        to_seq=seq,
        as_of_ms=committed_at_ms,
        models=models,
        tests=42,
        committed_at_ms=committed_at_ms,
        seconds=chance.uniform(1, 5),
    )
    status: ReconciliationStatus = chance.choice(["CONVERGED"] * 8 + ["CONVERGING", "DIVERGED"])
    pair = ReconciledPair(
        pair=f"{dataset}.pair",
        status=status,
        cutoff_ms=committed_at_ms,
        rows=sum(rows.values()),
        pending=0,
        suspect=0,
        confirmed=int(status == "DIVERGED"),
        resolved=0,
        seconds=0.8,
    )
    yield LayersReconciled(
        **run, kind="process", status=status, pairs=[pair], committed_at_ms=committed_at_ms, seconds=1.1
    )


def _curated(table: str, rows: int, chance: random.Random) -> CuratedTable:
    held, quarantined = rows // 100, chance.randrange(3)
    rules = {"held": {"parent.user_id": held}, "quarantined": dict.fromkeys(("contract.id", "amount")[:quarantined], 1)}
    return CuratedTable(
        table=table,
        read=rows,
        accepted=max(0, rows - held - quarantined),
        held=held,
        quarantined=quarantined,
        rules={kind: found for kind, found in rules.items() if any(found.values())},
    )


def trouble(dataset: str, seq: int) -> list[Event]:
    """A run that fails in the loader, is resumed and done: its alert opens, is told of, and ends."""
    run_id = f"{dataset}-process-g0-{seq:012x}"
    failed = RunFailed(
        dataset=dataset,
        run_id=run_id,
        run_seq=seq,
        kind="process",
        generation=0,
        failed_stage="loader",
        error="CheckFailed",
        message="rows per file differ",
    )
    incident = f"loader/halted/{run_id}/spark-submitter"
    raised = AlertRaised(
        dataset=dataset,
        incident=incident,
        severity="critical",
        title="loader halted",
        detail="rows per file differ",
        raised_by="loader",
        run_id=run_id,
    )
    sent = AlertSent(dataset=dataset, alert_id=raised.event_id, incident=incident, resolved=False, sinks=["1 (jsons)"])
    over = AlertRaised(
        dataset=dataset,
        incident=incident,
        severity="info",
        title="loader goes on",
        detail="",
        raised_by="loader",
        run_id=run_id,
        resolved=True,
    )
    state = WatcherState(dataset=dataset, halted="loader: rows per file differ")
    return [failed, raised, state, sent, over, WatcherState(dataset=dataset)]


def set_aside(dataset: str, seq: int) -> list[Message]:
    """What the loader sets aside for that trouble, and its dead letter."""
    run_id = f"{dataset}-process-g0-{seq:012x}"
    place = f"{LakeCurated.topic}/{registry().partition_of(dataset)}/{seq}"
    common = {"stage": "loader", "dataset": dataset, "run_id": run_id, "place": place, "at_ms": START_MS}
    actions = ("parked", "halted", "alerted", "resumed", "released", "settled")
    entries = [Entry(**common, action=action, reason="rows per file differ") for action in actions]
    record = as_record(encode(AlertRaised(**_told(dataset)), "loader"), seq, START_MS)
    letter = dead_letter("loader", replace(record, topic=LakeCurated.topic), TypedStop("rows differ"), START_MS)
    return [*(to_message(entry) for entry in entries), letter]


def _told(dataset: str) -> dict[str, str]:
    return {"dataset": dataset, "incident": "x", "severity": "info", "title": "", "detail": "", "raised_by": "loader"}


def messages(events: Sequence[Event], traced: bool = True) -> list[Message]:
    """The events as a stage sends them, each run with a trace of its own."""
    sent = []
    for event in events:
        run_id = getattr(event, "run_id", None)
        trace_id = sha256(run_id.encode()).hexdigest()[:32] if run_id and traced else None
        headers = [("traceparent", f"00-{trace_id}-00000000000000ab-01".encode())] if trace_id else []
        sent.append(encode(event, headers=headers))
    return sent


def as_record(message: Message, offset: int, timestamp_ms: int) -> Record:
    """The message as it would be read."""
    return Record(
        topic=message.topic,
        partition=message.partition,
        offset=offset,
        key=message.key,
        value=message.value,
        headers=message.headers,
        timestamp_ms=timestamp_ms,
    )


def in_topics(sent: Sequence[Message]) -> list[Record]:
    """Messages as the broker would hold them: each with the next offset of its partition, a second apart."""
    ends: dict[tuple[str, int], int] = {}
    records = []
    for number, message in enumerate(sent):
        lane = message.topic, message.partition
        offset = ends.get(lane, 0)
        ends[lane] = offset + 1
        records.append(as_record(message, offset, START_MS + number * 1000))
    return records
