"""The figures of the lake and of the warehouse's layers, each from real tables."""

from decimal import Decimal

import pyarrow as pa
import pytest
from pyiceberg.catalog import Catalog
from snowflake.connector import SnowflakeConnection

from reconciler.lake import IcebergLake
from reconciler.ports import Published, Uncomparable
from reconciler.snowflake import Session, Snowflake
from tidemark.events import LakeCurated
from tidemark.settings import LakeSettings, SnowflakeSettings
from tidemark.tables import registry
from tidemark_lake.catalog import open_catalog
from tidemark_lake.decisions import DecidedTable, Decision, DecisionStore
from tidemark_lake.objects import Folder, s3_client
from tidemark_warehouse import execute

pytestmark = pytest.mark.lab

KNOWN = registry()
ITEMS = KNOWN.tables["order_items"]
ROWS = [(1, "10.50", False), (2, "99999999.99", False), (3, "5.00", True), (2_000_000_000, "0.01", False)]
EXPECTED = {
    "rows": Decimal(4),
    "deleted": Decimal(1),
    "id": Decimal(2_000_000_003),
    "unit_price": Decimal("100000010.50"),
}


@pytest.fixture
def catalog(lake: LakeSettings) -> Catalog:
    return open_catalog(lake.catalog_properties())


def arrow(rows: list[tuple[int, str, bool]]) -> pa.Table:
    return pa.table(
        {
            "id": pa.array([row[0] for row in rows], pa.int32()),
            "unit_price": pa.array([Decimal(row[1]) for row in rows], pa.decimal128(10, 2)),
            "_is_deleted": [row[2] for row in rows],
        }
    )


def test_the_lake_is_read_as_its_decision_left_it(lake: LakeSettings, catalog: Catalog) -> None:
    """Rows that came after the decision do not count, and the changes are those of its snapshot."""
    decisions = DecisionStore(Folder(s3_client(lake.aws_region, lake.s3_endpoint), lake.lake_state))
    catalog.create_namespace("curated_ecommerce")
    tables = {
        name: catalog.create_table(f"curated_ecommerce.{name}", arrow(ROWS).schema)
        for name in ("order_items", "order_items_changes")
    }
    snapshots: dict[str, int | None] = {}
    for kind, name in (("current", "order_items"), ("changes", "order_items_changes")):
        tables[name].append(arrow(ROWS))
        snapshot = tables[name].current_snapshot()
        assert snapshot is not None
        snapshots[kind] = snapshot.snapshot_id
        tables[name].append(arrow(ROWS))
    decided = {
        "order_items": DecidedTable(source_snapshot=1, source_uuid="u", snapshots=snapshots),
        "orders": DecidedTable(source_snapshot=None, source_uuid="u", snapshots={"current": None, "changes": None}),
    }
    decisions.put(decision(decided))
    side = IcebergLake(catalog, decisions, KNOWN)
    assert side.figures("ecommerce", 1, "order_items", ITEMS) == {"changes": Decimal(4), **EXPECTED}
    empty = {"changes", "rows", "deleted", "id", "total_amount"}
    assert side.figures("ecommerce", 1, "orders", KNOWN.tables["orders"]) == dict.fromkeys(empty, Decimal(0))
    with pytest.raises(Uncomparable, match="no decision 2"):
        side.figures("ecommerce", 2, "order_items", ITEMS)


def test_the_warehouse_gives_the_same_figures(
    warehouse: SnowflakeConnection, snowflake_settings: SnowflakeSettings
) -> None:
    """RAW up to a run, staging with deleted rows, live rows and marts without them; empty tables give zeros."""
    columns = "ID NUMBER(10,0), UNIT_PRICE NUMBER(10,2)"
    execute(warehouse, f"CREATE OR REPLACE TABLE STAGING.STG_ORDER_ITEMS ({columns}, _DELETED BOOLEAN)")
    execute(warehouse, f"CREATE OR REPLACE TABLE STAGING.LIVE_ORDER_ITEMS ({columns}, _FLAGGED BOOLEAN)")
    execute(warehouse, f"CREATE OR REPLACE TABLE MARTS.FCT_ORDER_ITEMS ({columns})")
    marts = Snowflake(Session(snowflake_settings))
    assert marts.staging("order_items", ITEMS) == dict.fromkeys(EXPECTED, Decimal(0))
    for row_id, price, deleted in ROWS:
        values = {"id": row_id, "price": Decimal(price), "deleted": deleted, "seq": row_id % 3}
        execute(warehouse, "INSERT INTO STAGING.STG_ORDER_ITEMS SELECT %(id)s, %(price)s, %(deleted)s", values)
        execute(
            warehouse,
            "INSERT INTO RAW.ORDER_ITEMS (ID, UNIT_PRICE, _RUN_SEQ) SELECT %(id)s, %(price)s, %(seq)s",
            values,
        )
        if not deleted:
            execute(warehouse, "INSERT INTO STAGING.LIVE_ORDER_ITEMS SELECT %(id)s, %(price)s, %(id)s = 1", values)
            execute(warehouse, "INSERT INTO MARTS.FCT_ORDER_ITEMS SELECT %(id)s, %(price)s", values)
    live = {"rows": Decimal(3), "unit_price": EXPECTED["unit_price"]}
    assert marts.staging("order_items", ITEMS) == EXPECTED
    assert (marts.live("order_items", ITEMS, False), marts.mart("fct_order_items", ITEMS)) == (live, live)
    kept = {"rows": Decimal(2), "unit_price": Decimal("100000000.00")}
    assert marts.live("order_items", ITEMS, exclude_flagged=True) == kept
    assert marts.raw("order_items", ITEMS, 1) == {"changes": Decimal(sum(row[0] % 3 <= 1 for row in ROWS))}
    assert marts.published("ecommerce") is None


def test_the_marts_say_whether_they_leave_flagged_rows_out(
    warehouse: SnowflakeConnection, snowflake_settings: SnowflakeSettings
) -> None:
    """As the newest publication left the dataset's lock."""
    marts = Snowflake(Session(snowflake_settings))
    ledger = "SELECT 'ecommerce', 'r', 0, 3, 1, 7, '{}', '2026-03-01'::TIMESTAMP_NTZ"
    execute(warehouse, f"INSERT INTO OPS.PUBLISH_LEDGER {ledger}")
    try:
        assert marts.published("ecommerce") == Published(3, 1, 7, exclude_flagged=False)
        execute(warehouse, "UPDATE OPS.PUBLISH_LOCK SET EXCLUDE_FLAGGED = TRUE WHERE DATASET = 'ecommerce'")
        assert marts.published("ecommerce") == Published(3, 1, 7, exclude_flagged=True)
    finally:
        execute(warehouse, "DELETE FROM OPS.PUBLISH_LEDGER")
        execute(warehouse, "UPDATE OPS.PUBLISH_LOCK SET EXCLUDE_FLAGGED = FALSE")


def decision(tables: dict[str, DecidedTable]) -> Decision:
    curated = LakeCurated(
        dataset="ecommerce", run_id="r", run_seq=1, kind="process", generation=0,
        decision=1, tables=[], committed_at_ms=0, seconds=0.0,
    )  # fmt: skip
    return Decision(
        number=1, dataset="ecommerce", run_id="r", run_seq=1, kind="process", generation=0,
        attempt="a", tables=tables, curated=curated,
    )  # fmt: skip
