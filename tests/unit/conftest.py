"""Unit tests know of no service: endpoints and credentials that other tests of this process have set are not theirs."""

import os

import pytest


@pytest.fixture(autouse=True)
def no_endpoints(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the jars are cached stays known."""
    for name in list(os.environ):
        if name.startswith(("TIDEMARK_", "AWS_")) and name != "TIDEMARK_CACHE":
            monkeypatch.delenv(name)
