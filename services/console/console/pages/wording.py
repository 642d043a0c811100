"""How values are written. Nothing that came from outside can move what stands beside it: what does not print is shown
as a replacement character, line breaks and tabs aside."""

from datetime import UTC, datetime
from typing import Any

NOTHING = "–"
_STEPS = ((60, "s", 1), (3600, "min", 60), (172_800, "h", 3600), (float("inf"), "d", 86_400))
_SIZES = ("B", "kB", "MB", "GB", "TB", "PB")
# What a status means to whoever looks: the sign is there for those who do not see its colour.
GOOD, BUSY, CARE, BAD, QUIET = "good", "busy", "care", "bad", "quiet"
TONES = {
    GOOD: ("ok", "CONVERGED", "done", "success", "pass", "resolved"),
    BUSY: ("working", "CONVERGING", "pending", "held", "flagged"),
    CARE: ("stale", "paused", "suspect", "warning", "warn", "quarantined"),
    BAD: ("halted", "diverged", "stalled", "DIVERGED", "STALLED", "failed", "confirmed", "critical", "error", "fail"),
}
SIGNS = {GOOD: "●", BUSY: "◐", CARE: "▲", BAD: "■", QUIET: "○"}
_TONE_OF = {word: tone for tone, words in TONES.items() for word in words}


def plain(value: Any) -> Any:
    """A text without what does not print; anything else as it is. Markup of our own is no text from outside."""
    if type(value) is not str or value.isprintable():
        return value
    return "".join(c if c.isprintable() or c in "\n\t" else "�" for c in value)


def editable(text: str) -> str:
    """A body for a form to bring back whole: what does not print as JSON writes it, which means the same in JSON."""
    if text.isprintable():
        return text
    units = ((c, c.encode("utf-16-be", "surrogatepass").hex()) for c in text)
    escaped = ("".join(f"\\u{code[at : at + 4]}" for at in range(0, len(code), 4)) for _, code in units)
    return "".join(c if c.isprintable() or c in "\n\t" else code for c, code in zip(text, escaped, strict=True))


def tone(status: str) -> str:
    """How a status is to be seen: good, busy, care, bad or quiet."""
    if status.startswith("failed at"):
        return BAD
    return BUSY if status.startswith("at ") else _TONE_OF.get(status, QUIET)


def count(value: float | None) -> str:
    """`1,234`"""
    return NOTHING if value is None else f"{value:,.0f}"


def figure(value: Any) -> str:
    """A number as short as it says something, a text as it is, a dash for nothing."""
    if value is None:
        return NOTHING
    if isinstance(value, bool) or not isinstance(value, int | float):
        return str(value)
    return f"{value:,.4g}" if isinstance(value, float) and abs(value) < 1000 else f"{value:,.0f}"


def change(before: float | None, now: float | None) -> str:
    """`+1,234 (+12 %)`; a dash where there is nothing to compare."""
    if before is None or now is None:
        return NOTHING
    by = now - before
    part = f" ({by / before:+.0%})".replace("%", " %") if before and abs(by / before) >= 0.005 else ""
    return f"{'+' if by > 0 else '−'}{figure(abs(by))}{part.replace('-', '−')}"


def seconds(value: float | None) -> str:
    """`0.4 s`, `12 s`, `3 min 20 s`, `5 h 3 min`, `3 d 4 h`"""
    if value is None:
        return NOTHING
    if value < 10:
        return f"{value:.1f} s"
    whole = round(value)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return _two(whole, 60, "min", 1, "s")
    return _two(whole, 3600, "h", 60, "min") if whole < 172_800 else _two(whole, 86_400, "d", 3600, "h")


def _two(whole: int, large: int, name: str, small: int, other: str) -> str:
    rest = whole % large // small
    return f"{whole // large} {name}" + (f" {rest} {other}" if rest else "")


def size(value: float | None) -> str:
    """`12.3 MB`"""
    if value is None:
        return NOTHING
    power = 0
    while value >= 1000 and power < len(_SIZES) - 1:
        value, power = value / 1000, power + 1
    return f"{value:,.0f} {_SIZES[power]}" if power == 0 or value >= 100 else f"{value:,.1f} {_SIZES[power]}"


def moment(epoch_ms: int | None) -> str:
    """`2026-11-26 06:49:00 UTC`"""
    return NOTHING if epoch_ms is None else f"{_time(epoch_ms):%Y-%m-%d %H:%M:%S} UTC"


def stamp(epoch_ms: int) -> str:
    """The moment for machines, as `<time>` wants it."""
    return f"{_time(epoch_ms):%Y-%m-%dT%H:%M:%SZ}"


def ago(epoch_ms: int, now_ms: int) -> str:
    """`just now`, `20 s ago`, `3 min ago`, `5 h ago`, `3 d ago`; `in` what lies ahead."""
    gone = (now_ms - epoch_ms) / 1000
    if abs(gone) < 5:
        return "just now"
    step = next((name, unit) for limit, name, unit in _STEPS if abs(gone) < limit)
    text = f"{int(abs(gone) // step[1])} {step[0]}"
    return f"{text} ago" if gone > 0 else f"in {text}"


def _time(epoch_ms: int) -> datetime:
    limit = 253_402_300_799_999  # the last moment that has a date
    return datetime.fromtimestamp(max(0, min(epoch_ms, limit)) / 1000, UTC)
