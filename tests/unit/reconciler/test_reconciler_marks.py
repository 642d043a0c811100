"""Side by side: what differs is marked, what cannot be seen is made visible, long texts are cut around it."""

import pytest

from reconciler.marks import LONGEST, Piece, pieces


def shown(mine: str, other: str | None) -> str:
    """The pieces as one text: [differing], {hidden}."""
    found = ""
    for piece in pieces(mine, other):
        text = f"{{{piece.text}}}" if piece.hidden else piece.text
        found += f"[{text}]" if piece.differs else text
    return found


@pytest.mark.parametrize(
    ("mine", "other", "expected"),
    [
        ("gold", None, "gold"),
        ("gold", "gold", "gold"),
        ("gold", "bold", "[g]old"),
        ("12.50", "12.05", "12.5[0]"),
        ("", "x", ""),
        ("abc", "", "[abc]"),
        ("a b", None, "a b"),
        ("a ", "a", "a[{␣}]"),
        (" a  b ", None, "{␣}a {␣}b{␣}"),
        ("tab\there\n\x00\x7f", None, "tab{<TAB>}here{<LF><U+0000><U+007F>}"),
        ("a\u200bb", "ab", "a[{<U+200B>}]b"),
        ("\u202egold", None, "{<U+202E>}gold"),
        ("a\u00a0b", None, "a{<U+00A0>}b"),
        ("a\u3164", None, "a{<U+3164>}"),
        ("cafe\u0301", "café", "caf[e][{<U+0301>}]"),
        ("cafe\u0301", None, "cafe\u0301"),
        ("né☃<b>", "né☃<i>", "né☃<[b]>"),
    ],
)
def test_what_differs_and_what_is_hidden(mine: str, other: str | None, expected: str) -> None:
    """Each side by its own characters; a space only where it could be overlooked."""
    assert shown(mine, other) == expected


def test_a_long_text_is_cut_to_what_differs() -> None:
    """Its equal beginning and end are counted, what differs stands there whole up to a bound."""
    found = shown("a" * 5000 + "X" + "b" * 5000, "a" * 5000 + "Y" + "b" * 5000)
    assert found == "{(4940 more)}" + "a" * 60 + "[X]" + "b" * 60 + "{(4940 more)}"
    wide = shown("x" * 3 * LONGEST, "y")
    assert wide == "[" + "x" * LONGEST + f"][{{({2 * LONGEST} more)}}]"
    assert len(shown("z" * 100_000, None)) < 100


def test_pieces_put_together_are_the_value() -> None:
    """Nothing is lost where nothing is hidden or cut."""
    assert "".join(piece.text for piece in pieces("completed", "complete!")) == "completed"
    assert pieces("a", "b") == [Piece("a", differs=True)]
