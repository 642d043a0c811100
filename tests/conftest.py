"""What all tests share: with `-n`, a folder's tests stay together, for they share a broker, a warehouse, a Spark."""

import pytest


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """One group for each folder."""
    for item in items:
        item.add_marker(pytest.mark.xdist_group(str(item.path.relative_to(item.config.rootpath).parent)))
