"""The incidents, open and over."""

from console.records import AlertLine, Alerts
from console.state import KeptAlert, State
from tidemark.events import Severity

GRAVEST: tuple[Severity, ...] = ("critical", "warning", "info")
MOST_RESOLVED = 200


def alerts(state: State, dataset: str | None = None) -> Alerts:
    """One line an incident. Of the resolved ones the newest MOST_RESOLVED."""
    mine = [alert for alert in _raised(state) if dataset in (None, alert.dataset)]
    over = sorted((a for a in mine if a.resolved_ms is not None), key=lambda a: a.resolved_ms or 0, reverse=True)
    still = [alert for alert in open_alerts(state) if dataset in (None, alert.dataset)]
    return Alerts(open=[line(alert) for alert in still], resolved=[line(alert) for alert in over[:MOST_RESOLVED]])


def open_alerts(state: State) -> list[KeptAlert]:
    """What is not over, the gravest and newest first. A notice of severity info is none: nothing ends it."""
    found = [a for a in _raised(state) if a.resolved_ms is None and a.severity != "info"]
    return sorted(found, key=lambda a: (GRAVEST.index(a.severity), -a.opened_ms, a.incident))


def line(alert: KeptAlert) -> AlertLine:
    """The incident as one line; what people were told of an earlier time is not told of this one."""
    return AlertLine(
        incident=alert.incident,
        dataset=alert.dataset,
        severity=alert.severity,
        title=alert.title,
        detail=alert.detail,
        raised_by=alert.raised_by,
        run_id=alert.run_id,
        opened_ms=alert.opened_ms,
        newest_ms=alert.newest_ms,
        resolved_ms=alert.resolved_ms,
        told_ms=_since(alert.told_ms, alert.opened_ms),
        told_over_ms=_since(alert.told_over_ms, alert.resolved_ms),
        sinks=alert.sinks,
    )


def _raised(state: State) -> list[KeptAlert]:
    """Those of which the alert itself is known, not only that somebody was told."""
    return [alert for alert in state.alerts.values() if alert.offset >= 0]


def _since(told_ms: int | None, happened_ms: int | None) -> int | None:
    return told_ms if told_ms is not None and happened_ms is not None and told_ms >= happened_ms else None
