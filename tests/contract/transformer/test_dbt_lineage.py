"""The models as lineage renders them are the models as dbt compiles them for a full build."""

import re
from pathlib import Path

import pytest
from dbt.cli.main import dbtRunner
from dbt.contracts.graph.nodes import ModelNode
from transformer_bench import Database

from tidemark_lineage.models import read_project
from transformer.settings import PROJECT

pytestmark = pytest.mark.lab


def test_lineage_reads_what_dbt_compiles(database: Database, tmp_path: Path) -> None:
    """Word for word, with tables named as published; else a macro or a name of dbt's means something else here."""
    ours = read_project(PROJECT)
    folders = [f"--project-dir={PROJECT}", f"--profiles-dir={PROJECT}", f"--target-path={tmp_path}", "--log-level=none"]
    done = dbtRunner().invoke(["compile", "--full-refresh", "--vars={as_of_ms: 0}", f"--log-path={tmp_path}", *folders])
    assert done.success, done.exception
    nodes = [result.node for result in done.result if isinstance(result.node, ModelNode)]
    tables = {node.relation_name: ours.models[node.name].table for node in nodes}
    tables |= {f"{database.settings.snowflake_database}.RAW.": "raw."}
    compiled = {node.name: _plain(node.compiled_code or "", tables) for node in nodes}
    assert compiled == {name: _plain(model.sql, {}) for name, model in ours.models.items()}


def _plain(sql: str, tables: dict[str | None, str]) -> str:
    for name in sorted(filter(None, tables), key=len, reverse=True):
        sql = re.sub(rf"{re.escape(name)}(?!\w)" if name[-1] != "." else re.escape(name), tables[name], sql)
    return " ".join(sql.split())
