"""What the console keeps: mappings of small records, filled by fold.py and read by views.py.

In tests these are plain dicts, in the service they lie over a table of Faust (table.py). All of it comes from the
topics, so it can be deleted at any time. Every record is the newest word on its key: folding an event again changes
nothing, and events of different topics may be folded in any order between each other.
"""

from collections import deque
from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass, field

from msgspec import Struct
from msgspec import field as default

from tidemark.events import Severity


class Done(Struct, kw_only=True):
    """One stage of a run is done. `at_ms`: when its event was written, the first time and the newest, epoch ms.

    `rows`: what it brought on: committed, accepted, loaded, published, compared.
    """

    first_ms: int
    at_ms: int
    seconds: float
    rows: int


class Failed(Struct, kw_only=True):
    """A run could not go on at a stage."""

    at_ms: int
    error: str
    message: str


class KeptRun(Struct, kw_only=True):
    """One run. `done` and `failed` by stage; `status` is the reconciler's word; `committed_at_ms`: the cut's newest
    commit in the source; `held` and `quarantined`: rows, as the lake says."""

    run_id: str
    dataset: str
    run_seq: int
    kind: str
    generation: int
    trace_id: str | None = None
    committed_at_ms: int | None = None
    requested_by: str = ""
    reason: str = ""
    schema_changes: int = 0
    held: int = 0
    quarantined: int = 0
    status: str = ""
    done: dict[str, Done] = default(default_factory=dict)
    failed: dict[str, Failed] = default(default_factory=dict)


class KeptRequest(Struct, kw_only=True):
    """Somebody asked for something."""

    request_id: str
    dataset: str
    kind: str
    requested_by: str
    reason: str
    at_ms: int


class KeptDataset(Struct, kw_only=True):
    """What the watcher says of a dataset. `halted`: why no new cut is made, None: cuts go on."""

    dataset: str
    at_ms: int
    generation: int
    halted: str | None
    pending: list[str]


class Parked(Struct, kw_only=True):
    """An event that waits at a halted stage; `place`: where it lay."""

    place: str
    event_id: str
    run_id: str | None
    at_ms: int


class KeptHalt(Struct, kw_only=True):
    """A stage and a dataset: whether it is halted there, since when and why, and what is parked."""

    stage: str
    dataset: str
    halted: bool = False
    reason: str = ""
    since_ms: int = 0
    parked: dict[str, Parked] = default(default_factory=dict)


class KeptLetter(Struct, kw_only=True):
    """A dead letter. `place`: where it lies among the dead letters, `from_place`: where it lay before."""

    place: str
    dataset: str
    at_ms: int
    stage: str
    from_place: str
    event_id: str
    run_id: str | None
    error: str
    reason: str
    bytes: int


class KeptSettlement(Struct, kw_only=True):
    """What became of a dead letter: `outcome` is replayed or dropped."""

    at_ms: int
    outcome: str
    by: str
    mended: bool
    reason: str


class KeptAlert(Struct, kw_only=True):
    """One incident. `offset`: the newest record of it that has been folded; `resolved_ms` None while it is open;
    `told_ms`: when the notifier had told people of its beginning and of its end."""

    incident: str
    dataset: str
    severity: Severity = "info"
    title: str = ""
    detail: str = ""
    raised_by: str = ""
    run_id: str | None = None
    offset: int = -1
    opened_ms: int = 0
    newest_ms: int = 0
    resolved_ms: int | None = None
    told_ms: int | None = None
    told_over_ms: int | None = None
    sinks: list[str] = default(default_factory=list)


class Damaged(Struct, kw_only=True):
    """A record that the console cannot read. Whoever it was meant for makes a dead letter of it."""

    place: str
    at_ms: int
    reason: str


@dataclass
class Lag:
    """Records that wait for a stage, as asked at `at_ms` of each sample; the newest last."""

    samples: deque[tuple[int, Mapping[tuple[str, str], int]]] = field(default_factory=lambda: deque(maxlen=240))


@dataclass
class State:
    """Everything. Keys: run_id; run_id/stage; request_id; dataset; stage/dataset; a record's place; incident.

    `receipts` are the bodies of the runs' events as they came. `behind`: records that the console itself has still to
    read, None while it does not know.
    """

    runs: MutableMapping[str, KeptRun] = field(default_factory=dict)
    receipts: MutableMapping[str, bytes] = field(default_factory=dict)
    requests: MutableMapping[str, KeptRequest] = field(default_factory=dict)
    datasets: MutableMapping[str, KeptDataset] = field(default_factory=dict)
    halts: MutableMapping[str, KeptHalt] = field(default_factory=dict)
    dead_letters: MutableMapping[str, KeptLetter] = field(default_factory=dict)
    settlements: MutableMapping[str, KeptSettlement] = field(default_factory=dict)
    alerts: MutableMapping[str, KeptAlert] = field(default_factory=dict)
    damaged: MutableMapping[str, Damaged] = field(default_factory=dict)
    lag: Lag = field(default_factory=Lag)
    behind: int | None = None
