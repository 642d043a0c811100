"""Controls of the crash tests: chains that do it wrong on purpose, which their check (Chain.wrong) must catch."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from chain_of_twins import Chain
from places import SERVICES

from loader.memory import MemoryWarehouse, _MemoryTable
from loader.ports import Position
from tidemark.failpoints import ARMED, LOG
from tidemark.memory_bus import MemoryBus
from tidemark.records import Record
from tidemark.stage import Stage
from tidemark.tables import registry

DATASETS = list(registry().datasets)
Rows = Callable[[int], dict[str, list[str]]]


class LedgerOff(MemoryWarehouse):
    """Copies whatever it is told: a run that comes again has never been here, and none of its rows is deleted."""

    def prepare(self, dataset: str, table: str, run_id: str) -> Position:
        position = super().prepare(dataset, table, run_id)
        ledger = self._ledgers.get(table, [])
        others = [entry for entry in ledger if entry.run_id != run_id]
        if len(others) < len(ledger):
            self._ledgers[table] = others
            self._positions[table] = Position(position.generation, others[-1].run_seq if others else 0)
        return self._positions[table]

    @contextmanager
    def locked(self, table: str) -> Iterator[_MemoryTable]:
        with super().locked(table) as work:
            before = work.rows
            yield work
            kept = {id(row) for row in work.rows}
            work.rows += [row for row in before if id(row) not in kept]


class OffsetFirst(MemoryBus):
    """Commits a record's offset as soon as it is read, as auto-commit does."""

    def restart(self, stage: Stage) -> None:
        super().restart(stage)
        transport = self.transports[stage.name]
        read = transport.poll

        def poll(seconds: float) -> Record | None:
            record = read(seconds)
            if record is not None:
                self.committed[stage.name, record.topic, record.partition] = record.offset + 1
            return record

        transport.poll = poll


def dies_once(place: str, chain: Chain, monkeypatch: pytest.MonkeyPatch, log: Path) -> None:
    """What the crash tests do: a run, then another one in which a service dies at the place."""
    chain.step(*DATASETS)
    monkeypatch.setenv(LOG, str(log))
    monkeypatch.setenv(ARMED, f"{place}=raise")
    chain.stores.commit(*DATASETS)
    assert chain.settle_through_deaths(place.partition(".")[0]) == 1


def without_ledger() -> Chain:
    """A chain whose loader has no ledger."""
    chain = Chain("loader")
    chain.stores.raw = LedgerOff(chain.stores.files)
    chain.start("loader")
    return chain


def offset_first() -> Chain:
    """A chain whose services commit offsets before the work."""
    chain = Chain(*SERVICES)
    chain.bus = OffsetFirst(clock=chain.clock)
    for service in SERVICES:
        chain.start(service)
    return chain


@pytest.mark.parametrize("make", [without_ledger, offset_first])
def test_a_control_that_nobody_kills_looks_right(make: Callable[[], Chain], undisturbed: Rows) -> None:
    """So what the next tests find comes from the death, not from the control's own building."""
    chain = make()
    for _ in range(2):
        chain.step(*DATASETS)
    assert chain.wrong(undisturbed(2), runs=2) == []


@pytest.mark.parametrize("place", ["loader.after-commit", "loader.before-produce"])
def test_a_load_without_ledger_doubles_rows_and_is_caught(
    place: str, undisturbed: Rows, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Killed between the warehouse's commit and Kafka's, the run is copied twice: RAW differs."""
    expected, chain = undisturbed(2), without_ledger()
    dies_once(place, chain, monkeypatch, tmp_path / "hits")
    doubled = {name for name, rows in chain.stores.rows().items() if len(rows) > len(set(rows))}
    assert doubled and doubled <= {name for name in expected if name.startswith("raw ")}
    assert {f"rows of {name}" for name in doubled} <= set(chain.wrong(expected, runs=2))


@pytest.mark.parametrize("stage", SERVICES[1:])
@pytest.mark.parametrize("place", ["after-commit", "before-produce"])
def test_an_offset_before_the_work_loses_a_run_and_is_caught(
    stage: str, place: str, undisturbed: Rows, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Killed with an event in hand, the stage never sees it again: the run does not come to its end."""
    expected, chain = undisturbed(2), offset_first()
    dies_once(f"{stage}.{place}", chain, monkeypatch, tmp_path / "hits")
    lost = {f"runs of {name}" for name in DATASETS if 2 not in chain.done(name)}
    assert lost and lost <= set(chain.wrong(expected, runs=2))
