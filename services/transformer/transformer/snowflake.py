"""The marts on Snowflake: the build schema, and publication by difference in one DML transaction.

Models build in a schema of this process alone (BUILD_<worker>_<random>): a process that was taken for dead may go on
writing, but never where its successor builds. The successor drops what earlier processes of its worker left.
"""

import secrets
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime

import msgspec
from snowflake.connector import SnowflakeConnection, errors

from tidemark.errors import Invalid, NotMyTurn, Superseded, TypedStop
from tidemark.events import MartsBuilt
from tidemark.failpoints import failpoint
from tidemark_warehouse import Sql, Transaction, execute, load, names, quote, render, transaction
from transformer.ports import Loaded, Model, Plan, Position, Publication, Receipt

ACTOR = "transformer"
FAILURES = "TEST_FAILURES"
_sql = load("transformer")
_audit = load("tidemark_warehouse")["audit"]
Columns = dict[tuple[str, str], dict[str, str]]


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
        self._worker = "".join(c if c.isalnum() else "_" for c in worker).upper()
        self.build_schema = f"BUILD_{self._worker}_{secrets.token_hex(4).upper()}"
        self._kept: SnowflakeConnection | None = None
        self._tidy = False
        self._views: dict[str, str] = {}

    def position(self, dataset: str) -> Position:
        """Where the published marts stand."""
        with self._session() as session:
            return _position(execute(session, _sql["position"], {"dataset": dataset}), dataset)

    def receipt(self, dataset: str, run_id: str) -> MartsBuilt | None:
        """What the ledger says this run published."""
        with self._session() as session:
            return _receipt(execute(session, _sql["receipt"], {"dataset": dataset, "run_id": run_id}))

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
        """Names of those models that have a published table or view."""
        with self._session() as session:
            found = {(str(schema), str(table)) for schema, table in execute(session, _sql["relations"])}
        return {model.name for model in models if _upper(model.published_schema, model.name) in found}

    def prepare(self, plan: Plan) -> None:
        """An empty build schema with clones of what is started from and views onto what is read."""
        with self._session() as session:
            self._drop_old_schemas(session)
            execute(session, render(_sql["drop_schema"], schema=self.build_schema))
            execute(session, render(_sql["create_schema"], schema=self.build_schema))
            for statement, models in (("start_from", plan.start_from), ("read", plan.read)):
                for model in models:
                    execute(session, render(_sql[statement], build=self._build(model), published=_published(model)))

    def publish(self, publication: Publication, receipt: Receipt) -> MartsBuilt:
        """DDL first (DDL commits), then differences, ledger, audit and position in one transaction."""
        tables = [model for model in publication.models if model.kind != "view"]
        with self._session() as session:
            with _refusals():
                columns = self._shape(session, publication, tables)
            with transaction(session) as work:
                kept = _turn(work, publication)
                if kept is not None:
                    work.rollback()
                    return kept
                with _refusals():
                    changed = {model.name: self._publish(work, model, columns[model.name]) for model in tables}
                built = receipt(changed)
                self._record(work, publication, built)
                failpoint("transformer.before-commit")
        return built

    def keep_failures(self, test: str, query: str) -> None:
        """Keep a failing test's rows as TEST_FAILURES.<test>."""
        with self._session() as session:
            execute(session, _sql["failures_schema"])
            execute(session, render(_sql["keep_failures"], failures=(FAILURES, test), query=Sql(query)))

    def close(self) -> None:
        """End the session and drop the build schema."""
        with self._session() as session:
            execute(session, render(_sql["drop_schema"], schema=self.build_schema))
        self._drop_session()

    def _shape(self, session: SnowflakeConnection, publication: Publication, tables: Sequence[Model]) -> dict[str, Sql]:
        """Bring the published tables and views to the build's shape; the build's columns by model."""
        found = _columns(session) if tables else {}
        lists = {}
        for model in tables:
            built = found[_upper(self.build_schema, model.name)]
            there = found.get(_upper(model.published_schema, model.name))
            lists[model.name] = names(built)
            if there is None:
                cluster = Sql(f"CLUSTER BY ({names(model.cluster_by)})") if model.cluster_by else Sql("")
                parts = {"published": _published(model), "build": self._build(model), "cluster": cluster}
                execute(session, render(_sql["create_published"], **parts))
            for column in [c for c in built if there is not None and c not in there]:
                parts = {"published": _published(model), "column": column, "type": Sql(built[column])}
                execute(session, render(_sql["add_column"], **parts))
        for model in publication.models:
            text = publication.views.get(model.name)
            if text is not None and self._views.get(model.name) != text:
                execute(session, render(_sql["create_view"], published=_published(model), query=Sql(text)))
                self._views[model.name] = text
        return lists

    def _publish(self, work: Transaction, model: Model, columns: Sql) -> int:
        """Make one table equal to the build's; how many rows changed (a changed row is taken out and put in)."""
        parts = {"published": _published(model), "build": self._build(model), "columns": columns}
        removed = work.update(render(_sql["remove_changed"], key=names(model.key), **parts))
        return max(removed, work.update(render(_sql["insert_changed"], **parts)))

    def _record(self, work: Transaction, publication: Publication, built: MartsBuilt) -> None:
        window, now = publication.window, self._now()
        ledger = {
            "dataset": window.dataset,
            "run_id": publication.run_id,
            "from_seq": window.from_seq,
            "to_seq": window.to_seq,
            "generation": publication.generation,
            "as_of_ms": window.as_of_ms,
            "receipt": msgspec.json.encode(built).decode(),
            "at": now,
        }
        work.execute(_sql["record"], ledger)
        rows = sum(model.rows for model in built.models)
        detail = f"{rows} rows of {len(built.models)} models, runs ({window.from_seq}, {window.to_seq}]"
        said = {"actor": ACTOR, "action": "publish", "object": window.dataset, "detail": detail, "at": now}
        work.execute(_audit, {**said, "run_id": publication.run_id})
        work.execute(_sql["move_on"], ledger)

    def _build(self, model: Model) -> tuple[str, str]:
        return (self.build_schema, model.name)

    def _drop_old_schemas(self, session: SnowflakeConnection) -> None:
        if self._tidy:
            return
        named = {"prefix": f"BUILD_{self._worker}_", "build_schema": self.build_schema}
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


