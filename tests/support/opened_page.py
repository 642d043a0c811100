"""A written page in a browser: what it says on the console and asks for, and whether it fits and has painted."""

from pathlib import Path
from typing import Literal

from playwright.sync_api import Browser, Page

Scheme = Literal["light", "dark"]
SIZES = [(1440, 900), (390, 844)]
# How many pixels of a canvas are not transparent, and how many colours they have.
PAINTED = """canvas => {
    const pixels = new Uint32Array(canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data.buffer);
    return [pixels.filter(pixel => pixel).length, new Set(pixels).size];
}"""
TOO_WIDE = """() => [...document.querySelectorAll("body *")]
    .filter(e => !e.closest(".scroll > *, .skip") && e.getBoundingClientRect().right > innerWidth + 1)
    .map(e => e.outerHTML.slice(0, 90))"""


class Opened:
    """A page with what it said and asked for; `fragment` is the address's end, from # on. A page that draws says when
    it has; one without a script has nothing to say (`draws` False)."""

    def __init__(
        self,
        browser: Browser,
        file: Path,
        size: tuple[int, int],
        scheme: Scheme = "light",
        fragment: str = "",
        draws: bool = True,
    ) -> None:
        context = browser.new_context(viewport={"width": size[0], "height": size[1]}, color_scheme=scheme)
        self.page: Page = context.new_page()
        self.page.set_default_timeout(20_000)
        self.said: list[str] = []
        self.asked: list[str] = []
        self.page.on("console", lambda message: self.said.append(message.text))
        self.page.on("pageerror", lambda error: self.said.append(str(error)))
        self.page.on("dialog", lambda dialog: (self.said.append(dialog.message), dialog.dismiss()))
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.goto(file.as_uri() + fragment)
        if draws:
            self.page.wait_for_selector("html[data-drawn=true]")
        self.page.wait_for_timeout(100)  # pictures take their boxes' size


def shown(page: Page, selector: str) -> str:
    """The text that is to be seen."""
    return " ".join(page.locator(selector).all_inner_texts())
