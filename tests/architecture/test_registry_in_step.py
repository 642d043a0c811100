"""The registry, dbt's sources and the marts' names say the same."""

from pathlib import Path

import yaml

from tidemark.tables import registry
from tidemark_lab.upstream.schemas import SPEED

ROOT = Path(__file__).parents[2]


def _yml() -> list[dict[str, object]]:
    return [yaml.safe_load(p.read_text()) for p in (ROOT / "dbt" / "models").rglob("*.yml")]


def test_dbt_sources_are_the_registrys_tables() -> None:
    """Every table is a dbt source with the contract's columns, and no other is."""
    sources = {
        table["name"].lower(): {c["name"].lower() for c in table.get("columns", [])}
        for document in _yml()
        for source in document.get("sources", [])  # type: ignore[attr-defined]
        if source["name"] == "raw"
        for table in source["tables"]
    }
    expected = {name: set(table.columns) for name, table in registry().tables.items()}
    assert expected.keys() == sources.keys()
    assert {n: columns - sources[n] for n, columns in expected.items() if columns - sources[n]} == {}


def test_every_model_is_described() -> None:
    """Each model's yml describes the model and each of its columns, and a SQL file has a yml."""
    models = [m for document in _yml() for m in document.get("models", [])]  # type: ignore[attr-defined]
    undescribed = [m["name"] for m in models if not m.get("description")]
    columns = [f"{m['name']}.{c['name']}" for m in models for c in m.get("columns", []) if not c.get("description")]
    files = {p.stem for p in (ROOT / "dbt" / "models").rglob("*.sql")}
    assert (undescribed, columns, files - {m["name"] for m in models}) == ([], [], set())


def test_pairs_name_models() -> None:
    """A reconciled pair's batch side is a model of dbt."""
    files = {p.stem for p in (ROOT / "dbt" / "models").rglob("*.sql")}
    assert [pair.batch for pair in registry().pairs.values() if pair.batch not in files] == []


def test_a_pair_that_is_not_partial_names_every_column() -> None:
    """A correction is a whole row of the speed layer's table, with a new version."""
    rows = {name: pair for name, pair in registry().pairs.items() if pair.totals_of is None}
    lacking = {name: set(SPEED[p.speed].names) - {*p.columns, p.version} for name, p in rows.items()}
    assert {name for name, columns in lacking.items() if columns} == {name for name, p in rows.items() if p.partial}


def test_raw_and_staging_are_clustered_alike() -> None:
    """A staging table has its RAW table's clustering keys, from its own meta or from the project's."""
    project = yaml.safe_load((ROOT / "dbt" / "dbt_project.yml").read_text())
    default = project["models"]["tidemark"]["+meta"]["cluster_by"]
    keys = {}
    for model in (m for document in _yml() for m in document.get("models", [])):  # type: ignore[attr-defined]
        columns = {column["name"] for column in model["columns"]}
        keys[model["name"]] = [k for k in model["config"]["meta"].get("cluster_by", default) if k in columns]
    expected = {f"stg_{name}": table.cluster_by for name, table in registry().tables.items()}
    assert {name: keys[name] for name in expected} == expected