@contextmanager
def _refusals() -> Iterator[None]:
    """What the warehouse refuses for good while publishing (a type that changed) needs a person."""
    try:
        yield
    except errors.ProgrammingError as error:
        raise Invalid(f"the build cannot be published: {error}") from error


def _turn(work: Transaction, publication: Publication) -> MartsBuilt | None:
    """Take the lock; the kept receipt if this run is published already; raises if it is not its turn."""
    dataset = publication.window.dataset
    touched = work.update(_sql["take_lock"], {"dataset": dataset})
    if touched != 1:
        raise _broken_lock(dataset, touched)
    position = _position(work.execute(_sql["position"], {"dataset": dataset}), dataset)
    if position.generation > publication.generation:
        raise Superseded(f"the marts of {dataset} went to generation {position.generation} meanwhile")
    kept = _receipt(work.execute(_sql["receipt"], {"dataset": dataset, "run_id": publication.run_id}))
    if kept is None and position != publication.base:
        raise NotMyTurn(f"the marts of {dataset} went from run {publication.base.run_seq} to {position.run_seq} meanwhile")
    return kept


def _columns(session: SnowflakeConnection) -> Columns:
    """Columns and their types by (schema, table), in order."""
    found: Columns = {}
    for schema, table, column, kind in execute(session, _sql["columns"]):
        found.setdefault((str(schema), str(table)), {})[str(column)] = str(kind)
    return found


def _position(rows: Sequence[tuple[int, ...]], dataset: str) -> Position:
    if len(rows) != 1:
        raise _broken_lock(dataset, len(rows))
    return Position(int(rows[0][0]), int(rows[0][1]))


def _broken_lock(dataset: str, rows: int) -> TypedStop:
    return TypedStop(f"OPS.PUBLISH_LOCK has {rows} rows of {dataset} instead of one: run `tidemark init`, then resume")


def _receipt(rows: Sequence[tuple[str, ...]]) -> MartsBuilt | None:
    return msgspec.json.decode(rows[0][0], type=MartsBuilt) if rows else None


def _published(model: Model) -> tuple[str, str]:
    return (model.published_schema, model.name)


def _upper(schema: str, table: str) -> tuple[str, str]:
    return (schema.upper(), table.upper())
