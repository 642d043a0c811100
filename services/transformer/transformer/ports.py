"""What the transformer needs of the world: the models (dbt) and the warehouse in which they are built and published.

The real ones are dbt.py and snowflake.py, the twins stand in memory.py; tests/contract holds both to one suite.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Literal, Protocol

from msgspec import Struct, field

from tidemark.events import BuiltModel, MartsBuilt

Receipt = Callable[[Mapping[str, int]], MartsBuilt]


class Model(Struct, frozen=True, kw_only=True):
    """A model as the transformer sees it.

    `columns`: as its yml describes them; `reads`: models it selects from; `tests_read`: models that its tests need
    besides; `raw`: RAW tables it selects from itself; `as_of`: its rows depend on the window's as_of, not on its
    parents alone.
    """

    name: str
    kind: Literal["table", "incremental", "view"]
    published_schema: str
    key: list[str]
    columns: list[str]
    cluster_by: list[str] = field(default_factory=list)
    reads: list[str] = field(default_factory=list)
    tests_read: list[str] = field(default_factory=list)
    raw: list[str] = field(default_factory=list)
    as_of: bool = False


class Window(Struct, frozen=True, kw_only=True):
    """The runs (from_seq, to_seq] whose keys are computed anew, true as of `as_of_ms`, with or without flagged rows."""

    dataset: str
    from_seq: int
    to_seq: int
    as_of_ms: int
    exclude_flagged: bool = False


class Position(Struct, frozen=True):
    """Where the published marts of a dataset stand (0, 0: nothing was ever published); with flagged rows or not."""

    generation: int
    run_seq: int
    exclude_flagged: bool = False


class Loaded(Struct, frozen=True):
    """What RAW holds: tables with rows of the window's runs, and the newest `_ts_ms` up to its end (None: no row)."""

    tables: list[str]
    as_of_ms: int | None


class Plan(Struct, frozen=True):
    """What one build needs: models to build, published ones to start from, published ones that are only read."""

    build: list[Model]
    start_from: list[Model]
    read: list[Model]


class Built(Struct, frozen=True):
    """A build that passed all its tests. `models` have rows 0 yet; `tests` is how many ran; `views`: the text of each
    view over published names; `queries`: the id of the statement that built each model, where the warehouse told it.
    """

    models: list[BuiltModel]
    tests: int
    views: Mapping[str, str]
    queries: Mapping[str, str] = field(default_factory=dict)


class Publication(Struct, frozen=True, kw_only=True):
    """What one run publishes: the tables and views of its build, and the `queries` that built them.

    `base`: the position the window was made from.
    """

    run_id: str
    generation: int
    base: Position
    window: Window
    models: list[Model]
    views: Mapping[str, str]
    queries: Mapping[str, str] = field(default_factory=dict)


class FailedTest(Struct, frozen=True, kw_only=True):
    """A data test that found rows; `query` selects them in the build schema."""

    name: str
    window: Window
    rows: int
    query: str


class Checks(Protocol):
    """What tests the build schema."""

    def count_failures(self, queries: Sequence[str]) -> list[int]:
        """How many rows each query finds. Invalid if the warehouse refuses one, Retryable on an outage."""

    def keep_failures(self, failed: FailedTest) -> None:
        """Keep a failing test's rows, so that a person can look at them."""


class Models(Protocol):
    """The dbt project."""

    def models(self, dataset: str) -> list[Model]:
        """The dataset's models, parents first."""

    def build(self, plan: Plan, window: Window) -> Built:
        """Build and test the plan's models in the build schema.

        DataTestFailed if a test fails (its rows are kept), Invalid for a broken model, Retryable on an outage.
        """


class Warehouse(Protocol):
    """STAGING, MARTS, the build schema and the ledgers. Every method raises Retryable while the warehouse is away."""

    def position(self, dataset: str) -> Position:
        """Where the published marts stand."""

    def receipt(self, dataset: str, run_id: str) -> MartsBuilt | None:
        """What the ledger says this run published, None if it has not been here."""

    def loaded(self, dataset: str, from_seq: int, to_seq: int) -> Loaded:
        """What RAW holds of the runs (from_seq, to_seq]."""

    def newest_loaded(self, dataset: str, tables: int) -> int:
        """The newest run of which RAW holds at least so many tables; 0 for none."""

    def published(self, models: Sequence[Model]) -> set[str]:
        """Names of those models whose published table or view has all their columns."""

    def prepare(self, plan: Plan) -> None:
        """An empty build schema with the plan's start state, whatever an earlier attempt left there."""

    def publish(self, publication: Publication, receipt: Receipt) -> MartsBuilt:
        """Make the published tables equal to the build's, with the ledger row, in one transaction.

        `receipt` is told the rows changed by model; its answer is kept and returned. A run that is in the ledger
        already changes nothing and gets the kept one. Superseded if a newer generation has published, NotMyTurn if
        anything else has since the publication's `base`: nothing is written.
        """
