"""Mends of LIST: a stage that lies on S3, and a path below a stage."""

from typing import Any

import fakesnow.transforms
from fakesnow.transforms import stage
from sqlglot import exp

LISTED = """
SELECT file AS name, 0 AS size, '' AS md5, '' AS last_modified FROM glob({folder}) WHERE starts_with(file, {prefix})
"""


def listed_stages() -> None:
    """Quirks: LIST takes `@stage/path` for the stage's name, and looks for every stage in a local folder."""
    stock_list, stock_complete = fakesnow.transforms.list_stage, stage.complete_stage_lookup

    def list_stage(expression: exp.Expression, *rest: Any) -> exp.Expression:
        name, _, path = expression.this.name.partition("/") if isinstance(expression, exp.ListStage) else ("", "", "")
        if not name or "%" in name:  # a table's own stage has no address
            return stock_list(expression, *rest)
        asked = expression.copy()
        asked.set("this", exp.var(name))
        found = stock_list(asked, *rest).select("url")
        found.args["list_stage_path"] = path
        return found

    def complete(expression: exp.Expression, result: tuple[Any, ...] | None) -> str:
        url = result[1] if result is not None and len(result) > 1 else None
        if not url or stage.is_internal(url):
            return str(stock_complete(expression, result and result[:1]))
        prefix = f"{url.rstrip('/')}/{expression.args['list_stage_path']}"
        places = {"folder": f"{prefix.rpartition('/')[0]}/**", "prefix": prefix}
        return LISTED.format(**{name: exp.Literal.string(place).sql("duckdb") for name, place in places.items()})

    fakesnow.transforms.list_stage = list_stage
    stage.complete_stage_lookup = complete
