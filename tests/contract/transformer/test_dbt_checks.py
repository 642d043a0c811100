"""The data tests as the transformer asks them: what may stand in one, and what is said when models break as well."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from dbt.cli.main import dbtRunner
from dbt_projects import copy_of, edited
from transformer_bench import Bench

from tidemark.errors import DataTestFailed, Invalid
from transformer.settings import PROJECT

pytestmark = [pytest.mark.lab, pytest.mark.soak]
PRODUCTS = ["stg_products", "live_products", "dim_products"]
Made = Callable[[Path], Bench]


@pytest.fixture
def made(environment: dict[str, str], request: pytest.FixtureRequest) -> Made:
    """A database of its own for a project."""

    def make(project: Path) -> Bench:
        bench = Bench(environment, project)
        request.addfinalizer(bench.close)
        return bench

    return make


def compiled(target: Path, **window: int | bool) -> dict[str, str]:
    """The text of every data test, by name."""
    folders = [f"--project-dir={PROJECT}", f"--profiles-dir={PROJECT}", f"--target-path={target}"]
    chosen = ["--no-populate-cache", "--select=test_type:data", f"--vars={json.dumps(window)}"]
    done = dbtRunner().invoke(["--log-level=none", "--log-level-file=none", "compile", *folders, *chosen])
    return {result.node.name: result.node.compiled_code for result in done.result.results}


def test_the_tests_texts_do_not_hang_on_the_window(dbt: Bench, tmp_path: Path) -> None:
    """So they can be compiled once for all runs; and there are as many as a full build asks."""
    one = compiled(tmp_path, from_seq=0, to_seq=1, as_of_ms=0, exclude_flagged=False)
    assert one == compiled(tmp_path, from_seq=7, to_seq=9, as_of_ms=1_700_000_000_000, exclude_flagged=True)
    asked = 0
    for dataset in ("ecommerce", "events"):
        dbt.load(dataset, 1, {})
        asked += dbt.handle(dataset, 1).tests
    assert asked == len(one) > 0


def test_a_test_that_only_warns_is_refused(made: Made, tmp_path: Path) -> None:
    """It would be asked as if it demanded; so it says that it must."""
    project = copy_of(PROJECT, tmp_path / "warns", PRODUCTS)
    yml = project / "models/core/dim_products.yml"
    edited(yml, "columns: [product_id]", "columns: [product_id]\n          config: {severity: warn}")
    bench = made(project)
    bench.load("ecommerce", 1, {"products": [{"id": 1}]})
    with pytest.raises(Invalid, match="primary_key_dim_products_product_id sets severity"):
        bench.handle("ecommerce", 1)


def test_of_a_build_that_breaks_the_failed_tests_are_said(made: Made, tmp_path: Path) -> None:
    """One that breaks on broken rows is a failed data test of its parent; one that breaks on sound ones is Invalid."""
    project = copy_of(PROJECT, tmp_path / "breaks", PRODUCTS)
    edited(project / "models/core/dim_products.sql", "        name,", "        cast(name as number(10, 0)) as name,")
    bench = made(project)
    bench.load("ecommerce", 1, {"products": [{"id": None, "name": "none"}]})
    with pytest.raises(DataTestFailed, match=r"primary_key_stg_products_id \(1 rows\)"):
        bench.handle("ecommerce", 1)
    bench.empty()
    bench.load("ecommerce", 1, {"products": [{"id": 1, "name": "none"}]})
    with pytest.raises(Invalid, match="dim_products"):
        bench.handle("ecommerce", 1)
