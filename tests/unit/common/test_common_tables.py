"""The registry says of itself what is wrong with it."""

from pathlib import Path

import pytest

from tidemark.errors import SettingsError
from tidemark.tables import read_registry

REGISTRY = """
[datasets.shop]
source = "shop"
curated = "curated_shop"
order = "debezium"
tables = ["users"]
[tables.users]
dataset = "shop"
key = ["id"]
[tables.users.columns]
id = {{ type = "int", nullable = false }}
extra = {{ type = "{type}", default = "{default}" }}
[pairs]
"""


@pytest.mark.parametrize(
    ("type_", "default", "fits"),
    [
        ("int", "7", True),
        ("int", "seven", False),
        ("long", "7.5", False),
        ("decimal(10,2)", "7.25", True),
        ("decimal(10,2)", "7.255", False),
        ("decimal(4,2)", "100", False),
        ("decimal(4,2)", "NaN", False),
        ("decimal(4,2)", "Infinity", False),
        ("bool", "true", True),
        ("bool", "maybe", False),
        ("timestamp", "2026-01-01T00:00:00", True),
        ("timestamp", "soon", False),
        ("uuid", "0b6c5f3e-94a4-4f0e-8a4e-0d8f4f1c2b3a", True),
        ("uuid", "none", False),
        ("string", "anything", True),
    ],
)
def test_a_default_is_of_its_columns_type(tmp_path: Path, type_: str, default: str, fits: bool) -> None:
    """Spark would read a default of another type as null, and nobody would hear of it."""
    file = tmp_path / "tables.toml"
    file.write_text(REGISTRY.format(type=type_, default=default))
    if fits:
        assert read_registry(file).tables["users"].columns["extra"].default == default
        return
    with pytest.raises(SettingsError, match=r"users\.extra has the default"):
        read_registry(file)
