"""The fixture `browser`, for those whose conftest names it."""

import os
import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, sync_playwright

# The headless shell first: the whole browser draws tabs and menus that nobody sees, for half of its processor seconds.
PROGRAMS = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
CHROMIUM = next(filter(None, map(shutil.which, PROGRAMS)), None)

# fewer processes, and none that draws what no screen shows: a quarter of its processor seconds
LEAN = ("--disable-gpu", "--in-process-gpu", "--renderer-process-limit=1", "--disable-extensions")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One chromium for the file. Its own sandbox cannot be had as root."""
    if CHROMIUM is None:
        pytest.skip("no chromium is installed (Debian: apt-get install chromium-headless-shell)")
    with sync_playwright() as playwright:
        sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []
        launched = playwright.chromium.launch(executable_path=CHROMIUM, args=[*sandbox, *LEAN])
        yield launched
        launched.close()
