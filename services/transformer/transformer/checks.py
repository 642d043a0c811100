"""The project's data tests, asked of the warehouse many at a time instead of one dbt node each.

dbt compiles them once per process: their text names relations of the build schema and does not hang on the window
(a test holds this). What a test found is its rows, counted, as dbt counts them.
"""

from collections.abc import Collection, Sequence
from typing import Any

from dbt.artifacts.schemas.results import NodeResult
from dbt.contracts.graph.nodes import GenericTestNode, SingularTestNode
from msgspec import Struct

from tidemark.errors import Invalid

_PLAIN = {"severity": "ERROR", "warn_if": "!= 0", "error_if": "!= 0", "fail_calc": "count(*)", "limit": None}


class DataTest(Struct, frozen=True):
    """A test: `query` selects the rows that break it, `models` are dbt's ids of what it reads."""

    name: str
    query: str
    models: frozenset[str]


def data_tests(compiled: Sequence[NodeResult]) -> list[DataTest]:
    """What dbt compiled. Invalid for a test that means something else than that no row may be found."""
    return [_data_test(r.node) for r in compiled if isinstance(r.node, GenericTestNode | SingularTestNode)]


def tests_of(tests: Sequence[DataTest], built: Collection[str], missing: Collection[str]) -> list[DataTest]:
    """The tests that read any of the models built, and none that is missing, for its build failed."""
    return [test for test in tests if not test.models.isdisjoint(built) and test.models.isdisjoint(missing)]


def _data_test(node: GenericTestNode | SingularTestNode) -> DataTest:
    config: dict[str, Any] = node.config.to_dict()
    config["severity"] = str(config["severity"]).upper()
    other = [name for name, value in _PLAIN.items() if config.get(name) != value]
    if other:
        raise Invalid(f"the data test {node.name} sets {', '.join(other)}: a test can only demand that no row is found")
    return DataTest(node.name, node.compiled_code or "", frozenset(node.depends_on.nodes))
