"""What `tidemark as-of` prints of a run: queries that tell the truth, a comment in place of those that would not."""

from msgspec.structs import replace

from tidemark.events import LakeCurated, MartsBuilt
from tidemark_cli import as_of
from tidemark_cli.as_of import Standing
from tidemark_cli.runs import Run
from tidemark_lake.decisions import DecidedTable, Decision, MemoryDecisions
from tidemark_lake.standing import rolled_back_by


def decision(number: int = 3, to_seq: int | None = None) -> Decision:
    """A decision over two tables, one of which has no row yet; a rollback if it names a run."""
    kind = "process" if to_seq is None else "rollback"
    about = {"dataset": "ecommerce", "run_id": f"r{number}", "run_seq": number, "kind": kind, "generation": 0}
    curated = LakeCurated(**about, decision=number, tables=[], committed_at_ms=0, seconds=1.0, to_seq=to_seq)
    tables = {
        name: DecidedTable(source_snapshot=1, source_uuid="u", snapshots={"current": current})
        for name, current in (("users", 42), ("orders", None))
    }
    return Decision(**about, number=number, attempt="a", tables=tables, curated=curated)


WHOLE = Standing(decision=decision(), lost=[], rolled_back_by=None, published_ms=1_500)


def run(to_seq: int, **at_ms: dict[str, int]) -> Run:
    """Run 3, whose marts were published with everything up to `to_seq` in them."""
    about = {"dataset": "ecommerce", "run_id": "r3", "run_seq": 3, "kind": "process", "generation": 0}
    built = MartsBuilt(
        **about, from_seq=0, to_seq=to_seq, as_of_ms=0, models=[], tests=0, committed_at_ms=0, seconds=1.0
    )
    return Run(**about, events={"transformer": built}, **at_ms)


def test_a_run_s_tables_are_read_as_it_left_them() -> None:
    """Snapshots for Spark and pyiceberg, the run's number for RAW, the moment of publication for staging."""
    assert as_of.queries(WHOLE) == [
        "-- Spark",
        "SELECT * FROM lake.curated_ecommerce.users VERSION AS OF 42;",
        "# pyiceberg",
        'catalog.load_table("curated_ecommerce.users").scan(snapshot_id=42).to_arrow()',
        "-- Snowflake",
        'SELECT * FROM "RAW"."USERS" WHERE _RUN_SEQ <= 3;',
        'SELECT * FROM "RAW"."ORDERS" WHERE _RUN_SEQ <= 3;',
        'SELECT * FROM "STAGING"."STG_USERS" AT (TIMESTAMP => \'1970-01-01T00:00:01.500+00:00\'::TIMESTAMP_TZ);',
        'SELECT * FROM "STAGING"."STG_ORDERS" AT (TIMESTAMP => \'1970-01-01T00:00:01.500+00:00\'::TIMESTAMP_TZ);',
    ]
    assert not any("STG_" in line for line in as_of.queries(replace(WHOLE, published_ms=None)))


def test_of_a_run_that_was_rolled_back_raw_holds_nothing() -> None:
    """Its rows are deleted there, those of later runs are not its own: no query, but the reason."""
    lines = as_of.queries(replace(WHOLE, rolled_back_by=decision(6, to_seq=2)))
    assert [line for line in lines if "RAW" in line] == ["-- RAW no longer holds run 3: run 6 took it back to run 2"]
    assert "VERSION AS OF 42" in lines[1]


def test_a_snapshot_that_has_been_expired_is_said() -> None:
    """In place of the queries that would fail; RAW still has its rows."""
    lines = as_of.queries(replace(WHOLE, lost=["curated_ecommerce.users"], published_ms=None))
    assert lines[:-2] == [
        "-- Spark",
        "-- curated_ecommerce.users: snapshot 42 has been expired",
        "# pyiceberg",
        "# curated_ecommerce.users: snapshot 42 has been expired",
        "-- Snowflake",
    ]


def test_staging_s_time_is_when_the_run_was_published_first() -> None:
    """Not when a repeat told of it again; and there is none if later runs were published with it."""
    told = {"first_ms": {"transformer": 1_000}, "at_ms": {"transformer": 9_000}}
    assert as_of.published_ms(run(3, **told)) == 1_000
    assert as_of.published_ms(run(4, **told)) is None
    assert as_of.published_ms(Run(dataset="d", run_id="r", run_seq=3, kind="process", generation=0)) is None


def test_which_rollback_took_a_run_away() -> None:
    """Runs 1 to 3, back to 1 (run 4), run 5, back to 4 (run 6): 1, 4 and 6 stand."""
    taken = [decision(1), decision(2), decision(3), decision(4, 1), decision(5), decision(6, 4)]
    decisions = MemoryDecisions({("ecommerce", d.number): d for d in taken})

    def back(one: Decision) -> int | None:
        found = rolled_back_by(one, taken[-1], lambda number: decisions.get("ecommerce", number))
        return found.number if found else None

    assert [back(one) for one in taken] == [None, 4, 4, None, 6, None]


def test_a_time_means_the_run_that_stood_then() -> None:
    """Of each dataset the last one published by then; a time without a zone is UTC; a run's name is no time."""
    about = {"dataset": "ecommerce", "kind": "process", "generation": 0}
    runs = [Run(**about, run_id=f"r{n}", run_seq=n, first_ms={"spark-submitter": 1_000 * n}) for n in (1, 2, 3)]
    runs.append(Run(**about, run_id="r4", run_seq=4, first_ms={"ingest-watcher": 2_100}))
    assert [run.run_id for run in as_of.published_at(runs, as_of.moment("1970-01-01T00:00:02.999") or 0)] == ["r2"]
    assert as_of.moment("1970-01-01 02:00:02+02:00") == 2_000
    assert as_of.published_at(runs, 999) == []
    assert [as_of.moment(text) for text in ("ecommerce#3", "ecommerce-process-g0-1", "7")] == [None, None, None]
