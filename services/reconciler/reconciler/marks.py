"""Two values side by side: where they differ, and what cannot be seen in them. Pure; page and terminal draw the pieces.

A space is drawn where it could be overlooked, what has no picture of its own as its name or code point. Long texts are
cut to the surroundings of what differs.
"""

import unicodedata
from difflib import SequenceMatcher
from typing import NamedTuple

AROUND = 60  # equal characters shown before and after what differs
LONGEST = 400  # differing characters shown; beyond it they are not compared one by one
NAMED = {"\t": "<TAB>", "\n": "<LF>", "\r": "<CR>"}
BLANK = frozenset("\u115f\u1160\u2800\u3164\uffa0")  # letters by name, and nothing to see


class Piece(NamedTuple):
    """A part of a value. `hidden`: it stands for characters that cannot be seen, or are left out."""

    text: str
    differs: bool = False
    hidden: bool = False


def pieces(mine: str, other: str | None) -> list[Piece]:
    """One value in parts, held against the other side's; `other` None marks nothing."""
    if other is None or mine == other:
        return _drawn(mine, mine, 0, False)
    start = _common(mine, other)
    end = len(mine) - _common(mine[start:][::-1], other[start:][::-1])
    there = other[start : len(other) - len(mine) + end]
    found = _drawn(mine[:start], mine, 0, False, from_end=True)
    for text, place, differs in _compared(mine[start:end], there):
        found += _drawn(text, mine, start + place, differs)
    return found + _drawn(mine[end:], mine, end, False)


def _compared(here: str, there: str) -> list[tuple[str, int, bool]]:
    """The parts of `here` with their places, and whether they differ."""
    if max(len(here), len(there)) > LONGEST:
        return [(here, 0, True)]
    steps = SequenceMatcher(None, here, there, autojunk=False).get_opcodes()
    return [(here[a:b], a, kind != "equal") for kind, a, b, _, _ in steps if b > a]


def _common(one: str, two: str) -> int:
    """How many characters are the same from the beginning on."""
    pairs = zip(one, two, strict=False)
    return next((place for place, (left, right) in enumerate(pairs) if left != right), min(len(one), len(two)))


def _drawn(text: str, whole: str, place: int, differs: bool, from_end: bool = False) -> list[Piece]:
    """A part that begins at `place` of the whole; of a long one its beginning, or its end."""
    longest = LONGEST if differs else AROUND
    more = len(text) - longest if len(text) > 2 * longest else 0
    first = more if from_end else 0
    found: list[Piece] = []
    for at in range(place + first, place + first + len(text) - more):
        overlooked = at in (0, len(whole) - 1) or whole[at - 1] == " "
        seen = _picture(whole[at], differs, differs or overlooked)
        piece = Piece(seen, differs, seen != whole[at])
        if found and found[-1][1:] == piece[1:]:
            piece = Piece(found.pop().text + seen, *piece[1:])
        found.append(piece)
    left_out = [Piece(f"({more} more)", differs, True)] if more else []
    return left_out + found if from_end else found + left_out


def _picture(character: str, differs: bool, show_space: bool) -> str:
    if character == " ":
        return "\u2423" if show_space else character
    if character in NAMED:
        return NAMED[character]
    alone = differs and unicodedata.combining(character)
    if character in BLANK or alone or not character.isprintable():
        return f"<U+{ord(character):04X}>"
    return character
