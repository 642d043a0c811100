"""The dead letters: what was refused, by whom, why, and what else is known of the same event."""

from base64 import b64encode

from msgspec import structs

from console.fold import trace_id_of
from console.records import LetterLine, LetterPage, Settlement
from console.state import KeptLetter, State
from tidemark.records import Record


def letters(state: State, dataset: str | None = None) -> list[LetterLine]:
    """All, the newest first."""
    mine = [letter for letter in state.dead_letters.values() if dataset in (None, letter.dataset)]
    times: dict[str, int] = {}
    for letter in mine:
        times[_about(letter)] = times.get(_about(letter), 0) + 1
    mine.sort(key=lambda letter: (letter.at_ms, letter.place), reverse=True)
    return [line(state, letter, times[_about(letter)] - 1) for letter in mine]


def letter(state: State, place: str, record: Record | None) -> LetterPage | None:
    """One, whole. `record`: it as it lies in Kafka, None if Kafka has it no more. None: there is no such letter."""
    kept = state.dead_letters.get(place)
    if kept is None:
        return None
    others = [other for other in state.dead_letters.values() if _about(other) == _about(kept)]
    others.sort(key=lambda other: (other.at_ms, other.place))
    body, is_text = _text(record.value if record and record.value else b"")
    headers = [(name, (value or b"").decode("utf-8", "replace")) for name, value in record.headers] if record else []
    return LetterPage(
        letter=line(state, kept, len(others) - 1),
        headers=headers,
        body=body,
        is_text=is_text,
        history=[line(state, other, len(others) - 1) for other in others if other.place != place],
        trace_id=trace_id_of(record) if record else None,
    )


def open_letters(state: State) -> list[KeptLetter]:
    """Those that wait for somebody."""
    return [letter for letter in state.dead_letters.values() if letter.place not in state.settlements]


def line(state: State, letter: KeptLetter, again: int) -> LetterLine:
    """The letter as one line."""
    settled = state.settlements.get(letter.place)
    return LetterLine(
        place=letter.place,
        at_ms=letter.at_ms,
        dataset=letter.dataset,
        stage=letter.stage,
        error=letter.error,
        reason=letter.reason,
        event_id=letter.event_id,
        run_id=letter.run_id,
        from_place=letter.from_place,
        bytes=letter.bytes,
        again=again,
        settled=Settlement(**structs.asdict(settled)) if settled else None,
    )


def _about(letter: KeptLetter) -> str:
    """Letters of one event belong together; without an event's id those of one place."""
    return letter.event_id or letter.from_place


def _text(body: bytes) -> tuple[str, bool]:
    try:
        return body.decode(), True
    except UnicodeDecodeError:
        return b64encode(body).decode(), False
