"""The models, built by dbt in this process, one invocation at a time, and tested by what dbt makes of their data tests.

The project is parsed once per process; each invocation gets that manifest and its window as vars, which dbt reads when
it compiles a model. What may differ between runs must therefore be a var used in SQL, never one used in a config.
"""

import json
import os
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path

from dbt.adapters.base.impl import DEFAULT_BASE_BEHAVIOR_FLAGS
from dbt.artifacts.schemas.results import NodeResult
from dbt.cli.main import dbtRunner, dbtRunnerResult
from dbt.contracts.graph.manifest import Manifest
from dbt.contracts.graph.nodes import ModelNode
from msgspec.structs import asdict

from tidemark import signals, telemetry
from tidemark.errors import DataTestFailed, Invalid, Retryable, TidemarkError
from tidemark.events import BuiltModel
from tidemark.tables import Registry
from transformer.checks import DataTest, data_tests, tests_of
from transformer.manifest import models_of
from transformer.ports import Built, Checks, FailedTest, Model, Plan, Window

# "002003 (42S02): ..." is the warehouse's judgement on a statement; an error without one never reached it.
JUDGED = re.compile(r"\b\d{5,6} \((?P<state>\w{5})\)")
TRANSIENT_STATES = ("08", "40", "57")
FLAGS = ("--log-level=none", "--log-level-file=none", "--no-write-json", "--no-version-check", "--no-partial-parse")
BEHAVIOR_FLAGS = tuple(DEFAULT_BASE_BEHAVIOR_FLAGS)
COMPILE_TESTS = ("compile", "--no-populate-cache", "--select=test_type:data")


class DbtModels:
    """The Models port. `project` is dbt's folder, `scratch` takes its files; models build into `build_schema`.

    `checks` counts the rows that break a test, and keeps them, so that they can be looked at.
    """

    def __init__(
        self,
        project: Path,
        scratch: Path,
        build_schema: str,
        registry: Registry,
        checks: Checks,
    ) -> None:
        self._project = project
        self._scratch = scratch
        self._build_schema = build_schema
        self._registry = registry
        self._checks = checks

    def parse(self) -> None:
        """Read the project now and keep it, so that the first run need not wait for that. Invalid if it is broken."""
        self._all_models()

    def models(self, dataset: str) -> list[Model]:
        """The dataset's models, parents first."""
        return self._models[dataset]

    def build(self, plan: Plan, window: Window) -> Built:
        """One `dbt run` of exactly the plan's models, then their tests; of a build that broke, those that still can."""
        names = [model.name for model in plan.build]
        variables = {name: value for name, value in asdict(window).items() if name != "dataset"}
        os.environ["TIDEMARK_QUERY_TAG"] = f"tidemark transformer {window.dataset}#{window.to_seq}"
        with telemetry.span(signals.DBT_BUILD, models=len(names), from_seq=window.from_seq, to_seq=window.to_seq):
            done = self._invoke(self._manifest, "run", f"--vars={json.dumps(variables)}", "--select", *names)
            results = _results(done)
            for result in results:
                _record_span(result)
        error = _error(done, results)
        if isinstance(error, Retryable):
            raise error
        built = [result for result in results if result.status == "success"]
        tests = self._test(window, plan, built)
        if error is not None:
            raise error
        if len(built) != len(names):
            raise Invalid(f"dbt built {len(built)} of {len(names)} models: {sorted(r.node.name for r in built)}")
        return Built(
            models=[_built(result) for result in built],
            tests=tests,
            views=self._views(built, plan),
            queries={result.node.name: query for result in built if (query := _query_id(result))},
        )

    def _test(self, window: Window, plan: Plan, built: Sequence[NodeResult]) -> int:
        """Ask for the rows that break the tests of what is built; how many tests. DataTestFailed, the rows are kept."""
        ids = {result.node.unique_id for result in built}
        planned = {model.name for model in plan.build}
        missing = {i for i, node in self._manifest.nodes.items() if node.name in planned and i not in ids}
        tests = tests_of(self._tests, ids, missing)
        with telemetry.span(signals.DATA_TESTS, tests=len(tests)):
            counts = self._checks.count_failures([test.query for test in tests])
        failed = [(test, rows) for test, rows in zip(tests, counts, strict=True) if rows]
        for test, rows in failed:
            self._checks.keep_failures(FailedTest(name=test.name, window=window, rows=rows, query=test.query))
        if failed:
            said = ", ".join(f"{test.name} ({rows} rows)" for test, rows in failed)
            told = f"{said}; OPS.FAILED_TESTS tells how to see the rows, the marts stay as they were"
            raise DataTestFailed(told, window.to_seq)
        return len(tests)

    @cached_property
    def _manifest(self) -> Manifest:
        done = self._invoke(None, "parse")
        if isinstance(done.result, Manifest):
            return done.result
        raise done.exception or Invalid("dbt cannot parse the project")

    @cached_property
    def _tests(self) -> list[DataTest]:
        with telemetry.span(signals.DBT_COMPILE):
            done = self._invoke(self._manifest, *COMPILE_TESTS)
        results = _results(done)
        if (error := _error(done, results)) is not None:
            raise error
        return data_tests(results)

    @cached_property
    def _models(self) -> dict[str, list[Model]]:
        return models_of(self._manifest, self._registry)

    def _invoke(self, manifest: Manifest | None, command: str, *arguments: str) -> dbtRunnerResult:
        # dbt takes a profile's values from the environment only
        os.environ["TIDEMARK_BUILD_SCHEMA"] = self._build_schema
        folders = [
            f"--project-dir={self._project}",
            f"--profiles-dir={self._project}",
            f"--target-path={self._scratch / 'target'}",
            f"--log-path={self._scratch / 'logs'}",
        ]
        # Every invocation leaves its adapter's flags in this list, and the next one walks the stack for each of them.
        DEFAULT_BASE_BEHAVIOR_FLAGS[:] = BEHAVIOR_FLAGS
        return dbtRunner(manifest=manifest).invoke([*FLAGS, command, *folders, *arguments])

    def _views(self, built: Sequence[NodeResult], plan: Plan) -> dict[str, str]:
        """The compiled text of the views, with each relation of the build schema replaced by the published one."""
        schemas = {model.name: model.published_schema for model in self._all_models()}
        relations = {
            node.relation_name: f"{node.database}.{schemas[node.name]}.{node.alias}"
            for node in self._manifest.nodes.values()
            if isinstance(node, ModelNode) and node.relation_name
        }
        views = {model.name for model in plan.build if model.kind == "view"}
        return {r.node.name: _renamed(_compiled(r), relations) for r in built if r.node.name in views}

    def _all_models(self) -> list[Model]:
        return [model for models in self._models.values() for model in models]


