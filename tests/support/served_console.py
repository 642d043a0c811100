"""A hand-made console (console_world.py) that listens, and a browser that is in it."""

import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import uvicorn
from console_world import TOKEN, World
from opened_page import Scheme
from playwright.sync_api import Browser, Page

# The marks of what a finding is worth mending for; axe-core calls the rest moderate or minor.
SERIOUS = ("serious", "critical")


def served(world: World) -> AbstractContextManager[str]:
    """The console's address, as long as it listens."""
    return listening(world.app)


@contextmanager
def listening(app: Any) -> Iterator[str]:
    """An application's address, as long as it listens."""
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_level="error", proxy_headers=False))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        while not server.started:
            thread.join(0.02)
        port = server.servers[0].sockets[0].getsockname()[1]
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = server.force_exit = True
        thread.join()


class Visitor:
    """A browser at one size and scheme, with what its pages said."""

    def __init__(self, browser: Browser, address: str, size: tuple[int, int], scheme: Scheme = "light") -> None:
        self.address, self.said = address, list[str]()
        context = browser.new_context(viewport={"width": size[0], "height": size[1]}, color_scheme=scheme)
        self.page: Page = context.new_page()
        self.page.set_default_timeout(30_000)
        self.page.on("console", lambda message: self.said.append(message.text))
        self.page.on("pageerror", lambda error: self.said.append(str(error)))
        self.page.on("dialog", lambda dialog: (self.said.append(dialog.message), dialog.dismiss()))

    def sign_in(self, token: str = TOKEN) -> None:
        """With the token, by keyboard alone."""
        self.open("/sign-in")
        self.page.locator("[name=name]").focus()
        self.page.keyboard.type("alice")
        self.page.keyboard.press("Tab")
        self.page.keyboard.type(token)
        self.page.keyboard.press("Enter")
        self.page.wait_for_url(f"{self.address}/")

    def open(self, path: str) -> Page:
        """A page, whole: with its parts and its charts."""
        self.page.goto(self.address + path)
        self.page.wait_for_selector("html[data-ready=true]")
        self.page.wait_for_selector(".asking", state="detached")
        self.page.wait_for_timeout(150)  # pictures take their boxes' size
        return self.page

    def close(self) -> None:
        self.page.context.close()


def tab_to(page: Page, text: str, most: int = 120) -> None:
    """Press Tab until what has the focus says this; AssertionError if it is not to be reached."""
    for _ in range(most):
        page.keyboard.press("Tab")
        said = page.evaluate(
            "(document.activeElement.getAttribute('aria-label') || document.activeElement.innerText || '').trim()"
        )
        if said == text:
            return
    raise AssertionError(f"not to be reached by Tab: {text}")
