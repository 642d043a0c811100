"""How the report writes values."""

from decimal import Decimal

import pytest

from tidemark_cli.report.wording import LONGEST, text, written


@pytest.mark.parametrize(
    ("value", "kind", "expected"),
    [
        (Decimal("0.00"), "money", "0.00"),
        (Decimal("1234567.8"), "money", "1,234,567.80"),
        (Decimal("-0.004"), "money", "0.00"),
        (Decimal("-12.345"), "money", "-12.35"),
        (Decimal("0.005"), "money", "0.01"),
        (Decimal("900719925474099267890123456.78"), "money", "900,719,925,474,099,267,890,123,456.78"),
        (12345, "count", "12,345"),
        (Decimal("12345"), "count", "12,345"),
        (Decimal("33.35"), "percent", "33.4 %"),
        (Decimal("-33.35"), "percent", "-33.4 %"),
        (0.25, "number", "0.3"),
        (None, "money", "–"),
        (None, "text", "–"),
    ],
)  # fmt: skip
def test_values_are_written_exactly(value: object, kind: str, expected: str) -> None:
    """Money to the last of 38 digits, halves away from zero, null as a dash, no negative nothing."""
    assert written(value, kind) == expected


def test_text_can_neither_turn_the_line_nor_fill_the_page() -> None:
    """What does not print (control, direction marks, lone surrogates) is shown as a mark; long text is cut."""
    assert text("a\x00b\u202ec\ud800d\n") == "a�b�c�d�"
    assert text("x" * LONGEST) == "x" * LONGEST
    assert text("x" * 1_000_000) == "x" * (LONGEST - 1) + "…"
