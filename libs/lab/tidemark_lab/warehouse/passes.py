"""Fakesnow rewrites a statement in some ninety passes over its whole tree, and few of them have anything to find there.

`Tree` stands for a statement's tree in that chain and leaves a pass out if the tree has no node of the kinds that the
pass rewrites. To let a new fakesnow's pass be left out, add it to `REWRITES`; what is not named there always runs.
"""

from collections import Counter
from collections.abc import Callable
from types import FunctionType
from typing import Any

from sqlglot import exp

Rewrite = Callable[..., Any]

NUMERIC_AGGREGATES = (exp.Sum, exp.Avg, exp.Stddev, exp.StddevPop, exp.StddevSamp, exp.Variance, exp.VariancePop)
_KINDS: dict[tuple[type[exp.Expression], ...], str] = {
    (exp.Alter,): "alter_session extract_comment_on_columns",
    (exp.Alter, exp.Command): "alter_table_strip_cluster_by",
    (exp.Alter, exp.Command, exp.Create, exp.Drop): "tag",
    (exp.Alter, exp.Comment, exp.Create): "extract_comment_on_table",
    (exp.Alter, exp.Create): "extract_text_length",
    (exp.Command,): "create_user show_parameters",
    (exp.Command, exp.Show): "show_functions",
    (exp.Create,): "create_clone create_database create_file_format create_stage create_table_as",
    (exp.Drop,): "drop_schema_cascade",
    (exp.ListStage,): "list_stage",
    (exp.Put,): "put_stage",
    (exp.Show,): """
        show_columns show_databases show_keys show_procedures show_schemas show_sequences show_stages show_tables_etc
        show_users show_warehouses
    """,
    (exp.Use,): "set_schema",
    (exp.Set,): "update_variables",
    (exp.Anonymous,): "haversine",
    (exp.Anonymous, exp.SHA2, exp.SHA2Digest): "sha256",
    (exp.Anonymous, exp.Cast, exp.UnixToTime): "to_timestamp",
    (exp.Anonymous, exp.MD5NumberLower64): "md5_number",
    (exp.Func,): "session_names",
    (exp.ToChar,): "formatted_text",
    (exp.Array, exp.ArrayConcat, exp.ArrayConstructCompact): "array_construct_etc",
    (exp.ArrayAgg,): "array_agg",
    (exp.ArraySize,): "array_size",
    (exp.Bracket,): "indices_to_json_extract",
    (exp.Cast,): "flatten_value_cast_as_varchar json_extract_cast_as_varchar timestamp_offsets",
    (exp.CurrentVersion,): "current_version",
    (exp.DataType,): "integer_precision semi_structured_types timestamp_ntz",
    (exp.DateAdd,): "dateadd_date_cast dateadd_string_literal_timestamp_cast",
    (exp.DateDiff,): "datediff_string_literal_timestamp_cast",
    (exp.HexString,): "hex_string",
    (exp.JSONExtract, exp.JSONExtractScalar): "json_extract_precedence",
    (exp.JSONObject, exp.StarMap, exp.Struct): "object_construct",
    (exp.Lateral, exp.TableFromRows): "flatten",
    (exp.Lower, exp.Upper): "json_extract_cased_as_varchar",
    (exp.ObjectAgg,): "object_agg",
    (exp.Rand,): "random",
    (exp.RegexpExtract,): "regex_substr",
    (exp.RegexpReplace,): "regex_replace",
    (exp.Split,): "split",
    (exp.Anonymous, exp.DynamicIdentifier): "identifier",
    (exp.Join,): "alias_in_join",
    NUMERIC_AGGREGATES: "numeric_agg_implicit_cast",
    (exp.TableFromRows,): "result_scan",
    (exp.ToNumber,): "to_decimal",
    (exp.ToVariant,): "to_variant",
    (exp.Trim,): "trim_cast_varchar",
    (exp.Values,): "values_columns",
    (exp.WithinGroup,): "array_agg_within_group",
}
REWRITES = {name: kinds for kinds, names in _KINDS.items() for name in names.split()}


class Tree:
    """A statement that is passed over only where there is something to rewrite."""

    def __init__(self, expression: exp.Expression) -> None:
        self.expression = expression
        self._kinds: Counter[type] | None = None  # of its nodes

    def transform(self, rewrite: Rewrite, *args: Any, copy: bool = True, **named: Any) -> "Tree":
        """As an expression's own `transform`."""
        kinds = kinds_of(rewrite)
        if kinds is not None and not self._nodes_of(kinds):
            return self
        if kinds is not None and isinstance(self.expression, kinds) and self._nodes_of(kinds) == 1:
            self.expression = rewrite(self.expression, *args, **named)
        else:
            self.expression = self.expression.transform(rewrite, *args, copy=copy, **named)
        self._kinds = None
        return self

    def _nodes_of(self, kinds: tuple[type, ...]) -> int:
        if self._kinds is None:
            self._kinds = Counter(type(node) for node in self.expression.walk())
        return sum(number for kind, number in self._kinds.items() if issubclass(kind, kinds))


def kinds_of(rewrite: Rewrite) -> tuple[type, ...] | None:
    """The kinds of nodes that it rewrites, or None: all."""
    return REWRITES.get(name_of(rewrite))


def name_of(rewrite: Rewrite) -> str:
    """A pass's name in `REWRITES`, or its own. Fakesnow gives some of its passes as a lambda around them."""
    names = [rewrite.__name__, *(rewrite.__code__.co_names if isinstance(rewrite, FunctionType) else ())]
    return next((name for name in names if name in REWRITES), rewrite.__name__)
