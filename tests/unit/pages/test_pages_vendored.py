"""What the pages take from others is what its note says it is."""

import hashlib
from importlib.resources import files

VENDOR = files("tidemark_pages").joinpath("vendor")
NOTE = VENDOR.joinpath("README.md").read_text(encoding="utf-8")
NAMES = sorted(entry.name for entry in VENDOR.iterdir())


def test_each_vendored_file_has_the_sum_that_the_note_tells() -> None:
    """No file without a sum, no sum without a file."""
    told = {line.split()[1]: line.split()[0] for line in NOTE.splitlines() if line.startswith("    ")}
    there = [name for name in NAMES if name.endswith((".js", ".css"))]
    assert {name: hashlib.sha256(VENDOR.joinpath(name).read_bytes()).hexdigest() for name in there} == told


def test_each_package_has_its_licence_beside_it() -> None:
    """And every licence that lies there is of a package that the note names."""
    licences = [name for name in NAMES if name.endswith(".LICENSE")]
    assert [name for name in licences if name not in NOTE or not VENDOR.joinpath(name).read_text("utf-8")] == []
    assert len([line for line in NOTE.splitlines() if line.startswith("| ")]) - 1 == len(licences)
