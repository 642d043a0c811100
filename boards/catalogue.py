"""The boards: what each shows, and why one looks at it. To add one: a function here and its entry in BOARDS."""

from collections.abc import Callable

from grafana_foundation_sdk.builders.dashboard import Dashboard

from boards.parts import HALF, THIRD, WHOLE, Query, bars, board, gauges, lines, now, states

OURS = 'dataset=~"$dataset"'
STEP = "[$__rate_interval]"
LAST_STAGE, FIRST_STAGE = 'stage="reconciler"', 'stage="ingest-watcher"'
WAREHOUSE = 'stage=~"loader|transformer"'
ON_THEIR_WAY = 'what=~"committed|loaded|published|compared"'
FATES = 'what=~"accepted|repeated|held|quarantined|released|dropped"'


def _newest(metric: str, stage: str) -> str:
    return f"max by (dataset) ({metric}{{{stage},{OURS}}})"


def _grown(metric: str, by: str, labels: str = OURS) -> str:
    return f"sum by ({by}) (increase({metric}{{{labels}}}{STEP}))"


def _of_process(expression: str) -> str:
    """A process's own metric under its stage's name, however the scraping labels it."""
    named = "group_left (stage) (tidemark_busy_since_seconds * 0 + 1)"
    return f"sum by (stage) ({expression} * on (job, instance) {named})"


def _slow(quantile: float, labels: str = f'outcome="done",{OURS}') -> Query:
    rates = f"sum by (le, stage) (rate(tidemark_stage_seconds_bucket{{{labels}}}{STEP}))"
    return f"histogram_quantile({quantile}, {rates})", f"{{{{stage}}}} p{round(quantile * 100)}"


def pipeline() -> Dashboard:
    """From commit to proof."""
    done, seq = "tidemark_run_done_timestamp_seconds", "tidemark_run_seq"
    whole = (
        f"{_newest(done, LAST_STAGE)} - {_newest(done, FIRST_STAGE)}"
        f" and {_newest(seq, LAST_STAGE)} == {_newest(seq, FIRST_STAGE)}"
    )
    away = f"{_newest(seq, FIRST_STAGE)} - {_newest(seq, LAST_STAGE)}"
    age = f"time() - max by (dataset, stage) (tidemark_newest_row_timestamp_seconds{{{OURS}}})"
    return board("pipeline", "Is the chain up to date, and where does a run spend its time?", [
        now("Since the last proof", "Seconds since the newest run was reconciled.",
            (f"time() - {_newest(done, LAST_STAGE)}", "{{dataset}}"), unit="s"),
        now("Runs under way", "Runs that the watcher has cut and the reconciler has not yet compared.",
            (away, "{{dataset}}"), red_from=3),
        now("Halted", "Stages at which a dataset is halted: `tidemark status` says why.",
            (f"sum by (dataset) (tidemark_halted{{{OURS}}})", "{{dataset}}"), red_from=1),
        now("Dead letters", "Refused in the time in view: `tidemark dead-letters`.",
            ('sum by (stage) (increase(tidemark_events_total{outcome=~"invalid|undecodable"}[$__range]))', "{{stage}}"),
            red_from=1),
        lines("Commit to proof", "Seconds from the source's commit to the end of the comparison, of the newest run.",
              (whole, "{{dataset}}"), unit="s"),
        lines("Age of the newest row", "By the source's clock, after each stage: where it grows, a stage stands still.",
              (age, "{{dataset}} {{stage}}"), unit="s"),
        bars("Seconds of work by stage", "What the stages' receipts say; a bar leads to that stage's slowest traces.",
             (_grown("tidemark_work_seconds_total", "stage"), "{{stage}}"), unit="s"),
        lines("Slow events by stage", "95 of 100 events end sooner. A diamond leads to its trace.",
              _slow(0.95), unit="s"),
        bars("Rows in the lake", "What became of the rows that were read.",
             (_grown("tidemark_rows_total", "what", f'stage="spark-submitter",{FATES},{OURS}'), "{{what}}")),
        bars("Rows committed, loaded, published, compared", "The same rows on their way.",
             (_grown("tidemark_rows_total", "what", f"{ON_THEIR_WAY},{OURS}"), "{{what}}")),
    ])  # fmt: skip


