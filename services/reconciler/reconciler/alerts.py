"""Which alerts a comparison opens and closes. Pure; an incident keeps its name until it is over.

diverged      open from DIVERGED until CONVERGED
stalled       open while STALLED
uncomparable  open while the pair cannot be compared at all
"""

from collections.abc import Mapping

from msgspec import Struct

from tidemark.events import AlertRaised, ReconciliationStatus, Severity

_TITLES: dict[str, tuple[str, Severity]] = {
    "diverged": ("{pair}: the layers say different things", "critical"),
    "stalled": ("{pair}: the comparison does not get on", "critical"),
    "uncomparable": ("{pair}: cannot be compared", "warning"),
}


class Judged(Struct, frozen=True, kw_only=True):
    """A pair as this comparison leaves it; `uncomparable`: why it could not be compared, None if it could."""

    dataset: str
    pair: str
    run_id: str
    status: ReconciliationStatus
    cutoff_ms: int | None
    detail: str
    uncomparable: bool = False


def transitions(before: Mapping[str, str], judged: Judged) -> tuple[dict[str, str], list[AlertRaised]]:
    """The incidents open now, and the alerts for those that opened or closed."""
    open_now = dict(before)
    alerts = []
    for kind, wanted in _wanted(judged).items():
        if wanted and kind not in open_now:
            open_now[kind] = incident(judged, kind)
            alerts.append(raised(judged, kind, open_now[kind]))
        elif wanted is False and kind in open_now:
            alerts.append(raised(judged, kind, open_now.pop(kind), resolved=True))
    return open_now, alerts


def incident(judged: Judged, kind: str) -> str:
    """The name of an incident that begins now. A stall is named by the W that stands still."""
    since = judged.cutoff_ms if kind == "stalled" else judged.run_id
    return f"reconciler/{judged.pair}/{kind}/{since}"


def raised(judged: Judged, kind: str, name: str, resolved: bool = False) -> AlertRaised:
    """The alert of an incident, or the notice that it is over."""
    title, severity = _TITLES[kind]
    return AlertRaised(
        dataset=judged.dataset,
        incident=name,
        severity="info" if resolved else severity,
        title=title.format(pair=judged.pair) + (": over" if resolved else ""),
        detail=judged.detail,
        raised_by="reconciler",
        run_id=judged.run_id or None,
        resolved=resolved,
    )


def _wanted(judged: Judged) -> dict[str, bool | None]:
    """Per kind whether it is open: None leaves it as it was."""
    diverged = {"DIVERGED": True, "CONVERGED": False}.get(judged.status)
    return {
        "diverged": diverged,
        "stalled": judged.status == "STALLED" and not judged.uncomparable,
        "uncomparable": judged.uncomparable,
    }
