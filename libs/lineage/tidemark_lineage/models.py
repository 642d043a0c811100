"""Edges from RAW to the marts: the dbt project's models, rendered here and taken apart by sqlglot.

dbt itself compiles a model only with a warehouse at hand, because is_incremental() asks it. The models are rendered as
in a full build, with Jinja, the project's macros and the few names of dbt's that they use; a model or macro that needs
another one gets it in `_names`.
"""

import datetime
from collections.abc import Callable, Mapping
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any

import jinja2
import sqlglot.errors
import yaml
from msgspec import Struct
from sqlglot import exp
from sqlglot.lineage import lineage

from tidemark.errors import SettingsError
from tidemark_lineage.columns import Column, Edges

SCHEMA_OF_SOURCES = "raw"


class Project(Struct, frozen=True):
    """What a dbt project says: models by name; from the yml files every table's description and its columns' ones."""

    models: dict[str, "Model"]
    tables: dict[str, str]
    columns: dict[str, dict[str, str]]


class Model(Struct, frozen=True):
    """A model: its table (`schema.name`, as published), its SQL as rendered, and the models that it reads."""

    table: str
    sql: str
    reads: list[str]


def read_project(folder: Path) -> Project:
    """Read and render a dbt project. SettingsError: there is none, or a model cannot be rendered."""
    if not (folder / "dbt_project.yml").exists():
        raise SettingsError(f"there is no dbt project in {folder}: set TIDEMARK_DBT_PROJECT")
    documents = [yaml.safe_load(path.read_text()) for path in sorted(folder.glob("models/**/*.yml"))]
    described = [model for document in documents for model in document.get("models", [])]
    sources = [table for document in documents for s in document.get("sources", []) for table in s["tables"]]
    tables = {model["name"]: f"{model['config']['meta']['published_schema']}.{model['name']}" for model in described}
    known = {f"{SCHEMA_OF_SOURCES}.{source['name']}": source for source in sources}
    known |= {tables[model["name"]]: model for model in described}
    render = _renderer(folder, tables)
    models = {path.stem: _model(path, tables, render) for path in sorted(folder.glob("models/**/*.sql"))}
    return Project(
        models=models,
        tables={table: entry.get("description", "") for table, entry in known.items()},
        columns={table: _columns_in(entry) for table, entry in known.items()},
    )


def model_edges(project: Project) -> Edges:
    """The columns of every model, parents first, each with those of the tables that the model reads."""
    schema: dict[str, dict[str, dict[str, str]]] = {}
    for table, columns in project.columns.items():
        namespace, name = table.split(".")
        schema.setdefault(namespace, {})[name] = dict.fromkeys(columns, "varchar")
    edges: Edges = {}
    for name in TopologicalSorter({name: model.reads for name, model in project.models.items()}).static_order():
        edges |= _edges(project.models[name], schema)
    return edges


def _edges(model: Model, schema: Mapping[str, Any]) -> Edges:
    try:
        # untrimmed: a node's own SQL, for which each column's query would be copied, is not looked at
        found = lineage(None, model.sql, dict(schema), dialect="snowflake", trim_selects=False)
    except sqlglot.errors.SqlglotError as error:
        raise SettingsError(f"the columns of {model.table} cannot be followed: {error}") from error
    return {Column(model.table, name.lower()): _leaves(node) for name, node in found.items()}


def _leaves(node: Any) -> list[Column]:
    """The tables' columns at the ends of sqlglot's tree; an end that is no table (a constant, a count) is none."""
    ends = [end for end in node.walk() if isinstance(end.expression, exp.Table)]
    found = [Column(f"{end.expression.db}.{end.expression.name}", end.name.rpartition(".")[2]) for end in ends]
    return sorted({Column(column.table.lower(), column.name.lower()) for column in found})


def _model(path: Path, tables: Mapping[str, str], render: Callable[[Path, list[str]], str]) -> Model:
    if path.stem not in tables:
        raise SettingsError(f"{path} has no yml that describes it")
    reads: list[str] = []
    sql = render(path, reads)
    return Model(tables[path.stem], sql, sorted(set(reads)))


def _renderer(folder: Path, tables: Mapping[str, str]) -> Callable[[Path, list[str]], str]:
    variables = yaml.safe_load((folder / "dbt_project.yml").read_text()).get("vars", {})
    environment = jinja2.Environment(  # noqa: S701 - SQL, not HTML
        undefined=jinja2.StrictUndefined, extensions=["jinja2.ext.do"]
    )

    @cache
    def macros() -> jinja2.Template:
        return environment.from_string("".join(path.read_text() for path in sorted(folder.glob("macros/**/*.sql"))))

    def render(path: Path, reads: list[str]) -> str:
        try:
            names = _names(tables, variables, reads)
            return environment.from_string(path.read_text(), names | vars(macros().make_module(names))).render()
        except (jinja2.TemplateError, KeyError) as error:
            raise SettingsError(f"{path} cannot be rendered without dbt: {error}") from error

    return render


def _names(tables: Mapping[str, str], variables: Mapping[str, Any], reads: list[str]) -> dict[str, Any]:
    """dbt's names as they are in a full build; `reads` collects the models that are referred to."""

    def ref(name: str) -> str:
        reads.append(name)
        return tables[name]

    return {
        "ref": ref,
        "source": lambda _, name: f"{SCHEMA_OF_SOURCES}.{name}",
        "var": lambda name: 0 if variables[name] is None else variables[name],
        "config": lambda **_: "",
        "is_incremental": lambda: False,
        "execute": True,
        "modules": {"datetime": datetime},
    }


def _columns_in(entry: Mapping[str, Any]) -> dict[str, str]:
    return {column["name"].lower(): column.get("description", "") for column in entry.get("columns", [])}
