"""The State over one table of Faust: written through to RocksDB and to the table's changelog topic in Kafka.

One table holds all kinds, `<kind>/<key>`, because each table costs a topic and a database for every partition. The
small records are kept in memory too, for pages read all of them; the receipts are read from disk one by one.
"""

from collections.abc import Callable, Iterator, MutableMapping
from typing import Any, Generic, TypeVar

from msgspec import msgpack

from console.state import (
    Damaged,
    KeptAlert,
    KeptDataset,
    KeptHalt,
    KeptLetter,
    KeptRequest,
    KeptRun,
    KeptSettlement,
    State,
)

T = TypeVar("T")
Table = MutableMapping[bytes, bytes]


class Kept(MutableMapping[str, T], Generic[T]):
    """One kind of records, in memory and in the table."""

    def __init__(self, table: Table, name: str, kind: type[T]) -> None:
        self._table, self._name = table, name
        self._decode: Callable[[bytes], T] = msgpack.Decoder(kind).decode
        self._known: dict[str, T] = {}

    def __getitem__(self, key: str) -> T:
        return self._known[key]

    def __setitem__(self, key: str, value: T) -> None:
        self._table[_key(self._name, key)] = msgpack.encode(value)
        self._known[key] = value

    def __delitem__(self, key: str) -> None:
        del self._known[key]
        del self._table[_key(self._name, key)]

    def __iter__(self) -> Iterator[str]:
        return iter(self._known)

    def __len__(self) -> int:
        return len(self._known)

    def forget(self) -> None:
        """Empty the memory, not the table."""
        self._known.clear()

    def take(self, key: str, value: bytes) -> None:
        """What the table holds of a key."""
        self._known[key] = self._decode(value)


class OnDisk(MutableMapping[str, bytes]):
    """One kind of bodies, in the table alone. Asked by key; nobody goes through all of them."""

    def __init__(self, table: Table, name: str) -> None:
        self._table, self._name = table, name

    def __getitem__(self, key: str) -> bytes:
        return self._table[_key(self._name, key)]

    def __setitem__(self, key: str, value: bytes) -> None:
        self._table[_key(self._name, key)] = value

    def __delitem__(self, key: str) -> None:
        del self._table[_key(self._name, key)]

    def __iter__(self) -> Iterator[str]:
        start = f"{self._name}/".encode()
        return (key.removeprefix(start).decode() for key in self._table if key.startswith(start))

    def __len__(self) -> int:
        return sum(1 for _ in self)


def state_over(table: Table) -> State:
    """A State that writes to the table. It knows what the table holds after load()."""
    return State(
        runs=Kept(table, "runs", KeptRun),
        receipts=OnDisk(table, "receipts"),
        requests=Kept(table, "requests", KeptRequest),
        datasets=Kept(table, "datasets", KeptDataset),
        halts=Kept(table, "halts", KeptHalt),
        dead_letters=Kept(table, "dead_letters", KeptLetter),
        settlements=Kept(table, "settlements", KeptSettlement),
        alerts=Kept(table, "alerts", KeptAlert),
        damaged=Kept(table, "damaged", Damaged),
    )


def load(state: State, table: Table) -> None:
    """Bring into memory what the table holds now, and forget what it does not."""
    kinds: dict[str, Kept[Any]] = {name: kept for name, kept in vars(state).items() if isinstance(kept, Kept)}
    for kept in kinds.values():
        kept.forget()
    for name_and_key, value in table.items():
        name, _, key = name_and_key.decode().partition("/")
        if name in kinds:
            kinds[name].take(key, value)


def _key(name: str, key: str) -> bytes:
    return f"{name}/{key}".encode()