def _results(done: dbtRunnerResult) -> list[NodeResult]:
    return [result for result in getattr(done.result, "results", []) if isinstance(result, NodeResult)]


def _error(done: dbtRunnerResult, results: Sequence[NodeResult]) -> TidemarkError | None:
    """What dbt could not do."""
    errors = [result for result in results if result.status in ("error", "partial success")]
    messages = [f"{result.node.name}: {result.message}" for result in errors]
    if done.exception is not None:
        messages.append(f"{type(done.exception).__name__}: {done.exception}")
    return judged(messages) if messages else None


def judged(messages: Sequence[str]) -> TidemarkError:
    """Invalid if dbt or the warehouse refused a model for good, Retryable if every error is an outage."""
    text = "; ".join(" ".join(message.split()) for message in messages)
    if any(_refused(message) for message in messages):
        return Invalid(f"dbt: {text}")
    return Retryable(f"dbt could not reach the warehouse: {text}")


def _refused(message: str) -> bool:
    states = [found["state"] for found in JUDGED.finditer(message)]
    if states:
        return not states[-1].startswith(TRANSIENT_STATES)
    return "Compilation Error" in message or "CompilationError" in message


def _compiled(result: NodeResult) -> str:
    return str(getattr(result.node, "compiled_code", None) or "")


def _query_id(result: NodeResult) -> str | None:
    found = (result.adapter_response or {}).get("query_id")
    return None if found is None else str(found)


def _built(result: NodeResult) -> BuiltModel:
    return BuiltModel(name=result.node.name, status=str(result.status), rows=0, seconds=round(result.execution_time, 3))


def _record_span(result: NodeResult) -> None:
    times = [t for t in result.timing if t.started_at and t.completed_at]
    if not times or not isinstance(result.node, ModelNode):
        return
    first, last = _ns(times[0].started_at), _ns(times[-1].completed_at)
    telemetry.record_span(signals.DBT_MODEL.format(model=result.node.name), first, last, status=str(result.status))


def _ns(moment: datetime | None) -> int:
    return 0 if moment is None else int(moment.replace(tzinfo=moment.tzinfo or UTC).timestamp() * 1e9)


def _renamed(text: str, relations: dict[str, str]) -> str:
    pattern = "|".join(re.escape(name) for name in sorted(relations, key=len, reverse=True))
    return re.sub(rf"(?:{pattern})\b", lambda found: relations[found[0]], text)
