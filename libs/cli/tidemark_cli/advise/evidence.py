"""What the rules judge, and what they say.

A source that does not exist here is None, not an empty list: its rules then say nothing, and the command says so.
All rows are sums over the days looked at.
"""

from typing import Literal

from msgspec import Struct, field

Figure = int | float | str


class Advice(Struct, frozen=True, kw_only=True):
    """One piece of advice. `saving` is an estimate in `unit` over the days looked at, and `reckoned` says how."""

    title: str
    subject: str
    evidence: dict[str, Figure]
    saving: float
    unit: Literal["credits", "seconds", "partitions read by a lookup"]
    reckoned: str
    what_to_do: str
    rule: str = ""


class Warehouse(Struct, frozen=True, kw_only=True):
    """A virtual warehouse. `auto_suspend`: idle seconds after which it stops (None: never); `running_seconds` and
    `queued_seconds`: its queries' time at work, and waiting because it was full; `p90_seconds`: of its queries nine in
    ten took no longer; `query_credits`: the part of `credits` that queries used, the rest ran idle.
    """

    name: str
    size: str
    auto_suspend: int | None
    queries: int
    running_seconds: float
    queued_seconds: float
    p90_seconds: float
    spilled_bytes: int
    credits: float
    query_credits: float


class Queries(Struct, frozen=True, kw_only=True):
    """The statements of one stage or, where a statement built a model, of that model, from the query history.

    `spilled_seconds` and `spilled_credits`: of those statements that spilled.
    """

    stage: str
    model: str | None
    queries: int
    credits: float
    partitions_scanned: int
    partitions_total: int
    spilled_queries: int
    spilled_local: int
    spilled_remote: int
    spilled_credits: float


class Clustering(Struct, frozen=True, kw_only=True):
    """A table's clustering by its own keys, as SYSTEM$CLUSTERING_INFORMATION tells."""

    table: str
    partitions: int
    depth: float


class Loads(Struct, frozen=True, kw_only=True):
    """What was loaded into one RAW table by runs that brought rows."""

    table: str
    runs: int
    files: int
    bytes: int
    seconds: float


class ModelRuns(Struct, frozen=True, kw_only=True):
    """A model's publications. `rows`: of its table now; `changed`: what all but whole rebuilds changed; `full_*`: those
    that began from nothing, without the very first.
    """

    model: str
    kind: str
    rows: int
    runs: int
    changed: int
    seconds: float
    full_runs: int
    full_seconds: float


class Reads(Struct, frozen=True, kw_only=True):
    """How often a mart was read by others than tidemark; `seconds`: of building it; `feeds`: models made from it."""

    model: str
    reads: int
    seconds: float
    feeds: int


class SparkRun(Struct, frozen=True, kw_only=True):
    """One run of the Spark job: `slots` tasks could run at once, `busy_seconds` is what tasks took, all told."""

    run: str
    seconds: float
    slots: int
    busy_seconds: float
    spilled_bytes: int
    skewed: int


class Evidence(Struct, frozen=True, kw_only=True):
    """All sources; `missing` says why one is None."""

    warehouses: list[Warehouse] | None = None
    queries: list[Queries] | None = None
    clustering: list[Clustering] | None = None
    loads: list[Loads] | None = None
    model_runs: list[ModelRuns] | None = None
    reads: list[Reads] | None = None
    spark_runs: list[SparkRun] | None = None
    missing: dict[str, str] = field(default_factory=dict)
