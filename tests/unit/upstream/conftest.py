"""A small world (scale 0.05): the initial load, three deltas, settle; delivered into lists instead of a lake."""

from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa
import pytest

from tidemark_lab.upstream import generate


@dataclass
class ListLake:
    """A lake that keeps what is appended; `dies_after` appends it fails, as a process that is killed would."""

    commits: dict[str, list[tuple[str, pa.Table]]] = field(default_factory=dict)
    dies_after: int | None = None

    def prepare(self, tables: list[str]) -> None:
        for name in tables:
            self.commits.setdefault(name, [])

    def append(self, name: str, rows: pa.Table, mark: str) -> None:
        if self.dies_after is not None:
            self.dies_after -= 1
            if self.dies_after < 0:
                raise ConnectionError("killed")
        if mark not in [m for m, _ in self.commits[name]]:
            self.commits[name].append((mark, rows))

    def rows(self, name: str, upto: int = 1000) -> list[dict[str, object]]:
        """Everything appended to a table up to a step."""
        commits = [rows for mark, rows in self.commits[name] if int(mark.split("-")[1]) <= upto]
        found: list[dict[str, object]] = pa.concat_tables(commits).to_pylist()
        return found


@dataclass
class ListSpeed:
    """A speed layer that keeps what is written."""

    tables: dict[str, list[pa.Table]] = field(default_factory=dict)

    def insert(self, name: str, rows: pa.Table) -> None:
        self.tables.setdefault(name, []).append(rows)

    def rows(self, name: str) -> list[dict[str, object]]:
        found: list[dict[str, object]] = pa.concat_tables(self.tables[name]).to_pylist()
        return found


@dataclass
class World:
    """A home folder and what was delivered from it."""

    home: Path
    lake: ListLake = field(default_factory=ListLake)
    speed: ListSpeed = field(default_factory=ListSpeed)

    def live(self, seed: int, scale: float, deltas: int, rows: int) -> "World":
        generate.initial(self.home, self.lake, self.speed, scale, seed)
        for _ in range(deltas):
            generate.delta(self.home, self.lake, self.speed, rows)
        generate.settle(self.home, self.lake, self.speed)
        return self


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    return World(tmp_path_factory.mktemp("world")).live(seed=7, scale=0.05, deltas=3, rows=400)


@pytest.fixture
def small(tmp_path: Path) -> World:
    """A world in which nothing has happened yet."""
    return World(tmp_path)
