"""How a source table's columns differ between the last snapshot that was read and now, in sentences. Pure.

Columns are compared by Iceberg's field ids, so that each change is told as what it is. To tell another kind of change,
add its sentences to `changes`.
"""

from ingest_watcher.ports import Columns, History


def changes_since(history: History, snapshot: int, schema_id: int | None) -> list[str]:
    """The changes since this snapshot of this table was read in the shape of this schema."""
    now = _current_schema(history)
    if now is None or now == schema_id:
        return []
    old = history.schemas.get(schema_id) if schema_id is not None else None
    if old is None:
        then = f"the columns at snapshot {snapshot}, the last one read, are not known any more"
        return [f"{then}; they are now {columns_now(history)}"]
    return changes(old, history.schemas[now])


def columns_now(history: History) -> str:
    """All columns of the current snapshot."""
    now = _current_schema(history)
    return ", ".join(map(str, history.schemas[now].values())) if now is not None else "not known"


def changes(old: Columns, new: Columns) -> list[str]:
    """One sentence for each difference."""
    both = [field_id for field_id in new if field_id in old]
    pairs = [(old[field_id], new[field_id]) for field_id in both]
    told = [f"added {new[field_id]}" for field_id in new if field_id not in old]
    told += [f"dropped {old[field_id]}" for field_id in old if field_id not in new]
    told += [f"renamed {a.name} to {b.name}" for a, b in pairs if a.name != b.name]
    told += [f"changed {b.name} from {a.written} to {b.written}" for a, b in pairs if a.type != b.type]
    words = {True: "nullable", False: "required"}
    told += [
        f"made {b.name} {words[b.nullable]}, was {words[a.nullable]}" for a, b in pairs if a.nullable != b.nullable
    ]
    before = [field_id for field_id in old if field_id in new]
    return told if before == both else [*told, f"reordered from {_names(old, before)} to {_names(new, both)}"]


def _names(columns: Columns, field_ids: list[int]) -> str:
    return ", ".join(columns[field_id].name for field_id in field_ids)


def _current_schema(history: History) -> int | None:
    schema_id = schema_of(history, history.current)
    return schema_id if schema_id in history.schemas else None


def schema_of(history: History, snapshot: int | None) -> int | None:
    """The schema in which this snapshot was written, if the metadata knows."""
    return history.snapshots[snapshot].schema_id if snapshot in history.snapshots else None
