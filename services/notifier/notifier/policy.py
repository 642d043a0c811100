"""When a message may go and to whom, by its severity. Pure.

quiet hours   what is not critical waits until they are over
rate          what is not critical waits while as many messages went within the hour as may
routes        a sink takes the severities that its address names; the end of an incident goes where its beginning went
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, time
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from tidemark.errors import SettingsError
from tidemark.events import AlertRaised, Severity

HOUR_MS = 3_600_000
UTC = ZoneInfo("UTC")
SEVERITIES: tuple[Severity, ...] = ("info", "warning", "critical")
_ROUTE = re.compile(rf"((?:{'|'.join(SEVERITIES)})(?:,(?:{'|'.join(SEVERITIES)}))*)=(.+)")
_HOURS = re.compile(r"([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-3]):([0-5]\d)")


@dataclass(frozen=True)
class Policy:
    """`quiet`: from and to, by the clock of `zone`; it may pass midnight. `most_per_hour` 0: as many as there are."""

    quiet: tuple[time, time] | None = None
    zone: ZoneInfo = UTC
    most_per_hour: int = 0

    def waits(self, event: AlertRaised, now_ms: int, sent_ms: Sequence[int]) -> bool:
        """Whether the message has to wait; `sent_ms`: when others went."""
        if event.severity == "critical" and not event.resolved:
            return False
        lately = sum(at_ms > now_ms - HOUR_MS for at_ms in sent_ms)
        return self._is_quiet(now_ms) or 0 < self.most_per_hour <= lately

    def _is_quiet(self, now_ms: int) -> bool:
        if self.quiet is None:
            return False
        begins, ends = self.quiet
        now = datetime.fromtimestamp(now_ms / 1000, self.zone).time()
        return begins <= now < ends if begins <= ends else now >= begins or now < ends


def policy(quiet_hours: str | None, zone: str, most_per_hour: int) -> Policy:
    """From the settings; SettingsError says which cannot be read."""
    try:
        known = ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise SettingsError(f"TIDEMARK_ALERT_TIME_ZONE: {zone} is no time zone, for example Europe/Berlin") from error
    if most_per_hour < 0:
        raise SettingsError("TIDEMARK_ALERT_MOST_PER_HOUR: a number of messages, 0 for no limit")
    if quiet_hours is None:
        return Policy(None, known, most_per_hour)
    found = _HOURS.fullmatch(quiet_hours)
    if found is None:
        raise SettingsError("TIDEMARK_ALERT_QUIET_HOURS: from and to as 22:00-07:00")
    begins, ends = time(int(found[1]), int(found[2])), time(int(found[3]), int(found[4]))
    return Policy((begins, ends), known, most_per_hour)


def route(address: str) -> tuple[frozenset[Severity], str]:
    """The severities that an address is for, and the address: `warning,critical=slack://...`; none named: all."""
    found = _ROUTE.fullmatch(address)
    if found is None:
        return frozenset(SEVERITIES), address
    return frozenset(name for name in SEVERITIES if name in found[1].split(",")), found[2]
