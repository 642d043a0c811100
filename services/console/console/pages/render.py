"""From a record to a page: Jinja, with everything escaped and made plain where it is put in."""

from collections.abc import Mapping
from functools import cache
from typing import Any
from urllib.parse import quote

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape
from msgspec import to_builtins

from console.pages import wording
from console.pages.static import address

FILTERS = ("plain", "tone", "count", "figure", "change", "seconds", "size", "moment", "stamp", "ago")


@cache
def environment() -> Environment:
    """One for all pages. `finalize` is the second lock beside escaping: no control or direction character gets out."""
    jinja = Environment(
        loader=PackageLoader("console.pages", "templates"), autoescape=True, undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True, finalize=wording.plain,
    )  # fmt: skip
    jinja.filters |= {name: getattr(wording, name) for name in FILTERS}
    jinja.filters |= {"commands": commands, "urlencode": lambda text: quote(str(text), safe="")}
    jinja.globals |= {"static": address, "sign": lambda status: wording.SIGNS[wording.tone(status)]}
    return jinja


def page(template_name: str, /, **values: Any) -> str:
    """A whole page, or the part of one that the template is."""
    return environment().get_template(template_name).render(**values)


def commands(text: str) -> Markup:
    """What stands between backticks as code."""
    pieces = wording.plain(text).split("`")
    return Markup("").join(
        Markup("<code>{}</code>").format(piece) if number % 2 else escape(piece) for number, piece in enumerate(pieces)
    )


def chart_data(**values: Any) -> Any:
    """What charts.js draws, for the attribute `data-chart` (`|tojson`): plain values, names made plain."""
    return _plain(to_builtins(values))


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {wording.plain(name): _plain(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    return wording.plain(value)
