"""What browsers load beside the pages: files of this package, of tidemark_pages, and of the command line's own pages.

Their addresses carry a hash of their content, so that a browser keeps them for ever and never shows an old one. The
command line's packages are found, not imported: they would bring their clients into this process.
"""

import hashlib
import mimetypes
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

from starlette.requests import Request
from starlette.responses import Response

FOREVER = "public, max-age=31536000, immutable"


class File(NamedTuple):
    """A file's bytes, its type, and the hash that its address carries."""

    body: bytes
    kind: str
    mark: str


def _folder(package: str, *below: str) -> Path:
    spec = find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise ModuleNotFoundError(package)
    return Path(spec.submodule_search_locations[0]).joinpath(*below)


def _places() -> dict[str, Path]:
    own, shared = _folder("console.pages", "static"), _folder("tidemark_pages")
    report, docs = _folder("tidemark_cli.report", "page"), _folder("tidemark_cli.docs", "page")
    vendored = [file for file in (shared / "vendor").iterdir() if file.suffix in (".js", ".css")]
    return {
        **{file.name: file for file in (*own.iterdir(), *vendored)},
        "base.css": shared / "base.css",
        "report.js": report / "page.js",
        "report.css": report / "page.css",
        "lineage.js": docs / "lineage.js",
        "layout.js": docs / "layout.js",
        "lineage.css": docs / "docs.css",
    }


@cache
def assets() -> dict[str, File]:
    """Every file by its name."""
    found = {}
    for name, path in _places().items():
        body = path.read_bytes()
        kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
        found[name] = File(body, kind, hashlib.sha256(body).hexdigest()[:16])
    return found


def address(name: str) -> str:
    """Where a page finds a file."""
    return f"/static/{assets()[name].mark}/{name}"


async def serve(request: Request) -> Response:
    """A file by its address; under an old hash it is the same file, but not kept."""
    found = assets().get(request.path_params["name"])
    if found is None:
        return Response("no such file", 404, media_type="text/plain")
    caching = FOREVER if request.path_params["mark"] == found.mark else "no-cache"
    return Response(found.body, media_type=found.kind, headers={"Cache-Control": caching})
