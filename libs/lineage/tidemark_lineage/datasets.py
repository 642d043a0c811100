"""Tables as OpenLineage's datasets: names, columns, the snapshot, what was read or written, and what each column is
made from.
"""

from msgspec import Struct
from openlineage.client.event_v2 import InputDataset, OutputDataset
from openlineage.client.facet_v2 import (
    DatasetFacet,
    InputDatasetFacet,
    OutputDatasetFacet,
    column_lineage_dataset,
    dataset_version_dataset,
    input_statistics_input_dataset,
    output_statistics_output_dataset,
    schema_dataset,
)

from tidemark.tables import Registry
from tidemark_lineage.columns import Edges, columns_of
from tidemark_lineage.lake import RAW

WAREHOUSE_SCHEMAS = (RAW, "staging", "marts")


class Places(Struct, frozen=True, kw_only=True):
    """Where the tables are: the lake's URI, Snowflake's account and database, ClickHouse's host:port and database."""

    lake: str
    account: str
    database: str
    speed: str
    speed_database: str


class World(Struct, frozen=True):
    """What is known beside the events: the registry, the columns, the places."""

    registry: Registry
    edges: Edges
    places: Places


def is_model(table: str) -> bool:
    """Whether dbt makes the table."""
    return table.partition(".")[0] in WAREHOUSE_SCHEMAS[1:]


def name_of(table: str, places: Places) -> tuple[str, str]:
    """OpenLineage's namespace and name of a table."""
    if table.partition(".")[0] in WAREHOUSE_SCHEMAS:
        return f"snowflake://{places.account}", f"{places.database}.{table}".upper()
    return places.lake, table


def input_of(
    table: str, world: World, snapshot: int | None = None, rows: int | None = None, files: int | None = None
) -> InputDataset:
    """A table that was read, up to a snapshot, so many rows and files of it."""
    counts = input_statistics_input_dataset.InputStatisticsInputDatasetFacet(rowCount=rows, fileCount=files)
    read: dict[str, InputDatasetFacet] = {} if rows is None else {"inputStatistics": counts}
    return InputDataset(*name_of(table, world.places), facets=_facets(table, world, snapshot), inputFacets=read)


def output_of(
    table: str,
    world: World,
    snapshot: int | None = None,
    rows: int | None = None,
    files: int | None = None,
    size: int | None = None,
) -> OutputDataset:
    """A table that was written, as a snapshot, so many rows, files and bytes."""
    statistics = output_statistics_output_dataset.OutputStatisticsOutputDatasetFacet
    counts = statistics(rowCount=rows, fileCount=files, size=size)
    written: dict[str, OutputDatasetFacet] = {} if rows is None else {"outputStatistics": counts}
    facets = _facets(table, world, snapshot) | _column_lineage(table, world)
    return OutputDataset(*name_of(table, world.places), facets=facets, outputFacets=written)


def _facets(table: str, world: World, snapshot: int | None) -> dict[str, DatasetFacet]:
    names = [_cased(table, column.name) for column in columns_of(world.edges, table)]
    facets: dict[str, DatasetFacet] = {}
    if names:
        fields = [schema_dataset.SchemaDatasetFacetFields(name=name) for name in names]
        facets["schema"] = schema_dataset.SchemaDatasetFacet(fields=fields)
    if snapshot is not None:
        facets["version"] = dataset_version_dataset.DatasetVersionDatasetFacet(str(snapshot))
    return facets


def _column_lineage(table: str, world: World) -> dict[str, DatasetFacet]:
    def field(column: str, table: str) -> column_lineage_dataset.InputField:
        return column_lineage_dataset.InputField(*name_of(table, world.places), field=_cased(table, column))

    made = {column: world.edges[column] for column in columns_of(world.edges, table)}
    fields = {
        _cased(table, column.name): column_lineage_dataset.Fields([field(c.name, c.table) for c in sources])
        for column, sources in made.items()
        if sources
    }
    return {"columnLineage": column_lineage_dataset.ColumnLineageDatasetFacet(fields)} if fields else {}


def _cased(table: str, column: str) -> str:
    return column.upper() if table.partition(".")[0] in WAREHOUSE_SCHEMAS else column
