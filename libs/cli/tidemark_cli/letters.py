"""Commands about dead letters: show them, bring one back, or let one go with a reason."""

from typing import Annotated

import typer
from rich.console import Console

from tidemark import kafka
from tidemark.desk import replayed, settled
from tidemark.events import DEAD_LETTERS
from tidemark.records import Record
from tidemark.settings import KafkaSettings, load
from tidemark_cli import render
from tidemark_cli.chain import asker

console = Console()
Number = Annotated[int, typer.Argument(help="The dead letter's number.")]


def dead_letters(
    number: Annotated[int | None, typer.Argument(help="Show this one whole.")] = None,
) -> None:
    """List the dead letters, or show one with its body and headers."""
    found = read_dead_letters()
    if number is None:
        console.print(render.dead_letters_table(enumerate(found, 1)) if found else "no dead letters")
        return
    record = pick(found, number)
    for name, value in render.header_texts(record).items():
        console.print(f"{render.safe(name)}: {render.safe(value)}")
    console.print(render.safe((record.value or b"").decode("utf-8", "replace")))


def replay(
    number: Number,
    body: Annotated[str | None, typer.Option(help="A mended body (JSON) in place of the old one.")] = None,
) -> None:
    """Send a dead letter to the topic where it lay, with a mended body if one is given."""
    record = pick(read_dead_letters(), number)
    message = replayed(record, None if body is None else body.encode())
    settings = load(KafkaSettings)
    kafka.send(settings, message)
    kafka.publish(settings, settled(record, "replayed", asker(), mended=body is not None))
    console.print(f"sent to {message.topic}")


def drop(number: Number, reason: Annotated[str, typer.Option(help="Why, for the audit.")]) -> None:
    """Let a dead letter go, with the reason; it stays where it lies and is told as settled."""
    record = pick(read_dead_letters(), number)
    kafka.publish(load(KafkaSettings), settled(record, "dropped", asker(), reason=reason))
    console.print(f"let go: {render.safe(record.place)}")


def read_dead_letters() -> list[Record]:
    """All dead letters in order of arrival."""
    return sorted(kafka.read_topic(load(KafkaSettings), DEAD_LETTERS), key=lambda r: (r.timestamp_ms, r.place))


def pick(records: list[Record], number: int) -> Record:
    """Dead letter `number`, counted from 1; exits with 1 if there is none."""
    if not 1 <= number <= len(records):
        console.print(f"no dead letter {number}; `tidemark dead-letters` lists them", style="red")
        raise typer.Exit(1)
    return records[number - 1]
