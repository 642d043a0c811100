"""The JSON API's description: the records' schemas, as msgspec tells them, put where FastAPI looks for them."""

from typing import Any

import msgspec
from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.responses import Response

REFERENCES = "#/components/schemas/{name}"


def answered(kind: Any, description: str) -> dict[int | str, dict[str, Any]]:
    """What a route answers with 200: `responses=answered(Overview, "How things are")`."""
    (schema,), _ = msgspec.json.schema_components([kind], ref_template=REFERENCES)
    return {200: {"description": description, "content": {"application/json": {"schema": schema}}}}


def describe(app: FastAPI, kinds: list[Any]) -> None:
    """Have /openapi.json name the schemas of all that is answered."""
    _, components = msgspec.json.schema_components(kinds, ref_template=REFERENCES)

    def description() -> dict[str, Any]:
        if app.openapi_schema is None:
            found = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes)
            found.setdefault("components", {}).setdefault("schemas", {}).update(components)
            app.openapi_schema = found
        return app.openapi_schema

    app.openapi = description  # type: ignore[method-assign]


class Answer(Response):
    """A record as JSON."""

    media_type = "application/json"

    def render(self, content: Any) -> bytes:
        return msgspec.json.encode(content)
