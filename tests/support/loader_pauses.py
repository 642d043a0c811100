"""Loaders that stand still at a chosen place: a wrapper around a warehouse, real or twin, and the pause itself."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from threading import Event

from loader.ports import LockedTable, Position, Warehouse
from tidemark.events import LoadedTable

BEFORE_LOCK, WITH_LOCK, BEFORE_COMMIT = PLACES = ("before the lock", "with the lock", "before the commit")


class WatchedWarehouse:
    """`at(place, table)` is called wherever a loader may be when something happens to it."""

    def __init__(self, inner: Warehouse, at: Callable[[str, str], None]) -> None:
        self._inner, self._at = inner, at

    def prepare(self, dataset: str, table: str, run_id: str) -> Position:
        return self._inner.prepare(dataset, table, run_id)

    @contextmanager
    def locked(self, table: str) -> Iterator[LockedTable]:
        self._at(BEFORE_LOCK, table)
        with self._inner.locked(table) as raw:
            self._at(WITH_LOCK, table)
            yield raw
            self._at(BEFORE_COMMIT, table)

    def receipts(self, dataset: str, run_id: str) -> Iterable[LoadedTable]:
        return self._inner.receipts(dataset, run_id)


class Pause:
    """The first loader that comes to `place` with `table` stands still until it is woken."""

    def __init__(self, place: str, table: str = "users") -> None:
        self._here = (place, table)
        self._arrived, self._woken = Event(), Event()

    def __call__(self, place: str, table: str) -> None:
        if (place, table) == self._here and not self._arrived.is_set():
            self._arrived.set()
            assert self._woken.wait(120)

    def wait(self) -> None:
        """Until the loader stands still."""
        assert self._arrived.wait(120)

    def wake(self) -> None:
        """Let it go on."""
        self._woken.set()
