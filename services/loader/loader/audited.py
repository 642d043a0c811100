"""What the audit tells of a table's part in a run, beside the load itself: changes of shape, and who asked for what."""

from loader.ports import AuditLine
from tidemark.events import CuratedTable, LakeCurated, Selection

LAKE_ACTOR = "spark-submitter"
KEYS_TOLD = 20


def audited(run: LakeCurated, table: CuratedTable) -> list[AuditLine]:
    """The lines, of what the lake did first."""
    lines = [AuditLine(actor=LAKE_ACTOR, action="ddl", detail=change) for change in table.schema_changes]
    asked = run.asked
    if asked is None or (asked.selection is not None and asked.selection.table != table.table):
        return lines
    said = [_done(run, table), *(_named(asked.selection) if asked.selection else []), asked.reason]
    return [*lines, AuditLine(actor=asked.requested_by, action=asked.kind, detail="; ".join(filter(None, said)))]


def _done(run: LakeCurated, table: CuratedTable) -> str:
    match run.kind:
        case "rollback":
            return f"back to run {run.to_seq}"
        case "replay":
            return f"{table.released} rows left quarantine: {_ends(table)}"
        case "drop":
            return f"{table.dropped} rows dropped from quarantine"
        case _:
            return "asked for"


def _ends(table: CuratedTable) -> str:
    return f"{table.accepted} accepted, {table.repeated} repeated, {table.held} held"


def _named(selection: Selection) -> list[str]:
    keys = ", ".join(selection.keys[:KEYS_TOLD])
    more = f" and {len(selection.keys) - KEYS_TOLD} more" if len(selection.keys) > KEYS_TOLD else ""
    rule = [f"rule {selection.rule}"] if selection.rule is not None else []
    return [*rule, f"keys {keys}{more}"] if selection.keys else rule
