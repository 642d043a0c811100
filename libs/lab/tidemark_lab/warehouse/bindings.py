"""Mends of bound values (`?` and array bindings): NULL, decimals, floats."""

from decimal import Decimal
from typing import Any

import fakesnow.converter
import fakesnow.server


def typed_bindings() -> None:
    """Quirk: NULL inside an array binding and a bound Decimal end in HTTP 500; a bound float arrives as text."""
    stock = fakesnow.converter.from_binding

    def from_binding(binding: dict[str, Any]) -> Any:
        kind, value = binding["type"], binding["value"]
        if value is None:
            return None
        if kind == "FIXED" and not value.lstrip("+-").isdigit():
            return Decimal(value)
        if kind == "REAL":
            return float(value)
        return stock(binding)

    fakesnow.converter.from_binding = from_binding
    fakesnow.server.from_binding = from_binding
