"""The reconciler's ledger in OPS: RECONCILIATION_RUN and RECONCILIATION_ENTRY, written in one transaction under the
dataset's lock row."""

from collections.abc import Mapping, Sequence
from itertools import islice
from typing import Any

from msgspec import json

from reconciler.entries import Entry
from reconciler.ports import PairStanding, Recorded
from reconciler.receipts import (
    ENTRY_COLUMNS,
    entry_from_columns,
    entry_to_columns,
    events_from_text,
    events_to_text,
    standing_from_text,
    standing_to_text,
)
from reconciler.snowflake import Session
from tidemark.errors import Retryable, Superseded
from tidemark.events import Event
from tidemark_warehouse import Transaction, load, transaction

CHUNK = 250  # a statement may hold 1 MB of text


class SnowflakeLedger:
    """Ledger in OPS."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._statements = load("reconciler")

    def receipt(self, run_id: str) -> list[Event] | None:
        """The events that this run's comparison sent, None if it has not been done."""
        rows = self._run("receipt", {"run_id": run_id})
        return events_from_text(rows[0][0]) if rows else None

    def standing(self, dataset: str) -> Mapping[str, PairStanding]:
        """How the newest comparison left each pair; empty before the first."""
        rows = self._run("standing", {"dataset": dataset})
        return standing_from_text(rows[0][0]) if rows else {}

    def open_entries(self, pair: str) -> Sequence[Entry]:
        """Entries that are not resolved."""
        rows = self._run("open_entries", {"pair": pair})
        return [entry_from_columns(dict(zip(ENTRY_COLUMNS, row, strict=True))) for row in rows]

    def record(self, recorded: Recorded) -> list[Event]:
        """Write it once per run; what is stored of the run afterwards."""
        try:
            with transaction(self._session.connection()) as work:
                if (stored := self._stored(work, recorded)) is not None:
                    work.rollback()
                    return stored
                self._write(work, recorded)
        except Retryable:
            self._session.forget()
            raise
        return list(recorded.events)

    def _stored(self, work: Transaction, recorded: Recorded) -> list[Event] | None:
        who = {"dataset": recorded.dataset, "generation": recorded.generation, "run_seq": recorded.run_seq}
        locked = work.update(self._statements["lock"], who)
        if locked != 1:
            raise RuntimeError(f"OPS.RECONCILIATION_LOCK has {locked} rows for {recorded.dataset}; run tidemark init")
        rows = work.execute(self._statements["receipt"], {"run_id": recorded.run_id})
        if rows:
            return events_from_text(rows[0][0])
        newest = work.execute(self._statements["newest_generation"], {"dataset": recorded.dataset})[0][0]
        if int(newest) > recorded.generation:
            raise Superseded(f"{recorded.run_id}: generation {newest} has been reconciled")
        return None

    def _write(self, work: Transaction, recorded: Recorded) -> None:
        entries = iter(recorded.entries)
        while chunk := [entry_to_columns(entry) for entry in islice(entries, CHUNK)]:
            work.execute(self._statements["remove_entries"], {"entries": [row["entry_id"] for row in chunk]})
            work.execute(self._statements["add_entries"], {"entries": json.encode(chunk).decode()})
        work.execute(
            self._statements["add_run"],
            {
                "dataset": recorded.dataset,
                "run_id": recorded.run_id,
                "run_seq": recorded.run_seq,
                "generation": recorded.generation,
                "compared_seq": recorded.compared_seq,
                "status": recorded.status,
                "events": events_to_text(recorded.events),
                "standing": standing_to_text(recorded.standing),
                "recorded_ms": recorded.recorded_ms,
                "seconds": recorded.seconds,
            },
        )

    def _run(self, name: str, values: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        return self._session.run(self._statements[name], values)
