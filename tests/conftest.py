"""What all tests share: with `-n`, a folder's tests stay together, for they share a broker, a warehouse, a Spark."""

import pytest

# two that reckon, one that waits for brokers
LONGEST_FIRST = (
    "tests/e2e",
    "tests/unit/curate_job",
    "tests/contract/bus",
    "tests/contract/transformer",
    "tests/contract/loader",
    "tests/contract",
)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """One group for each folder; the long ones begin, so that no worker is left alone with one at the end."""
    items.sort(key=lambda item: next((n for n, name in enumerate(LONGEST_FIRST) if _folder(item).startswith(name)), 9))
    for item in items:
        item.add_marker(pytest.mark.xdist_group(_folder(item)))


def _folder(item: pytest.Item) -> str:
    return item.path.relative_to(item.config.rootpath).parent.as_posix()
