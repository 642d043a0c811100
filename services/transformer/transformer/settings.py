"""The transformer's settings: the runner's, the warehouse's, and where the models are."""

from pathlib import Path

from tidemark.settings import RunnerSettings, SnowflakeSettings

PROJECT = Path(__file__).parents[3] / "dbt"


class TransformerSettings(RunnerSettings, SnowflakeSettings):
    """Read from TIDEMARK_* variables. `worker`: a name that no other running transformer has.

    `exclude_flagged`: the marts leave out rows that carry a flag, and what belongs to them; from the next run on.
    """

    worker: str = "0"
    dbt_project: Path = PROJECT
    exclude_flagged: bool = False
