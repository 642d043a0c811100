"""Which decision the snapshot on a table's main belongs to."""

from pyiceberg.table.refs import SnapshotRef, SnapshotRefType

from spark_submitter.iceberg import newest_run


def ref(snapshot: int, kind: SnapshotRefType = SnapshotRefType.TAG) -> SnapshotRef:
    return SnapshotRef.model_validate({"snapshot-id": snapshot, "type": kind.value})


def test_the_newest_run_tag_of_mains_snapshot_counts() -> None:
    """By number, not by text; tags of other snapshots and other names do not count."""
    refs = {
        "main": ref(5, SnapshotRefType.BRANCH),
        "run_9": ref(5),
        "run_10": ref(5),
        "run_11": ref(4),
        "stranger_5": ref(5),
    }
    assert newest_run(refs, 5) == 10


def test_a_snapshot_without_a_run_tag_is_of_no_decision() -> None:
    """A stranger's snapshot, and a main that holds none."""
    refs = {"run_1": ref(4), "attempt_2_a": ref(5, SnapshotRefType.BRANCH)}
    assert [newest_run(refs, main) for main in (5, None)] == [0, 0]
