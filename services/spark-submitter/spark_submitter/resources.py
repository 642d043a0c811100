"""How much Spark a run gets: from the rows that its cut says were appended, within the settings' limits.

Most cuts are a few thousand rows; an executor that starts for them costs more time than it saves, and memory that
nobody else can use meanwhile. Maintenance rewrites whole tables and gets what is allowed.
"""

from math import ceil

from tidemark.events import SnapshotCommitted
from tidemark_lake.manifest import Resources

SMALL_ROWS = 10_000  # as the job's own bound: one partition
ROWS_PER_EXECUTOR = 1_000_000


def resources(event: SnapshotCommitted, most_executors: int, memory_mib: int) -> Resources:
    """A small cut: the driver with one core and half the memory. A larger one: two cores, all the memory, an executor
    for each further million rows.
    """
    if event.kind == "maintain":
        return Resources(cores=2, executors=most_executors, memory_mib=memory_mib)
    rows = sum(cut.rows for cut in event.tables)
    if rows <= SMALL_ROWS:
        return Resources(cores=1, executors=0, memory_mib=memory_mib // 2)
    executors = min(most_executors, ceil(rows / ROWS_PER_EXECUTOR) - 1)
    return Resources(cores=2, executors=executors, memory_mib=memory_mib)
