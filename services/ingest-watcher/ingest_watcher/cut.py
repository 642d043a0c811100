"""From a table's commits to its part of a cut: pure functions over what the metadata says.

Every commit between the two ends is classified: append is processed, replace (compaction) changes no row, and what
the chain must not guess about (overwrite, delete, a rolled back, expired or recreated table) is a TypedStop whose
message names the remedy. To treat another operation, add it to `_HARMLESS` or let it stop.
"""

from collections.abc import Iterator

from ingest_watcher.ports import History, Snapshot
from ingest_watcher.shape import changes_since, columns_now, schema_of
from tidemark.errors import TypedStop
from tidemark.events import TableCut
from tidemark_lake.decisions import DecidedTable

_HARMLESS = {"append", "replace"}
REMEDY = (
    "decide with the owners of the source (a new full snapshot heals what is gone, docs/adr/0007), then ask for a "
    "rebuild: tidemark publish --dataset {dataset} --rebuild"
)


def full_cut(table: str, history: History, read: DecidedTable | None = None) -> TableCut:
    """Everything that the table holds now: what a rebuild and a first run read. `read`: what has been published."""
    chain = list(_back_from(history, history.current))
    return TableCut(
        table=table,
        from_snapshot=None,
        to_snapshot=history.current,
        rows=sum(s.rows for s in chain if s.operation == "append"),
        files=sum(s.files for s in chain if s.operation == "append"),
        to_schema=schema_of(history, history.current),
        schema_changes=_changes_across(history, read),
    )


def _changes_across(history: History, read: DecidedTable | None) -> list[str]:
    if read is None or read.source_snapshot is None:
        return []
    if read.source_uuid != history.uuid:
        return [f"the table was made again; its columns are now {columns_now(history)}"]
    return changes_since(history, read.source_snapshot, read.source_schema)


def next_cut(dataset: str, table: str, base: int | None, base_uuid: str | None, history: History) -> TableCut:
    """The commits after `base` (the last published snapshot). Raises TypedStop where a person must decide."""
    if base is None:
        return full_cut(table, history)
    stop = REMEDY.format(dataset=dataset)
    if base_uuid is not None and history.uuid != base_uuid:
        raise TypedStop(f"{dataset}.{table} was dropped and made again; {stop}")
    new = _since(dataset, table, base, history, stop)
    for snapshot in new:
        if snapshot.operation not in _HARMLESS:
            what = f"snapshot {snapshot.snapshot_id} of {dataset}.{table} is a {snapshot.operation}"
            raise TypedStop(f"{what}, and a change log is append-only; {stop}")
    appended = [s for s in new if s.operation == "append"]
    return TableCut(
        table=table,
        from_snapshot=base,
        to_snapshot=history.current,
        rows=sum(s.rows for s in appended),
        files=sum(s.files for s in appended),
        to_schema=schema_of(history, history.current),
        schema_changes=changes_since(history, base, schema_of(history, base)),
    )


def _since(dataset: str, table: str, base: int, history: History, stop: str) -> list[Snapshot]:
    """Oldest first, the commits after `base` up to the current one."""
    if base == history.current:
        return []
    found: list[Snapshot] = []
    for snapshot in _back_from(history, history.current):
        if snapshot.snapshot_id == base:
            return found[::-1]
        found.append(snapshot)
    if base not in history.snapshots:
        raise TypedStop(f"snapshot {base} of {dataset}.{table}, the last one published, has expired; {stop}")
    back = f"go back to a run that it still holds (tidemark rollback --dataset {dataset} --to RUN) and resume, or"
    if found and found[-1].committed_at_ms > history.snapshots[base].committed_at_ms:
        raise TypedStop(
            f"{dataset}.{table} cannot be followed back to snapshot {base}, which is published: what came before "
            f"snapshot {found[-1].snapshot_id} has expired, and whether the table was rolled back is not known; "
            f"if it was, {back} {stop}"
        )
    raise TypedStop(f"{dataset}.{table} was rolled back behind snapshot {base}, which is published; {back} {stop}")


def _back_from(history: History, start: int | None) -> Iterator[Snapshot]:
    """Newest first along the parents, as far as the metadata still knows them."""
    at = start
    while at is not None and at in history.snapshots:
        yield history.snapshots[at]
        at = history.snapshots[at].parent_id


def newest_commit_ms(cut_ends: list[History]) -> int:
    """When the newest of the tables' current snapshots was committed, epoch ms; 0 without any."""
    ends = [h.snapshots[h.current] for h in cut_ends if h.current is not None and h.current in h.snapshots]
    return max((s.committed_at_ms for s in ends), default=0)


def oldest_waiting_ms(cuts: dict[str, TableCut], histories: dict[str, History]) -> int:
    """When the oldest commit that no run has taken yet was made, epoch ms; 0 when none waits.

    Where a table is read from its beginning every commit counts: of a compacted history no append may be left.
    """
    waiting = [
        s.committed_at_ms
        for name, cut in cuts.items()
        for s in _until(_back_from(histories[name], cut.to_snapshot), cut.from_snapshot)
        if (s.operation == "append" and s.rows > 0) or cut.from_snapshot is None
    ]
    return min(waiting, default=0)


def busy_since_ms(histories: list[History], quiet_ms: float) -> int:
    """When the newest row of commits without a pause of `quiet_ms` began, epoch ms; 0 without a commit."""
    times = sorted((s.committed_at_ms for h in histories for s in _back_from(h, h.current)), reverse=True)
    began = times[0] if times else 0
    for time in times:
        if began - time >= quiet_ms:
            break
        began = time
    return began


def _until(snapshots: Iterator[Snapshot], stop_at: int | None) -> Iterator[Snapshot]:
    for snapshot in snapshots:
        if snapshot.snapshot_id == stop_at:
            return
        yield snapshot
