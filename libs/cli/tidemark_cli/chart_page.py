"""helm/tidemark/README.md from the chart's values.yaml: each value, its default, and the comment above it."""

import re
from dataclasses import dataclass
from pathlib import Path

FILE = Path("helm/tidemark/README.md")
VALUES = Path("helm/tidemark/values.yaml")
HEAD = """# The chart tidemark

Written from `values.yaml` by `make docs`; do not edit. The five services (each a StatefulSet of one pod:
[ADR 21](../../docs/adr/0021-one-process-a-stage.md)), the SparkApplication that the submitter makes for every run, the
Job that creates the topics, and NetworkPolicies that let through what the values name. `values.schema.json` refuses
what cannot work.

```sh
helm install spark-operator spark-operator --repo https://kubeflow.github.io/spark-operator --version 2.5.1 \\
  -n spark-operator --create-namespace --set 'spark.jobNamespaces={tidemark}'
helm install tidemark helm/tidemark -n tidemark --values my-values.yaml
helm test tidemark -n tidemark    # a request that changes nothing, and its answer
```

- Nothing in a values file is secret: Secrets are named. They exist, or `externalSecrets` keeps them. Whoever changes
  one restarts the services (`kubectl rollout restart`).
- All pods keep the restricted Pod Security level, with a read-only root file system; only the submitter and Spark's
  driver have a Kubernetes token. The submitter may make SparkApplications in its namespace, nobody else may.
- In production an administrator has run `tidemark init` (README of the project); with `init.warehouse` the chart does.
- An upgrade waits for the event in hand; a run under way in Spark goes on and is found again.
- A cluster on one's own machine: [docs/kind-on-windows.md](../../docs/kind-on-windows.md), `values-kind.yaml`.
- The console will be one more caller of the worker helper, `templates/console.yaml`.
"""
_LINE = re.compile(r"^( *)([\w-]+):(?: (.*))?$")


@dataclass(frozen=True)
class Value:
    """One entry of values.yaml. `default` None: it holds others."""

    path: str
    default: str | None
    text: str


def chart_page(values: str) -> str:
    """The whole page."""
    parts = [HEAD]
    for value in entries(values):
        if "." not in value.path:
            parts.append(f"\n## {value.path}\n\n{value.text + chr(10) * 2 if value.text else ''}")
            parts.append("| value | default | |\n|---|---|---|\n")
        if value.default is not None:
            parts.append(f"| `{value.path}` | `{value.default}` | {value.text} |\n")
        elif "." in value.path and value.text:
            parts.append(f"| `{value.path}` | | {value.text} |\n")
    return "".join(parts)


def entries(values: str) -> list[Value]:
    """Every entry in order, with the comment directly above it in one line."""
    found, above, path = list[Value](), list[str](), list[str]()
    for line in values.splitlines():
        entry = _LINE.match(line)
        if line.lstrip().startswith("#"):
            above.append(line.lstrip(" #"))
        elif entry:
            indent, name, default = entry.groups()
            path = [*path[: len(indent) // 2], name]
            found.append(Value(".".join(path), default, " ".join(above)))
            above = []
        else:
            above = []
    return found
