"""A dataset without a pair: its layers held against each other, on the twins."""

from dataclasses import replace
from decimal import Decimal

from reconciler_bench import KNOWN, Bench, alerts_of, pair_of

from reconciler.memory import MemoryLake
from tidemark.events import LayersReconciled


def test_ecommerce_layers_are_held_against_each_other() -> None:
    """Equal figures converge with the figures in the detail, unequal ones diverge with an alert."""
    bench = Bench()
    names = list(KNOWN.tables_of("ecommerce"))
    figures = {"changes": Decimal(9), "rows": Decimal(5), "deleted": Decimal(1), "id": Decimal(15)}
    lake = MemoryLake({(seq, name): figures for seq in (1, 2) for name in names})
    for name in names:
        bench.marts.layers |= {("raw", name): {"changes": Decimal(9)}, ("staging", name): figures}
        bench.marts.layers |= {("live", name): {"rows": Decimal(4)}, ("mart", f"fct_{name}"): {"rows": Decimal(4)}}
    bench.ports = replace(bench.ports, lake=lake)
    converged = bench.run("ecommerce")
    bench.marts.layers["mart", "fct_orders"] = {"rows": Decimal(3)}
    diverged = bench.run("ecommerce")
    assert isinstance(converged[0], LayersReconciled)
    assert [(p.pair, p.status) for p in converged[0].pairs] == [(f"layers.{name}", "CONVERGED") for name in names]
    assert pair_of(converged, "layers.users").detail == "changes 9, rows 5, deleted 1, id 15"
    assert pair_of(diverged, "layers.orders").detail == "rows: live staging 4, fct_orders 3"
    assert alerts_of(diverged) == [("reconciler/layers.orders/diverged/run-2", False)]


def test_marts_without_flagged_rows_are_held_against_staging_without_them() -> None:
    """Like with like: staging's other rows are those that the marts, as they stand, are made from."""
    bench = Bench()
    names = list(KNOWN.tables_of("ecommerce"))
    bench.ports = replace(bench.ports, lake=MemoryLake({(seq, name): {} for seq in (1, 2, 3) for name in names}))
    for name in names:
        bench.marts.layers |= {("raw", name): {}, ("staging", name): {}, ("live", name): {"rows": Decimal(4)}}
        bench.marts.layers |= {("kept", name): {"rows": Decimal(3)}, ("mart", f"fct_{name}"): {"rows": Decimal(3)}}
    whole = bench.run("ecommerce")
    assert pair_of(whole, "layers.orders").detail == "rows: live staging 4, fct_orders 3"
    bench.exclude_flagged = True
    assert pair_of(bench.run("ecommerce"), "layers.orders").status == "CONVERGED"
    bench.marts.layers["mart", "fct_orders"] = {"rows": Decimal(4)}
    assert pair_of(bench.run("ecommerce"), "layers.orders").detail == "rows: live staging 3, fct_orders 4"
