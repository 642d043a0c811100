"""All mends, in the order in which they are applied."""

from tidemark_lab.warehouse import bindings, catalog, copy, functions, merge, results, stages, statements, transactions
from tidemark_lab.warehouse.locks import Locks

MENDS = (
    results.null_timestamps,
    results.whole_numbers,
    results.described_results,
    bindings.typed_bindings,
    functions.exact_aggregates,
    functions.trim_characters,
    functions.exact_timestamps,
    functions.rewritten_functions,
    statements.clones,
    statements.query_tag,
    statements.rewritten_statements,
    catalog.views_in_tables,
    catalog.integers_are_numbers,
    catalog.quoted_comments,
    catalog.created_tables,
    copy.mended_copy,
    stages.listed_stages,
    merge.native_merge,
    statements.errors_not_500,
)


def mend(locks: Locks) -> None:
    """Mend the installed fakesnow, once per process, before the first session."""
    for one in MENDS:
        one()
    transactions.waiting_transactions(locks)
