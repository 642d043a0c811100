"""The marts on Snowflake: ledgers, the build schema, and publication by difference in one DML transaction.

Models build in a schema of this process alone (BUILD_<worker>_<random>): a process that was taken for dead may go on
writing, but never where its successor builds. The successor drops what earlier processes of its worker left.
"""

import secrets
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from functools import partial

from snowflake.connector import SnowflakeConnection, errors

from tidemark.events import MartsBuilt
from tidemark.failpoints import failpoint
from tidemark_warehouse import Sql, execute, load, render, transaction
from transformer import ledger
from transformer import publication as steps
from transformer.ports import FailedTest, Loaded, Model, Plan, Position, Publication, Receipt

FAILURES = "TEST_FAILURES"
TESTS_AT_ONCE = 20
_sql = load("transformer")


def utc_now() -> datetime:
    """The wall clock of ledger and audit rows."""
    return datetime.now(UTC).replace(tzinfo=None)


class SnowflakeWarehouse:
    """The Warehouse port. `worker` is a name that no other running process has."""

    def __init__(
        self,
        open_session: Callable[[], SnowflakeConnection],
        worker: str = "0",
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._open_session = open_session
        self._now = now
        self._prefix = "BUILD_" + "".join(c if c.isalnum() else "_" for c in worker).upper() + "_"
        self.build_schema = self._prefix + secrets.token_hex(4).upper()
        self._kept: SnowflakeConnection | None = None
        self._tidy = False
        self._views: dict[str, str] = {}

    def position(self, dataset: str) -> Position:
        """Where the published marts stand."""
        with self._session() as session:
            return steps.to_position(execute(session, _sql["position"], {"dataset": dataset}), dataset)

    def receipt(self, dataset: str, run_id: str) -> MartsBuilt | None:
        """What the ledger says this run published."""
        with self._session() as session:
            return steps.to_receipt(execute(session, _sql["receipt"], {"dataset": dataset, "run_id": run_id}))

    def loaded(self, dataset: str, from_seq: int, to_seq: int) -> Loaded:
        """What RAW holds of the runs (from_seq, to_seq]."""
        window = {"dataset": dataset, "from_seq": from_seq, "to_seq": to_seq}
        with self._session() as session:
            tables = [str(row[0]) for row in execute(session, _sql["changed_tables"], window)]
            newest = execute(session, _sql["as_of"], window)[0][0]
        return Loaded(sorted(tables), None if newest is None else int(newest))

    def newest_loaded(self, dataset: str, tables: int) -> int:
        """The newest run of which RAW holds at least so many tables."""
        with self._session() as session:
            return int(execute(session, _sql["newest_loaded"], {"dataset": dataset, "tables": tables})[0][0])

    def published(self, models: Sequence[Model]) -> set[str]:
        """Names of those models whose published table or view has all their columns."""
        with self._session() as session:
            found = steps.columns(session)
        relations = {model.name: found.get(steps.relation(model.published_schema, model.name)) for model in models}
        return {model.name for model in models if steps.has_columns(relations[model.name], model.columns)}

    def prepare(self, plan: Plan) -> None:
        """An empty build schema with clones of what is started from and views onto what is read.

        Where a column of staging has to become wider, facts are built from nothing: theirs may stand on it.
        """
        with self._session() as session:
            self._drop_old_schemas(session)
            execute(session, render(_sql["drop_schema"], schema=self.build_schema))
            execute(session, render(_sql["create_schema"], schema=self.build_schema))
            staging = [model for model in plan.start_from if not model.reads]
            self._lay(session, "start_from", staging)
            if not steps.follow_raw(session, self.build_schema, staging):
                self._lay(session, "start_from", [model for model in plan.start_from if model.reads])
            self._lay(session, "read", plan.read)

    def publish(self, publication: Publication, receipt: Receipt) -> MartsBuilt:
        """A look at whose turn it is, DDL (DDL commits), then all the rest in one transaction."""
        tables = [model for model in publication.models if model.kind != "view"]
        with self._session() as session:
            kept = steps.whose_turn(partial(execute, session), publication)
            if kept is not None:
                return kept
            with steps.refusals("the build cannot be published"):
                say = partial(steps.audit_ddl, session, publication.run_id, self._now())
                columns, widened = steps.shape_tables(session, self.build_schema, tables, say)
                self._shape_views(session, publication, say, anew=widened)
                for model in tables:
                    steps.find_differing(session, self.build_schema, model, columns[model.name])
            sizes = ledger.sizes(session, self.build_schema) if tables else {}
            with transaction(session) as work:
                kept = steps.take_turn(work, publication)
                if kept is not None:
                    work.rollback()
                    return kept
                with steps.refusals("the build cannot be published"):
                    changed = {m.name: steps.publish_table(work, self.build_schema, m, columns[m.name]) for m in tables}
                built = receipt(changed)
                failpoint("transformer.before-ledger")
                now = self._now()
                ledger.record(work, publication, built, now)
                ledger.record_models(work, publication, built, sizes, now)
                failpoint("transformer.before-commit")
        return built

    def count_failures(self, queries: Sequence[str]) -> list[int]:
        """How many rows each query finds, TESTS_AT_ONCE queries to a statement."""
        counts: dict[int, int] = {}
        with self._session() as session, steps.refusals("the build cannot be tested"):
            for first in range(0, len(queries), TESTS_AT_ONCE):
                some = enumerate(queries[first : first + TESTS_AT_ONCE], first)
                asked = [render(_sql["count_failures"], place=Sql(str(place)), query=Sql(q)) for place, q in some]
                counts |= {int(place): int(rows) for place, rows in execute(session, "\nUNION ALL\n".join(asked))}
        return [counts[place] for place in range(len(queries))]

    def keep_failures(self, failed: FailedTest) -> None:
        """Keep a failing test's rows as TEST_FAILURES.<test>__<dataset>_<seq>, and in OPS the query that shows them."""
        window = failed.window
        failures = (FAILURES, f"{failed.name}__{window.dataset}_{window.to_seq}")
        row = {
            "dataset": window.dataset,
            "from_seq": window.from_seq,
            "to_seq": window.to_seq,
            "test": failed.name,
            "rows": failed.rows,
            "query": render(_sql["show_failures"], failures=failures).splitlines()[-1],
            "at": self._now(),
        }
        with self._session() as session:
            execute(session, _sql["failures_schema"])
            execute(session, render(_sql["keep_failures"], failures=failures, query=Sql(failed.query)))
            with transaction(session) as work:
                work.execute(_sql["forget_failed_test"], row)
                work.execute(_sql["record_failed_test"], row)

    def close(self) -> None:
        """Drop the build schema and end the session."""
        with self._session() as session:
            execute(session, render(_sql["drop_schema"], schema=self.build_schema))
        self._drop_session()

    def _shape_views(self, session: SnowflakeConnection, publication: Publication, say: steps.Say, anew: bool) -> None:
        """Each view once per process: its text changes with the project only. `anew`: now, for types have changed."""
        for model in publication.models:
            text = publication.views.get(model.name)
            if text is not None and (anew or self._views.get(model.name) != text):
                published = (model.published_schema, model.name)
                say(model, "create or replace view")
                execute(session, render(_sql["create_view"], published=published, query=Sql(text)))
                self._views[model.name] = text

    def _lay(self, session: SnowflakeConnection, statement: str, models: Sequence[Model]) -> None:
        for model in models:
            build, published = (self.build_schema, model.name), (model.published_schema, model.name)
            execute(session, render(_sql[statement], build=build, published=published))

    def _drop_old_schemas(self, session: SnowflakeConnection) -> None:
        if self._tidy:
            return
        named = {"prefix": self._prefix, "build_schema": self.build_schema}
        for (schema,) in execute(session, _sql["old_build_schemas"], named):
            execute(session, render(_sql["drop_schema"], schema=str(schema)))
        self._tidy = True

    @contextmanager
    def _session(self) -> Iterator[SnowflakeConnection]:
        """The one session, kept between calls, dropped after any error."""
        if self._kept is None:
            self._kept = self._open_session()
        try:
            yield self._kept
        except BaseException:
            self._drop_session()
            raise

    def _drop_session(self) -> None:
        session, self._kept = self._kept, None
        if session is not None:
            with suppress(errors.Error, OSError):
                session.close(retry=False)
