"""Every span, attribute and metric of the services, in one place; docs/signals.md is written from it (`make docs`).

A span: its name here (`{words}` in braces are filled in by whoever begins it) and an entry of SPANS. A metric: one line
here, and one in metrics.py or where it happens. An end-to-end test holds both against what a run really emits. Process
CPU and memory come with the Prometheus client itself.
"""

from typing import NamedTuple

from prometheus_client import Counter, Gauge, Histogram, disable_created_metrics

RUN_ID = "tidemark.run_id"
DATASET = "tidemark.dataset"
OUTCOME = "tidemark.outcome"
MESSAGING_SYSTEM = "messaging.system"
OPERATION_TYPE = "messaging.operation.type"
OPERATION_NAME = "messaging.operation.name"
DESTINATION = "messaging.destination.name"
PARTITION = "messaging.destination.partition.id"
OFFSET = "messaging.kafka.offset"
MESSAGE_ID = "messaging.message.id"
CONSUMER_GROUP = "messaging.consumer.group.name"
ATTRIBUTES = {
    RUN_ID: "the run that a span works for",
    DATASET: "its dataset",
    OUTCOME: "how a handler ended: done, retry, invalid, superseded, parked, undecodable, lost, crash",
    MESSAGING_SYSTEM: "always kafka",
    OPERATION_TYPE: "send or process",
    OPERATION_NAME: "the same, as the client calls it",
    DESTINATION: "the topic",
    PARTITION: "the partition, as text",
    OFFSET: "the consumed record's offset",
    MESSAGE_ID: "the event's id",
    CONSUMER_GROUP: "the consuming stage",
}
_MESSAGING = (MESSAGING_SYSTEM, OPERATION_TYPE, OPERATION_NAME, DESTINATION, PARTITION)
_ABOUT = (RUN_ID, DATASET)

PROCESS, SEND, TICK = "process {topic}", "send {topic}", "tick {stage}"
SPARK_JOB, SPARK_STEP, PUBLISH_LAKE = "spark job", "spark {step}", "publish lake"
COPY_INTO, TAKE_BACK = "copy into", "take back"
PREPARE, DBT_BUILD, DBT_MODEL, DATA_TESTS = "prepare", "dbt build", "dbt {model}", "data tests"
DBT_COMPILE, PUBLISH = "dbt compile", "publish"
RECONCILE, FIGURES, ASK_SIDE = "reconcile {pair}", "figures of {table} {engine}", "{question} {engine}"


class SpanSaid(NamedTuple):
    """What a span means: the service that begins it ("" any), in words, and the attributes that it may carry."""

    service: str
    what: str
    attributes: tuple[str, ...] = ()


SPANS = {
    PROCESS: SpanSaid(
        "",
        "a stage handles one event; child of the span that sent it, so a run is one trace",
        (*_MESSAGING, *_ABOUT, OFFSET, CONSUMER_GROUP, OUTCOME),
    ),
    SEND: SpanSaid("", "an event is sent; `run.requested` by the command line", (*_MESSAGING, *_ABOUT, MESSAGE_ID)),
    TICK: SpanSaid("", "a stage looked for work by itself, and found some; else it leaves no trace"),
    SPARK_JOB: SpanSaid("spark-submitter", "one attempt of the Spark job", ("attempt", "branch")),
    SPARK_STEP: SpanSaid(
        "spark-submitter",
        "a step of the job (SPARK_STEPS), as its result tells, with Spark's own figures of it",
        ("table", "rows", "tasks", "run_ms", "gc_ms", "read_rows", "shuffle_bytes", "spill_bytes", "peak_bytes"),
    ),
    PUBLISH_LAKE: SpanSaid("spark-submitter", "every table's main is set to what the decision says", ("decision",)),
    COPY_INTO: SpanSaid(
        "loader", "one table's files are taken into RAW", ("table", "run_seq", "files", "rows", "bytes")
    ),
    TAKE_BACK: SpanSaid("loader", "a rollback takes a table's later runs out of RAW", ("table", "run_seq", "to_seq")),
    PREPARE: SpanSaid("transformer", "the build schema is made ready", ("cloned", "read")),
    DBT_BUILD: SpanSaid("transformer", "dbt builds the models of a window", ("models", "from_seq", "to_seq")),
    DBT_MODEL: SpanSaid("transformer", "dbt builds one model", ("status",)),
    DATA_TESTS: SpanSaid("transformer", "the models' data tests", ("tests",)),
    DBT_COMPILE: SpanSaid("transformer", "dbt compiles the data tests, once"),
    PUBLISH: SpanSaid("transformer", "the changed marts are published in one transaction", ("models",)),
    RECONCILE: SpanSaid("reconciler", "one pair, or one table through all layers, is compared", ("pair",)),
    FIGURES: SpanSaid("reconciler", "one table's counts and sums in lake or warehouse", ("engine", "table")),
    ASK_SIDE: SpanSaid(
        "reconciler",
        "speed layer and marts are asked the same: check, fingerprints, bucket sums, keys, rows",
        ("engine",),
    ),
}
SPARK_STEPS = (
    *("look", "ensure tables", "fill defaults", "gather", "classify", "state", "check", "append changes"),
    *("merge current", "quarantine", "leave quarantine", "drop from quarantine", "hold and release"),
    *("maintain changes", "maintain current", "maintain held", "maintain quarantined"),
)


