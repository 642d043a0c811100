"""dbt's parsed manifest as the transformer's `Model`s; what a yml must say for the transformer is read here.

A model belongs to the dataset of the RAW tables that it is made from; its meta names where it is published and its key.
"""

from collections.abc import Mapping
from graphlib import TopologicalSorter
from typing import Any, Literal

from dbt.contracts.graph.manifest import Manifest
from dbt.contracts.graph.nodes import GenericTestNode, ModelNode, SingularTestNode, SourceDefinition

from tidemark.errors import Invalid
from tidemark.tables import Registry
from transformer.ports import Model

AS_OF = "macro.tidemark.as_of"
_KINDS: dict[str, Literal["table", "incremental", "view"]] = {
    "table": "table",
    "incremental": "incremental",
    "view": "view",
}


def models_of(manifest: Manifest, registry: Registry) -> dict[str, list[Model]]:
    """Models by dataset, parents first. Invalid if one reads two datasets or its meta is incomplete."""
    nodes = {i: node for i, node in manifest.nodes.items() if isinstance(node, ModelNode)}
    parents = {i: [p for p in node.depends_on.nodes if p in nodes] for i, node in nodes.items()}
    sources = {i: source.name for i, source in manifest.sources.items() if isinstance(source, SourceDefinition)}
    beside = _beside(manifest, nodes)
    datasets: dict[str, set[str]] = {}
    found: dict[str, list[Model]] = {name: [] for name in registry.datasets}
    for i in TopologicalSorter(parents).static_order():
        raw = [sources[p] for p in nodes[i].depends_on.nodes if p in sources]
        own = {registry.tables[table].dataset for table in raw}
        datasets[i] = own.union(*(datasets[p] for p in parents[i]))
        if len(datasets[i]) != 1:
            raise Invalid(f"the model {nodes[i].name} reads {sorted(datasets[i])}: it must read one dataset")
        (dataset,) = datasets[i]
        reads = [nodes[p].name for p in parents[i]]
        found[dataset].append(_model(nodes[i], reads, raw, beside.get(i, [])))
    return found


def _beside(manifest: Manifest, nodes: Mapping[str, ModelNode]) -> dict[str, list[str]]:
    """For each model the other models that its tests select from."""
    beside: dict[str, list[str]] = {}
    for test in manifest.nodes.values():
        if isinstance(test, GenericTestNode | SingularTestNode):
            tested = [i for i in test.depends_on.nodes if i in nodes]
            for i in tested:
                beside.setdefault(i, []).extend(nodes[other].name for other in tested if other != i)
    return beside


def _model(node: ModelNode, reads: list[str], raw: list[str], beside: list[str]) -> Model:
    meta: dict[str, Any] = node.config.meta
    kind = _KINDS.get(node.config.materialized)
    missing = [name for name in ("published_schema", "unique_key") if name not in meta]
    if kind is None:
        raise Invalid(f"the model {node.name} is {node.config.materialized}: only {', '.join(_KINDS)} can be published")
    if missing:
        raise Invalid(f"the model {node.name} cannot be published: its meta lacks {', '.join(missing)}")
    return Model(
        name=node.name,
        kind=kind,
        published_schema=meta["published_schema"],
        key=meta["unique_key"],
        columns=list(node.columns),
        cluster_by=[column for column in meta.get("cluster_by", []) if column in node.columns],
        reads=reads,
        tests_read=sorted(set(beside)),
        raw=raw,
        as_of=AS_OF in node.depends_on.macros,
    )
