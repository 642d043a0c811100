"""dbt's own documentation as one file, by dbt itself in this process; nothing is written into the project.

dbt knows a model in the schema in which it is built, people know it where it is published: the manifest is given the
published names before dbt looks for the tables. That manifest never builds anything.
"""

import os
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from tidemark.errors import Invalid, Retryable, SettingsError
from tidemark.settings import SnowflakeSettings, load

if TYPE_CHECKING:
    from dbt.cli.main import dbtRunnerResult
    from dbt.contracts.graph.manifest import Manifest

FLAGS = ("--log-level=none", "--log-level-file=none", "--no-version-check", "--no-partial-parse")
GENERATE = ("docs", "generate", "--static", "--no-compile")
# the profile demands them, also for what asks no warehouse
STAND_INS = {f"TIDEMARK_SNOWFLAKE_{name}": "none" for name in ("ACCOUNT", "USER", "PASSWORD")}


class DbtPage(NamedTuple):
    """The page, and why it has no types and sizes from the warehouse, if it has none."""

    text: str
    without_catalog: str | None


def dbt_page(project: Path, scratch: Path) -> DbtPage:
    """The documentation; `scratch` takes dbt's files. Invalid: dbt cannot read the project."""
    problem = warehouse_problem()
    if problem is not None:
        os.environ.update({name: value for name, value in STAND_INS.items() if not os.environ.get(name)})
    manifest = _parsed(project, scratch)
    if problem is None:
        done = _invoke(project, scratch, manifest, *GENERATE)
        problem = None if done.success else f"the warehouse's catalog cannot be read: {_said(done)}"
    if problem is not None:
        done = _invoke(project, scratch, manifest, *GENERATE, "--empty-catalog")
        if not done.success:
            raise Invalid(
                f"dbt cannot write its documentation: {_said(done)}; `dbt docs generate` in {project} says more"
            )
    return DbtPage((scratch / "static_index.html").read_text(encoding="utf-8"), problem)


def warehouse_problem() -> str | None:
    """Why the warehouse cannot be asked; None if it answers."""
    from snowflake.connector import errors

    from tidemark_warehouse import connect

    try:
        connect(load(SnowflakeSettings), "tidemark docs").close()
    except (SettingsError, Retryable, errors.Error) as error:
        return str(error)
    return None


def _parsed(project: Path, scratch: Path) -> "Manifest":
    from dbt.contracts.graph.manifest import Manifest
    from dbt.contracts.graph.nodes import ModelNode
    from dbt.parser.manifest import write_manifest

    done = _invoke(project, scratch, None, "parse")
    if not isinstance(done.result, Manifest):
        raise Invalid(f"dbt cannot read {project}: {_said(done)}; `dbt parse` there says more")
    for node in done.result.nodes.values():
        if isinstance(node, ModelNode):
            node.schema = node.config.meta["published_schema"]
            node.relation_name = f"{node.database}.{node.schema}.{node.alias}"
    write_manifest(done.result, str(scratch))
    return done.result


def _invoke(project: Path, scratch: Path, manifest: "Manifest | None", *command: str) -> "dbtRunnerResult":
    # here, because dbt's import would make every other command slower
    from dbt.cli.main import dbtRunner

    places = (f"--project-dir={project}", f"--profiles-dir={project}")
    folders = (f"--target-path={scratch}", f"--log-path={scratch}")
    return dbtRunner(manifest=manifest).invoke([*FLAGS, *command, *places, *folders])


def _said(done: "dbtRunnerResult") -> str:
    errors = getattr(done.result, "errors", None) or [done.exception]
    return " ".join("; ".join(map(str, errors)).split())