class MetricSaid(NamedTuple):
    """A metric as it is exposed: name (a histogram's without its suffixes), kind, labels, what it is with its unit."""

    name: str
    kind: str
    labels: tuple[str, ...]
    what: str


disable_created_metrics()  # type: ignore[no-untyped-call] # when a series began is no news, and would double what is sent
METRICS: list[MetricSaid] = []
SECONDS = (0.01, 0.05, 0.1, 0.5, 1, 2, 5, 10, 30, 60, 120, 300, 600, 1800, 3600, 7200)


def _said(name: str, kind: str, labels: str, what: str) -> tuple[str, str, list[str]]:
    METRICS.append(MetricSaid(name + "_total" * (kind == "counter"), kind, tuple(labels.split()), what))
    return name, what, labels.split()


def _counter(name: str, labels: str, what: str) -> Counter:
    return Counter(*_said(name, "counter", labels, what))


def _gauge(name: str, labels: str, what: str) -> Gauge:
    return Gauge(*_said(name, "gauge", labels, what))


def _histogram(name: str, labels: str, what: str) -> Histogram:
    return Histogram(*_said(name, "histogram", labels, what), buckets=SECONDS)


# what the loop does
STAGE_SECONDS = _histogram(
    "tidemark_stage_seconds",
    "stage dataset topic outcome",
    "Seconds from taking an event to its end; an exemplar names its trace",
)
EVENTS = _counter(
    "tidemark_events",
    "stage topic outcome",
    "Events by how they ended: a retry comes again, invalid and undecodable are dead letters, parked ones wait",
)
LAG = _gauge("tidemark_consumer_lag", "stage topic partition", "Records that wait in a partition")
PARKED = _gauge("tidemark_parked_events", "stage dataset", "Events set aside at a stage")
HALTED = _gauge("tidemark_halted", "stage dataset", "1 while a dataset is halted at a stage")
BUSY = _gauge("tidemark_busy_since_seconds", "stage", "Epoch seconds since when a handler runs; 0 while none does")
ALERTS = _counter("tidemark_alerts", "stage dataset severity", "Alerts that a stage raised")

# what the runs' events tell
ROWS = _counter("tidemark_rows", "stage dataset table what", "Rows that a stage has done, by what became of them")
FILES = _counter("tidemark_files", "stage dataset table", "Data files of the source's commits, and files loaded")
BYTES = _counter("tidemark_bytes", "stage dataset table", "Bytes of the files loaded")
WORK_SECONDS = _counter("tidemark_work_seconds", "stage dataset kind", "Seconds of work, as the stages' receipts say")
RUN_SEQ = _gauge("tidemark_run_seq", "stage dataset", "The newest run that a stage has done")
RUN_DONE = _gauge(
    "tidemark_run_done_timestamp_seconds",
    "stage dataset",
    "Epoch seconds when a stage ended its newest run; of the watcher: when the source committed it",
)
NEWEST_ROW = _gauge(
    "tidemark_newest_row_timestamp_seconds",
    "stage dataset",
    "Epoch seconds of the newest row that a stage's newest run with rows brought, by the source's clock",
)
SPARK_SECONDS = _counter("tidemark_spark_seconds", "dataset what", "Seconds of Spark's tasks: run, gc")
SPARK_BYTES = _counter("tidemark_spark_bytes", "dataset what", "Bytes between Spark's stages: shuffle, spill")
SPARK_PEAK = _gauge("tidemark_spark_peak_bytes", "dataset", "Highest memory of a Spark stage in the newest run")
MODEL_SECONDS = _counter("tidemark_model_seconds", "dataset model", "Seconds that dbt took for a model")
TESTS = _counter("tidemark_data_tests", "dataset", "Data tests that passed")
PAIR_STATUS = _gauge("tidemark_pair_status", "dataset pair status", "1 for a pair's status, 0 for the other ones")
PAIR_DIFFERENCES = _gauge(
    "tidemark_pair_differences",
    "dataset pair state",
    "Differences of a pair's newest comparison: pending, suspect, confirmed, resolved",
)
PAIR_CUTOFF = _gauge(
    "tidemark_pair_cutoff_timestamp_seconds", "dataset pair", "Epoch seconds up to which a pair was judged"
)
PAIR_SECONDS = _counter("tidemark_pair_seconds", "dataset pair", "Seconds that a pair's comparisons took")
