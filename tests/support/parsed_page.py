"""A written page, taken apart as a browser would."""

import base64
import hashlib
import json
import re
from html.parser import HTMLParser
from typing import Any


class Parsed(HTMLParser):
    """A page's scripts, text, addresses and ids."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.scripts: list[tuple[str | None, str]] = []
        self.shown: list[str] = []
        self.addresses: list[str] = []
        self.ids: list[str] = []
        self.tags: list[str] = []
        self.policy = ""
        self._open = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        given = dict(attributes)
        self._open = tag
        self.tags.append(tag)
        if tag == "script":
            self.scripts.append((given.get("type"), ""))
        if given.get("http-equiv") == "Content-Security-Policy":
            self.policy = given.get("content") or ""
        self.ids += [given["id"]] if given.get("id") else []  # type: ignore[list-item]
        self.addresses += [value or "" for name, value in attributes if name in ("src", "href", "action", "srcset")]

    def handle_endtag(self, tag: str) -> None:
        self._open = ""

    def handle_data(self, data: str) -> None:
        if self._open == "script":
            kind, before = self.scripts[-1]
            self.scripts[-1] = (kind, before + data)
        else:
            self.shown.append(data)

    @property
    def data(self) -> Any:
        """What stands in the element `data`."""
        return next(json.loads(text) for kind, text in self.scripts if kind == "application/json")

    def is_locked(self, *neighbours: str) -> bool:
        """Whether addresses lead into the page or to neighbours only, and the policy allows its own scripts alone."""
        texts = [text for kind, text in self.scripts if not kind]
        hashes = {base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in texts}
        return (
            all(address.startswith(("#", "data:,")) or address in neighbours for address in self.addresses)
            and self.policy.startswith("default-src 'none'; ")
            and set(re.findall(r"'sha256-([^']+)'", self.policy)) == hashes
        )
