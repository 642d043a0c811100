"""The lab's Prometheus, for who wants one (`tidemark up --with prometheus`): Debian's, with the chart's rules.

It asks every service at its health port and keeps a week, exemplars too, on 127.0.0.1 only.
"""

import json
import shutil
from collections.abc import Mapping
from pathlib import Path

from tidemark_lab.errors import LabError

NAME = "prometheus"
RULES = Path(__file__).parents[3] / "helm" / "tidemark" / "rules" / "tidemark.yml"
SCRAPE_SECONDS = 5


def command(folder: Path, port: int) -> list[str]:
    """How it is started on a folder that `prepare` has made."""
    return [
        *("nice", "-n", "10"),  # it only watches
        NAME,
        f"--config.file={folder / 'prometheus.yml'}",
        f"--storage.tsdb.path={folder / 'series'}",
        "--storage.tsdb.retention.time=7d",
        f"--web.listen-address=127.0.0.1:{port}",
        "--enable-feature=exemplar-storage",
        "--log.level=warn",
    ]


def prepare(folder: Path, services: Mapping[str, int]) -> None:
    """Write its configuration: the ports of the services by name. LabError: there is no Prometheus here."""
    if shutil.which(NAME) is None:
        raise LabError(NAME, "it is not on the path: `apt-get install prometheus` brings it")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "prometheus.yml").write_text(configuration(services))


def configuration(services: Mapping[str, int]) -> str:
    """Its configuration, as JSON, which is YAML. The rules are those of the checkout, where there is one."""
    jobs = [
        {
            "job_name": "tidemark",
            "static_configs": [
                {"targets": [f"127.0.0.1:{port}"], "labels": {"service": name}} for name, port in services.items()
            ],
        }
    ]
    seconds = f"{SCRAPE_SECONDS}s"
    made = {
        "global": {"scrape_interval": seconds, "evaluation_interval": seconds},
        "rule_files": [str(RULES)] if RULES.is_file() else [],
        "scrape_configs": jobs,
    }
    return json.dumps(made, indent=1) + "\n"
