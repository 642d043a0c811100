"""Which models a build has to make: pure functions over the project's models.

A model is built if a RAW table below it changed, if it depends on as_of (which any change moves), or if it is not
published with the columns it has now; an incremental one then begins from nothing, so that a new column is there for
old rows too.
"""

from collections.abc import Collection, Sequence

from transformer.ports import Model, Plan


def select(models: Sequence[Model], changed: Collection[str], published: Collection[str]) -> list[Model]:
    """The models to build, parents first: the stale ones and everything that reads from them.

    `models` come parents first; `changed` are RAW tables, `published` names of models that
    are published as they are now.
    """
    stale: set[str] = set()
    for model in models:
        as_of_moved = model.as_of and bool(changed)
        own = as_of_moved or model.name not in published or not set(changed).isdisjoint(model.raw)
        if own or not stale.isdisjoint(model.reads):
            stale.add(model.name)
    return [model for model in models if model.name in stale]


def plan(models: Sequence[Model], build: Sequence[Model], published: Collection[str], full: bool) -> Plan:
    """The plan for building `build`. `full`: incremental models begin from nothing, not from what is published."""
    building = {model.name for model in build}
    needed = {name for model in build for name in [*model.reads, *model.tests_read]} - building
    return Plan(
        build=list(build),
        start_from=[m for m in build if m.kind == "incremental" and m.name in published and not full],
        read=[model for model in models if model.name in needed and model.name in published],
    )
