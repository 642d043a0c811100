"""Table locks with Snowflake's waiting: who wants to change a locked table waits until its holder has ended.

A holder that has been idle for long while somebody waits is rolled back: its client was killed. Snowflake does the
same, after five minutes.
"""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from tidemark_lab.warehouse.errors import lock_error

POLL_SECONDS = 0.1


@dataclass(eq=False)
class Session:
    """What the emulator remembers of one session's transaction."""

    rollback: Callable[[], None]
    open: bool = False  # inside BEGIN ... COMMIT
    wrote: bool = False  # the snapshot is fixed from the first write on
    broken: str | None = None  # why only ROLLBACK is left
    last_used: float = field(default_factory=time.monotonic)
    statement: threading.RLock = field(default_factory=threading.RLock)  # held while a statement runs
    waits_for: str | None = None

    def end(self) -> None:
        self.open, self.wrote, self.broken = False, False, None


class Locks:
    """Which session holds which table."""

    def __init__(self, wait_seconds: float = 60.0, idle_seconds: float = 10.0) -> None:
        self.wait_seconds, self.idle_seconds = wait_seconds, idle_seconds
        self._changed = threading.Condition()
        self._holders: dict[str, Session] = {}

    def acquire(self, session: Session, table: str) -> None:
        """Wait for the table. Errors: 625 after `wait_seconds`, or at once when two sessions wait for each other."""
        deadline = time.monotonic() + self.wait_seconds
        with self._changed:
            session.waits_for = table
            try:
                while (holder := self._holders.get(table)) not in (None, session):
                    self._refuse_deadlock(session, table)
                    if time.monotonic() > deadline:
                        raise lock_error(f"{table} has been locked by another transaction for {self.wait_seconds:g} s")
                    if holder is None or not self._end_idle(holder):
                        self._changed.wait(POLL_SECONDS)
                self._holders[table] = session
            finally:
                session.waits_for = None

    def release(self, session: Session) -> None:
        with self._changed:
            self._holders = {table: holder for table, holder in self._holders.items() if holder is not session}
            self._changed.notify_all()

    def _refuse_deadlock(self, session: Session, table: str) -> None:
        holder = self._holders.get(table)
        while holder is not None and holder.waits_for is not None:
            holder = self._holders.get(holder.waits_for)
            if holder is session:
                raise lock_error(f"deadlock over {table}: the other transaction waits for this one")

    def _end_idle(self, holder: Session) -> bool:
        """Roll an idle holder back. A session in the middle of a statement is not idle."""
        if not holder.statement.acquire(blocking=False):
            return False
        try:
            if time.monotonic() - holder.last_used < self.idle_seconds:
                return False
            holder.rollback()
            holder.broken = "it was idle while another transaction waited for its lock, and was rolled back"
            self.release(holder)
            return True
        finally:
            holder.statement.release()
