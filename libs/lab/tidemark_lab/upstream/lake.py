"""The source Iceberg tables: created as the ingestion pipeline does (format v2, partitioned by day), then appended to.

Every append carries the property `upstream`, the step and batch it belongs to, so that a step that is finished after a
crash appends nothing twice.
"""

from contextlib import suppress

import boto3
import pyarrow as pa
from botocore.exceptions import ClientError
from pyiceberg.catalog import Catalog, load_catalog
from pyiceberg.exceptions import NamespaceAlreadyExistsError
from pyiceberg.table import Table
from pyiceberg.transforms import DayTransform

from tidemark.settings import LakeSettings
from tidemark.tables import registry
from tidemark_lab.upstream.schemas import SOURCE

PROPERTY = "upstream"
DAY_OF = {"user_events": "timestamp", "transactions": "created_at"}  # the others: __source_ts_ms


class Lake:
    """The catalog and the source tables in it."""

    def __init__(self, settings: LakeSettings) -> None:
        self.settings = settings
        self.catalog: Catalog = load_catalog("lake", **settings.catalog_properties())

    def prepare(self, tables: list[str]) -> None:
        """Create what is missing: bucket, namespaces and the tables named (`ecommerce.users`, ...)."""
        self._bucket()
        for name in tables:
            namespace, table = place(name).split(".")
            with suppress(NamespaceAlreadyExistsError):
                self.catalog.create_namespace(namespace)
            if not self.catalog.table_exists(place(name)):
                self._create(name, DAY_OF.get(table, "__source_ts_ms"))

    def _bucket(self) -> None:
        bucket = self.settings.lake_warehouse.removeprefix("s3://").split("/")[0]
        store = boto3.client("s3", endpoint_url=self.settings.s3_endpoint, region_name=self.settings.aws_region)
        try:
            store.head_bucket(Bucket=bucket)
        except ClientError:
            store.create_bucket(Bucket=bucket)

    def _create(self, name: str, day_of: str) -> None:
        properties = {"format-version": "2", "write.parquet.compression-codec": "zstd"}
        creating = self.catalog.create_table_transaction(place(name), SOURCE[name], properties=properties)
        with creating as transaction, transaction.update_spec() as spec:
            spec.add_field(day_of, DayTransform(), f"{day_of.strip('_')}_day")

    def append(self, name: str, rows: pa.Table, mark: str) -> None:
        """One commit of rows; `mark` tells it from every other, and a second call with it does nothing."""
        table = self.catalog.load_table(place(name))
        if mark not in _marks(table):
            table.append(rows.cast(SOURCE[name]), snapshot_properties={PROPERTY: mark})


def place(name: str) -> str:
    """A source table (`ecommerce.users`) where the registry has its dataset's source."""
    dataset, table = name.split(".")
    return f"{registry().datasets[dataset].source}.{table}"


def _marks(table: Table) -> set[str]:
    summaries = [snapshot.summary for snapshot in table.snapshots() if snapshot.summary]
    return {summary.additional_properties.get(PROPERTY, "") for summary in summaries}