def stage() -> Dashboard:
    """Each service by itself."""
    since = "max by (stage) (tidemark_busy_since_seconds)"
    busy = f"(time() - {since}) * ({since} > bool 0)"
    spent = 'sum by (stage, topic) (increase(tidemark_stage_seconds_%s{outcome="done",dataset=~"$dataset"}[$__range]))'
    return board("stage", "What does each stage do, how long does it take, and what does it fail at?", [
        lines("Half of the events end within", "Median seconds of an event; a diamond leads to its trace.",
              _slow(0.5), unit="s"),
        lines("95 of 100 end within", "The slow ones.", _slow(0.95), unit="s"),
        bars("Events by end", "done, superseded, parked; retry: an outage; invalid, undecodable: dead letters.",
             (_grown("tidemark_events_total", "stage, outcome", ""), "{{stage}} {{outcome}}")),
        lines("At work since", "Seconds since when a stage's handler runs; 0 while none does.",
              (busy, "{{stage}}"), unit="s"),
        gauges("Mean seconds by topic", "Over the time in view, of events that ended well.",
               (f"{spent % 'sum'} / clamp_min({spent % 'count'}, 1)", "{{stage}} {{topic}}"), unit="s"),
        gauges("dbt models", "Seconds that dbt took for each model over the time in view, the longest ten.",
               (f"topk(10, sum by (model) (increase(tidemark_model_seconds_total{{{OURS}}}[$__range])))", "{{model}}"),
               unit="s"),
        lines("Parked events", "Set aside at a halted stage, in their order.",
              (f"sum by (stage, dataset) (tidemark_parked_events{{{OURS}}})", "{{stage}} {{dataset}}")),
        bars("Alerts", "Raised by a stage, by severity.",
             (_grown("tidemark_alerts_total", "stage, severity"), "{{stage}} {{severity}}")),
    ])  # fmt: skip


def quality() -> Dashboard:
    """What is wrong with rows."""
    share = (
        f'sum by (table) (increase(tidemark_rows_total{{what="%s",{OURS}}}[$__range]))'
        f' / clamp_min(sum by (table) (increase(tidemark_rows_total{{what="read",{OURS}}}[$__range])), 1)'
    )
    fates = [("quarantined", "break a rule that no later row can heal"), ("held", "wait for a parent never seen"),
             ("flagged", "are kept and carry a flag"), ("repeated", "were delivered more than once")]  # fmt: skip
    return board("quality", "Which tables bring rows that break the rules?", [
        *(bars(f"Rows {fate}", f"Rows that {why}.",
               (_grown("tidemark_rows_total", "table", f'what="{fate}",{OURS}'), "{{table}}")) for fate, why in fates),
        gauges("Share in quarantine", "Of the rows read in the time in view: `tidemark quarantine TABLE`.",
               (share % "quarantined", "{{table}}"), unit="percentunit"),
        gauges("Share held", "Of the rows read in the time in view: `tidemark held TABLE`.",
               (share % "held", "{{table}}"), unit="percentunit"),
        bars("Data tests passed", "A test that fails stops its run; the marts stay as they were.",
             (_grown("tidemark_data_tests_total", "dataset"), "{{dataset}}")),
        bars("Rows released", "Held rows whose parent arrived, and rows that a replay let out of quarantine.",
             (_grown("tidemark_rows_total", "table", f'what="released",{OURS}'), "{{table}}")),
    ])  # fmt: skip


def reconciliation() -> Dashboard:
    """Do the layers agree?"""
    open_ones = f'sum by (pair) (tidemark_pair_differences{{state=~"pending|suspect|confirmed",{OURS}}})'
    return board("reconciliation", "Do speed layer, lake, RAW and marts agree, and since when do they not?", [
        states("Status", "1 while a pair has the status.",
               (f'max by (pair, status) (tidemark_pair_status{{status!="CONVERGED",{OURS}}})', "{{pair}} {{status}}")),
        now("Confirmed differences", "Seen again after a settled run: `tidemark show RUN` names the report.",
            (f'max by (pair) (tidemark_pair_differences{{state="confirmed",{OURS}}})', "{{pair}}"),
            span=HALF, red_from=1),
        lines("Open differences", "Pending, suspect and confirmed.", (open_ones, "{{pair}}")),
        lines("Differences by state", "Over all pairs.",
              (f"sum by (state) (tidemark_pair_differences{{{OURS}}})", "{{state}}")),
        lines("Judged up to", "Seconds between now and the newest cutoff: what is younger is not judged yet.",
              (f"time() - max by (pair) (tidemark_pair_cutoff_timestamp_seconds{{{OURS}}})", "{{pair}}"), unit="s"),
        bars("Seconds of comparing", "By pair.", (_grown("tidemark_pair_seconds_total", "pair"), "{{pair}}"), unit="s"),
        bars("Rows compared", "By pair.",
             (_grown("tidemark_rows_total", "table", f'what="compared",{OURS}'), "{{table}}")),
    ])  # fmt: skip


