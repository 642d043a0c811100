"""The job's side of manifest.json and result.json: plain records, read and written as JSON.

The submitter has its own records of the same shape; the two packages share no code on purpose.
"""

import json
from dataclasses import asdict, dataclass, field
from typing import Any

CHANGES, CURRENT, HELD, QUARANTINED = "changes", "current", "held", "quarantined"
KINDS = (CHANGES, CURRENT, HELD, QUARANTINED)
ATTEMPT = "tidemark.attempt"  # a property of every snapshot that an attempt writes


@dataclass(frozen=True)
class Column:
    """A contract column: canonical type, nullability, and what null means (None: null)."""

    type: str
    nullable: bool = True
    default: str | None = None


@dataclass(frozen=True)
class Rule:
    """A row rule: `holds` is Spark SQL that must be true."""

    name: str
    holds: str
    severity: str


@dataclass(frozen=True)
class Table:
    """One table to curate; see the submitter's ManifestTable."""

    name: str
    source: str
    from_snapshot: int | None
    to_snapshot: int | None
    key: list[str]
    columns: dict[str, Column]
    parents: dict[str, str]
    rules: list[Rule]
    unique: list[str]
    base: dict[str, int | None]


@dataclass(frozen=True)
class Selection:
    """Rows in quarantine: those of one table, of these keys (none named: any), by this rule (none named: any)."""

    table: str
    keys: list[str] = field(default_factory=list)
    rule: str | None = None


@dataclass(frozen=True)
class Resources:
    """Cores, and MiB of heap, of the driver and of each executor beside it."""

    cores: int = 2
    executors: int = 0
    memory_mib: int = 1024


@dataclass(frozen=True)
class Manifest:
    """One attempt of one run."""

    run_id: str
    run_seq: int
    attempt: str
    dataset: str
    kind: str
    generation: int
    order: str
    curated: str
    branch: str
    result: str
    tables: list[Table]
    catalog: str = "lake"
    keep_from: int = 0
    selection: Selection | None = None
    resources: Resources = Resources()

    def identifier(self, table: str, kind: str) -> str:
        """The full name of a curated table: `<t>_changes`, `<t>`, `<t>_held`, `<t>_quarantined`."""
        return f"{self.catalog}.{self.curated}.{table}" + ("" if kind == CURRENT else f"_{kind}")


@dataclass
class TableResult:
    """One table's counts and snapshots. read + released = accepted + repeated + held + quarantined + dropped.

    `rules`: rows by rule among those `held`, `quarantined` and `flagged`; one row may carry several flags.
    """

    table: str
    base: dict[str, int | None]
    snapshots: dict[str, int | None]
    source_uuid: str = ""
    read: int = 0
    released: int = 0
    accepted: int = 0
    repeated: int = 0
    held: int = 0
    quarantined: int = 0
    dropped: int = 0
    flagged: int = 0
    tombstones: int = 0
    max_ts_ms: int | None = None
    rules: dict[str, dict[str, int]] = field(default_factory=dict)
    schema_changes: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Check:
    """Holds when `actual` is `expected`."""

    name: str
    table: str
    expected: int
    actual: int


@dataclass
class Result:
    """The job's answer."""

    run_id: str
    attempt: str
    status: str = "done"
    stopped: dict[str, str] | None = None
    tables: list[TableResult] = field(default_factory=list)
    checks: list[Check] = field(default_factory=list)
    steps: list[dict[str, Any]] = field(default_factory=list)
    spark: dict[str, int] = field(default_factory=dict)


class UpstreamError(Exception):
    """Upstream did what must not be guessed about; `remedy` says what a person can do."""

    def __init__(self, reason: str, remedy: str) -> None:
        super().__init__(reason)
        self.reason = reason
        self.remedy = remedy


def parse_manifest(text: str) -> Manifest:
    """A manifest from its JSON."""
    body = json.loads(text)
    tables = [
        Table(
            **{
                **table,
                "columns": {name: Column(**column) for name, column in table["columns"].items()},
                "rules": [Rule(**rule) for rule in table["rules"]],
            }
        )
        for table in body["tables"]
    ]
    chosen = body.get("selection")
    selection, resources = Selection(**chosen) if chosen else None, Resources(**body.get("resources", {}))
    return Manifest(**{**body, "tables": tables, "selection": selection, "resources": resources})


def result_text(result: Result) -> str:
    """The result as JSON."""
    return json.dumps(asdict(result), indent=1)
