"""Where every column comes from, and what a run did, as OpenLineage events.

columns.py the graph and walks over it; lake.py its edges from the source to RAW, out of the registry; models.py those
from RAW to the marts, out of the dbt project; openlineage.py a run's events. Nothing here owns state: the registry, the
project and the chain's events in Kafka are all there is.
"""

from tidemark.tables import Registry
from tidemark_lineage.columns import Edges
from tidemark_lineage.lake import lake_edges
from tidemark_lineage.models import Project, model_edges, read_project

__all__ = ["Edges", "edges_of", "read_project"]


def edges_of(registry: Registry, project: Project) -> Edges:
    """Every column from the source's to the marts', with those it is made from. SettingsError: SQL nobody follows."""
    return lake_edges(registry) | model_edges(project)