def workers() -> Dashboard:
    """Processes and topics."""
    return board("workers and Kafka", "Are the processes well, and does anything wait in the topics?", [
        now("Up", "Scraped or not.", (_of_process("up"), "{{stage}}"), span=HALF),
        now("Starts", "How often a process was started in the time in view; 0 is none but the first.",
            (_of_process("changes(process_start_time_seconds[$__range])"), "{{stage}}"), span=HALF, red_from=3),
        lines("Lag", "Records that wait in a topic for a stage.",
              ("sum by (stage, topic) (tidemark_consumer_lag)", "{{stage}} {{topic}}"), span=WHOLE),
        lines("Memory", "Resident bytes of the services' own processes; Spark's driver is not among them.",
              (_of_process("process_resident_memory_bytes"), "{{stage}}"), unit="bytes"),
        lines("CPU", "Cores in use.", (_of_process(f"rate(process_cpu_seconds_total{STEP})"), "{{stage}}")),
        lines("Events a second", "What the stages take from Kafka.",
              (f"sum by (stage) (rate(tidemark_events_total{STEP}))", "{{stage}}"), unit="ops", span=THIRD),
        lines("Retries", "Events that came again because something was away.",
              (f'sum by (stage) (increase(tidemark_events_total{{outcome="retry"}}{STEP}))', "{{stage}}"), span=THIRD),
        lines("Open files", "File descriptors.", (_of_process("process_open_fds"), "{{stage}}"), span=THIRD),
    ])  # fmt: skip


def cost() -> Dashboard:
    """What is paid for; `tidemark advise` says what to do about it."""
    work = "tidemark_work_seconds_total"
    rows = f'sum(increase(tidemark_rows_total{{stage="spark-submitter",what="accepted",{OURS}}}[$__range]))'
    return board("cost", "Where do warehouse and Spark seconds go? `tidemark advise` says what to do about it.", [
        now("Warehouse seconds", "RAW and marts in the time in view: a Snowflake warehouse runs at least so long.",
            (f"sum by (stage) (increase({work}{{{WAREHOUSE},{OURS}}}[$__range]))", "{{stage}}"), unit="s"),
        now("Spark task seconds", "In the time in view, over all tasks.",
            (f"sum by (what) (increase(tidemark_spark_seconds_total{{{OURS}}}[$__range]))", "{{what}}"), unit="s"),
        now("Seconds per thousand rows", "Work of all stages over the rows accepted in the time in view.",
            (f"1000 * sum by (stage) (increase({work}{{{OURS}}}[$__range])) / scalar(clamp_min({rows}, 1))",
             "{{stage}}"), unit="s"),
        now("Bytes loaded", "Files taken into RAW in the time in view.",
            (f"sum by (dataset) (increase(tidemark_bytes_total{{{OURS}}}[$__range]))", "{{dataset}}"), unit="bytes"),
        bars("Seconds by kind of run", "Rebuilds and maintenance beside the daily work.",
             (_grown(work, "kind"), "{{kind}}"), unit="s"),
        bars("Warehouse seconds by stage", "What COPY, dbt and publication take.",
             (_grown(work, "stage", f"{WAREHOUSE},{OURS}"), "{{stage}}"), unit="s"),
        lines("Spark between its stages", "Bytes shuffled, and spilled to disk for want of memory.",
              (f"sum by (what) (rate(tidemark_spark_bytes_total{{{OURS}}}{STEP}))", "{{what}}"), unit="Bps"),
        lines("Spark's highest memory", "Of a stage in the newest run: what its executors need.",
              (f"max by (dataset) (tidemark_spark_peak_bytes{{{OURS}}})", "{{dataset}}"), unit="bytes"),
        gauges("Bytes by table", "Files taken into RAW in the time in view.",
               (f"sum by (table) (increase(tidemark_bytes_total{{{OURS}}}[$__range]))", "{{table}}"), unit="bytes"),
        bars("Files by stage", "Small files cost the lake and each COPY.",
             (_grown("tidemark_files_total", "stage"), "{{stage}}")),
    ])  # fmt: skip


BOARDS: dict[str, Callable[[], Dashboard]] = {
    "pipeline": pipeline,
    "stage": stage,
    "quality": quality,
    "reconciliation": reconciliation,
    "workers": workers,
    "cost": cost,
}
