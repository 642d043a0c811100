"""Where columns come from: from the source to RAW by the registry, from RAW to the marts by the models' SQL."""

from pathlib import Path

import pytest
import yaml

from tidemark.errors import SettingsError
from tidemark.tables import registry
from tidemark_lineage import Edges
from tidemark_lineage.columns import Column, columns_of, find, uses
from tidemark_lineage.lake import lake_edges
from tidemark_lineage.models import model_edges, read_project

PROJECT = Path(__file__).parents[3] / "dbt"


def roots(edges: Edges, column: Column) -> set[str]:
    """The columns without sources from which a column is made in the end."""
    if not edges[column]:
        return {str(column)}
    return set().union(*(roots(edges, source) for source in edges[column]))


def test_every_contract_column_goes_from_the_source_to_raw(edges: Edges) -> None:
    """Source, changes, current and RAW have it, and RAW's leads back to the source's."""
    for name, table in registry().tables.items():
        dataset = registry().datasets[table.dataset]
        for column in table.columns:
            assert roots(edges, Column(f"raw.{name}", column)) == {f"{dataset.source}.{name}.{column}"}
            assert edges[Column(f"{dataset.curated}.{name}", column)] == [
                Column(f"{dataset.curated}.{name}_changes", column)
            ]


def test_tidemarks_own_columns_say_what_they_are_made_from(edges: Edges) -> None:
    """Order columns come from the source's, flags from the columns that rules look at, run columns from nothing."""
    assert roots(edges, Column("raw.orders", "_lsn")) == {"ecommerce.orders.__source_lsn"}
    assert roots(edges, Column("raw.orders", "_flags")) == {"ecommerce.orders.status", "ecommerce.orders.total_amount"}
    assert roots(edges, Column("curated_ecommerce.users", "_state_flags")) == {"ecommerce.users.email"}
    assert roots(edges, Column("raw.user_events", "_ts_ms")) == {"events.user_events.__ts_ms"}
    assert edges[Column("curated_events.user_events_changes", "_lsn")] == []
    assert edges[Column("curated_ecommerce.orders_changes", "_run_id")] == []


def test_every_model_s_columns_are_those_of_its_yml(edges: Edges) -> None:
    """No column is lost to a SQL form that the parser cannot follow; each one's sources are columns that there are."""
    for path in PROJECT.glob("models/**/*.yml"):
        for model in yaml.safe_load(path.read_text()).get("models", []):
            table = f"{model['config']['meta']['published_schema']}.{model['name']}"
            described = [column["name"] for column in model["columns"]]
            assert [column.name for column in columns_of(edges, table)] == described
    assert [source for sources in edges.values() for source in sources if source not in edges] == []


def test_a_mart_s_column_leads_back_to_the_source(edges: Edges) -> None:
    """Through facts, live views and staging; and the source's column leads on to the mart."""
    revenue = Column("marts.customer_lifetime_value", "lifetime_revenue")
    assert roots(edges, revenue) == {"ecommerce.orders.status", "ecommerce.orders.total_amount"}
    duration = Column("marts.fct_sessions", "session_duration_minutes")
    assert roots(edges, duration) == {"events.user_events.timestamp"}
    assert Column("curated_ecommerce.users", "email") in uses(edges)[Column("curated_ecommerce.users_changes", "email")]


@pytest.mark.parametrize(
    ("text", "column"),
    [
        ("users.email", "ecommerce.users.email"),
        ("RAW.USERS.EMAIL", "raw.users.email"),
        ("customer_lifetime_value.email", "marts.customer_lifetime_value.email"),
        ("users_changes._lsn", "curated_ecommerce.users_changes._lsn"),
    ],
)
def test_a_column_is_found_with_or_without_its_namespace(edges: Edges, text: str, column: str) -> None:
    """In any case; of several tables of one name the one nearest to the source."""
    assert str(find(edges, text)) == column
    assert find(edges, "users") is None


def test_a_registry_is_enough_for_the_lake() -> None:
    """The first part of the graph needs no dbt project, and names no table of dbt's."""
    assert {column.table.split(".")[0] for column in lake_edges(registry())} == {
        "ecommerce",
        "curated_ecommerce",
        "events",
        "curated_events",
        "raw",
    }


def small_project(folder: Path, sql: str) -> Path:
    """A project of one source and one model."""
    columns = [{"name": "a"}, {"name": "b"}]
    source = {"name": "raw", "tables": [{"name": "t", "columns": columns}]}
    model = {"name": "m", "config": {"meta": {"published_schema": "marts"}}, "columns": columns}
    (folder / "models").mkdir()
    (folder / "dbt_project.yml").write_text("name: small\nvars: {limit: null}\n")
    (folder / "models" / "m.yml").write_text(yaml.safe_dump({"sources": [source], "models": [model]}))
    (folder / "models" / "m.sql").write_text(sql)
    return folder


def test_a_column_of_a_union_is_made_from_both_sides(tmp_path: Path) -> None:
    """And a constant from nothing."""
    table = "{{ source('raw', 't') }}"
    sql = f"select a, 1 as b from {table} union all select b as a, {{{{ var('limit') }}}} as b from {table}"
    edges = model_edges(read_project(small_project(tmp_path, sql)))
    assert edges == {
        Column("marts.m", "a"): [Column("raw.t", "a"), Column("raw.t", "b")],
        Column("marts.m", "b"): [],
    }


@pytest.mark.parametrize(
    ("sql", "says"),
    [
        ("select {{ dbt_utils.star('t') }}", "m.sql cannot be rendered without dbt: 'dbt_utils' is undefined"),
        ("select * from {{ ref('other') }}", "m.sql cannot be rendered without dbt: 'other'"),
        ("select from where", "the columns of marts.m cannot be followed"),
    ],
)
def test_a_model_that_cannot_be_followed_is_named(tmp_path: Path, sql: str, says: str) -> None:
    """Never half a graph without a word."""
    with pytest.raises(SettingsError, match=says):
        model_edges(read_project(small_project(tmp_path, sql)))


def test_no_project_says_which_setting_is_wrong(tmp_path: Path) -> None:
    """The folder is named, and the variable."""
    with pytest.raises(SettingsError, match="TIDEMARK_DBT_PROJECT"):
        read_project(tmp_path)
