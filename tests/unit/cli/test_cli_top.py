"""`tidemark top`: what a service shows at its port, as one line."""

import httpx
from terminal import printed

from tidemark.health import Health, serve
from tidemark_cli.top import Seen, look, table

TEXT = """# HELP tidemark_events_total x
# TYPE tidemark_events_total counter
tidemark_events_total{stage="loader",topic="t",outcome="done"} 7.0
tidemark_events_total{stage="loader",topic="t",outcome="retry"} 2.0
tidemark_events_total{stage="loader",topic="t",outcome="invalid"} 1.0
# TYPE tidemark_rows_total counter
tidemark_rows_total{stage="loader",dataset="events",table="a",what="loaded"} 1200.0
tidemark_rows_total{stage="loader",dataset="events",table="b",what="loaded"} 34.0
# TYPE tidemark_consumer_lag gauge
tidemark_consumer_lag{stage="loader",topic="t",partition="0"} 3.0
# TYPE tidemark_run_seq gauge
tidemark_run_seq{stage="loader",dataset="events"} 12.0
# TYPE tidemark_busy_since_seconds gauge
tidemark_busy_since_seconds{stage="loader"} 1000.0
# TYPE process_cpu_seconds_total counter
process_cpu_seconds_total %s
# TYPE process_resident_memory_bytes gauge
process_resident_memory_bytes 104857600.0
"""


def seen(text: str, at: float = 10.0) -> Seen:
    """What a service that shows this text is seen to show."""
    client = httpx.Client(transport=httpx.MockTransport(lambda _: httpx.Response(200, text=text)))
    (found,) = look(client, ["http://x/metrics"])
    return found._replace(at=at)


def cells(one: Seen, before: Seen | None = None, now: float = 1042.0) -> list[str]:
    """The last line's words."""
    return printed(table([one], {before.url: before} if before else {}, now)).strip().splitlines()[-1].split()


def test_a_service_at_work_is_one_line() -> None:
    """Its run, events that ended, retries, dead letters, rows, lag, CPU over the time between two looks, memory."""
    line = cells(seen(TEXT % "4.5", at=12.0), seen(TEXT % "3.5", at=10.0))
    expected = ["loader", "work", "42", "s", "events#12", "8", "2", "1", "1,234", "3", "0", "50", "100"]
    assert expected == line


def test_a_service_that_rests_is_halted_or_away_says_so() -> None:
    """Idle; halted with the dataset's name; away if nothing or something else answers."""
    assert cells(seen(TEXT.replace("1000.0", "0.0") % 1))[1] == "idle"
    halted = TEXT % 1 + '# TYPE tidemark_halted gauge\ntidemark_halted{stage="loader",dataset="events"} 1.0\n'
    assert cells(seen(halted))[1:3] == ["halted", "events"]
    assert cells(seen("<html>"))[-1] == "away"


def test_a_restart_shows_no_negative_cpu() -> None:
    """A process that was started again has used less than the one before."""
    assert cells(seen(TEXT % "0.5", at=12.0), seen(TEXT % "300", at=10.0))[-1] == "100"


def test_hostile_labels_stay_text() -> None:
    """What answers at the port may say anything."""
    shown = printed(table([seen('# TYPE a gauge\na{stage="\x1b[2J[bold]\u202e",dataset="\x9b"} 1\n')], {}, 0.0))
    assert [c for c in shown if not c.isprintable() and c != "\n"] == []


def test_a_real_port_is_read() -> None:
    """The services' own exposition."""
    server = serve(Health(), "127.0.0.1", 0)
    try:
        with httpx.Client() as client:
            (found,) = look(client, [f"http://127.0.0.1:{server.server_port}/metrics"])
        assert found.total("process_resident_memory_bytes") > 0
    finally:
        server.shutdown()
        server.server_close()
