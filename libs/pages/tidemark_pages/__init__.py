"""What the written pages share: each is one HTML text with style, script and data inside, and asks nobody for anything.

Two locks keep data from becoming code: everything is escaped where it is put in, and the page's content security
policy (frame.html.j2) allows only the scripts that stand in it, by their hashes, and no request at all. A page is a
template in its package's folder `page` that extends the frame; its scripts and styles are files there, or base.css.
"""

import base64
import hashlib
from collections.abc import Sequence
from functools import cache
from typing import Any

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined
from markupsafe import Markup


@cache
def environment(package: str) -> Environment:
    """Jinja for a package's pages; one a package, so that it may add its filters."""
    return Environment(
        loader=ChoiceLoader([PackageLoader(package, "page"), PackageLoader(__name__, ".")]), autoescape=True,
        undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip


def rendered(
    package: str, template: str, *, styles: Sequence[str], scripts: Sequence[str] = (), data: Any = None, **values: Any
) -> str:
    """A whole page. `data` is what its scripts find, as JSON, in the element `data`."""
    texts = [_asset(package, name) for name in scripts]
    return environment(package).get_template(template).render(
        data=data,
        scripts=[Markup(text) for text in texts],  # noqa: S704 - our own files
        styles=[Markup(_asset(package, name)) for name in styles],  # noqa: S704
        script_hashes=[_hash(text) for text in texts],
        **values,
    )  # fmt: skip


def _hash(script: str) -> str:
    return base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()


def _asset(package: str, name: str) -> str:
    jinja = environment(package)
    assert jinja.loader is not None  # noqa: S101 - it was given one
    return jinja.loader.get_source(jinja, name)[0]
