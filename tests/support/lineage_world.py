"""What the lineage tests know beside the events, and reading a rendered event back by OpenLineage's own classes."""

from typing import Any

from openlineage.client.event_v2 import InputDataset, Job, OutputDataset, Run, RunEvent, RunState
from openlineage.client.serde import Serde

from tidemark_lineage.datasets import Places

PLACES = Places(lake="s3://lake/wh", account="acme", database="TIDEMARK", speed="ch:8123", speed_database="speed")


def read_back(body: dict[str, Any]) -> dict[str, Any]:
    """The event through the client's classes, which check ids and times."""
    event = RunEvent(
        eventType=RunState(body["eventType"]),
        eventTime=body["eventTime"],
        producer=body["producer"],
        run=Run(**body["run"]),
        job=Job(**body["job"]),
        inputs=[InputDataset(**dataset) for dataset in body["inputs"]],
        outputs=[OutputDataset(**dataset) for dataset in body["outputs"]],
    )
    return dict(Serde.to_dict(event))
