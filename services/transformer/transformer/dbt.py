"""The models, built by dbt in this process, one invocation at a time.

The project is parsed once per process; each invocation gets that manifest and its window as vars, which dbt reads when
it compiles a model. What may differ between runs must therefore be a var used in SQL, never one used in a config.
"""

import json
import os
import re
from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from dbt.artifacts.schemas.results import NodeResult
from dbt.cli.main import dbtRunner, dbtRunnerResult
from dbt.contracts.graph.manifest import Manifest

from tidemark import telemetry
from tidemark.errors import DataTestFailed, Invalid, Retryable
from tidemark.events import BuiltModel
from transformer.ports import Built, Model, Plan, Window

# "002003 (42S02): ..." is the warehouse's judgement on a statement; what comes without one never reached it.
_JUDGED = re.compile(r"\b\d{5,6} \((?P<state>\w{5})\)")
_TRANSIENT_STATES = ("08", "40", "57")
_QUIET = ["--log-level", "none", "--log-level-file", "none", "--no-write-json", "--no-version-check", "--no-partial-parse"]


class DbtModels:
    """The Models port. `project` is the folder of dbt_project.yml; models build into `build_schema`.

    `environment` is what profiles.yml asks for; `scratch` takes dbt's files. `failures` keeps a failing test's rows.
    """

    def __init__(
        self, project: Path, build_schema: str, scratch: Path, registry: Registry, keep_failures: KeepFailures
    ) -> None:
        self._project = project
        self._build_schema = build_schema
        self._scratch = scratch
        self._manifest: Manifest | None = None
