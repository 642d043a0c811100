"""Writes docs/events.md from events.py, docs/signals.md from signals.py and the chart's README from its values; tests
hold them together.

`python -m tidemark_cli.documents`, in the checkout.
"""

import inspect
from pathlib import Path
from typing import get_type_hints

import msgspec

from tidemark.events import CHAIN, COMPACTED, DEAD_LETTERS, EVENTS, PARKED, Event
from tidemark_cli import chart_page, signals_page

FILE = Path("docs/events.md")
COMPACTED_TOPICS = ", ".join(f"`{event.topic}`" for event in COMPACTED)
HEAD = f"""# Events

Written from `libs/common/tidemark/events.py` by `make docs`; do not edit.

CloudEvents 1.0 in Kafka's binary mode: the attributes are `ce_` headers (`ce_id` is a function of what happened, so a
repeat has the same), the body is JSON, `traceparent` carries the trace. Every topic has one partition per dataset, in
the registry's order, and is keyed by dataset. Topics keep their records for ever;
{COMPACTED_TOPICS} is compacted.

Beside the events: `{DEAD_LETTERS}` (records as they came, with `tidemark-*` headers that say where each lay, who
refused it and why) and `{PARKED}` (what a halted stage has set aside, in order).

The chain: {" -> ".join(f"`{e.topic}`" for e in CHAIN)}.
"""


def events_page() -> str:
    """The whole page."""
    return HEAD + "".join(_event(event) for event in EVENTS)


def _event(event: type[Event]) -> str:
    hints = get_type_hints(event)
    lines = [f"\n## {event.__name__}\n", f"Topic `{event.topic}`.\n", f"{inspect.getdoc(event)}\n"]
    lines += ["| field | type | needed |", "|---|---|---|"]
    for field in msgspec.structs.fields(event):
        optional = not field.required
        lines.append(f"| `{field.name}` | `{_type(hints[field.name])}` | {'no' if optional else 'yes'} |")
    return "\n".join(lines) + "\n" + "".join(_part(part) for part in _parts(event))


def _parts(event: type[Event]) -> list[type[msgspec.Struct]]:
    """The records inside an event that are not events themselves."""
    found = []
    for hint in get_type_hints(event).values():
        for inner in getattr(hint, "__args__", ()):
            if isinstance(inner, type) and issubclass(inner, msgspec.Struct) and not issubclass(inner, Event):
                found.append(inner)
    return found


def _part(part: type[msgspec.Struct]) -> str:
    hints = get_type_hints(part)
    rows = [f"| `{f.name}` | `{_type(hints[f.name])}` |" for f in msgspec.structs.fields(part)]
    return (
        "\n".join([f"\n**{part.__name__}**: {inspect.getdoc(part)}\n", "| field | type |", "|---|---|", *rows]) + "\n"
    )


def _type(hint: object) -> str:
    text = hint.__name__ if isinstance(hint, type) and not hasattr(hint, "__args__") else str(hint)
    return text.replace("typing.", "").replace("tidemark.events.", "").replace("|", "or")


if __name__ == "__main__":
    FILE.write_text(events_page())
    signals_page.FILE.write_text(signals_page.signals_page())
    chart_page.FILE.write_text(chart_page.chart_page(chart_page.VALUES.read_text()))
