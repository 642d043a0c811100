"""The keeper on tiny components: what it starts, restarts, stops, and what its own death leaves behind."""

import os
import signal
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from unused_ports import unused_port
from waiting import until

from tidemark_lab import lab
from tidemark_lab.components import Component
from tidemark_lab.errors import LabError
from tidemark_lab.home import Home, birth, keeper_pid, read_json
from tidemark_lab.keeping import end_keeper, keep, wait_for
from tidemark_lab.stack import process_environment

pytestmark = pytest.mark.lab

SERVER = """
import http.server, os, signal, sys
def end(*_):
    open(sys.argv[2], "a").write(sys.argv[1] + os.linesep)
    sys.exit(0)
signal.signal(signal.SIGTERM, end)
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.end_headers(); self.wfile.write(os.environ.get("EXTRA", "").encode())
    def log_message(self, *_): pass
http.server.HTTPServer(("127.0.0.1", int(sys.argv[3])), Handler).serve_forever()
"""
GRANDCHILD = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'import time; time.sleep(600)'])"
soon = partial(until, seconds=20)
NO_PORTS: dict[str, Any] = {name: {"port": 1} for name in ("broker", "store", "warehouse", "clickhouse", "traces")}
NO_PORTS |= {"broker": {"broker": 1}, "warehouse": {"warehouse": 1}, "clickhouse": {"clickhouse": 1}}
NO_PORTS |= {"zipkin": {"port": 1}, "spark": {"port": 1}, "console": {"port": 1}}


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    where = Home.at(tmp_path / "lab")
    where.path.mkdir()
    yield where
    end_keeper(where)


def server(home: Home, name: str, *needs: str) -> Component:
    port = unused_port()
    command = (sys.executable, "-c", SERVER, name, str(home.path / "ends"), str(port))
    return Component(name, command, process_environment(home, NO_PORTS), {name: port}, "/", needs)


def plain(home: Home, name: str, code: str, ready: str = "", *needs: str) -> Component:
    return Component(name, (sys.executable, "-c", code), process_environment(home, NO_PORTS), {}, ready, needs)


def start(home: Home, *components: Component) -> None:
    keep(home, list(components))
    wait_for([component.name for component in components], home, lambda *_: None)


def test_a_component_starts_when_those_it_needs_are_ready(home: Home) -> None:
    """A process that ends well counts as ready for its dependents; one that serves counts once it answers."""
    seen: list[tuple[str, str]] = []
    once = plain(home, "once", "pass", "exit", "base")
    keep(home, [server(home, "top", "once"), once, server(home, "base")])
    wait_for(["top", "once", "base"], home, lambda name, state, _: seen.append((name, state)))
    assert seen.index(("base", "ready")) < seen.index(("once", "done")) < seen.index(("top", "ready"))


def test_a_crashed_component_is_started_again(home: Home) -> None:
    """kill() ends it with SIGKILL; the keeper brings it back with a new pid and counts the restart."""
    start(home, server(home, "base"))
    before = lab.state("base", home.path)["pid"]
    lab.kill("base", home.path)
    after = soon(lambda: (s := lab.state("base", home.path))["state"] == "ready" and s, "base is ready again")
    assert (after["restarts"], after["pid"] != before, after["exit_code"]) == (1, True, -signal.SIGKILL)


def test_stop_ends_dependents_first(home: Home) -> None:
    """SIGTERM to the keeper: each component gets SIGTERM after all that need it have ended."""
    start(home, server(home, "base"), server(home, "middle", "base"), server(home, "top", "middle"))
    end_keeper(home)
    assert (home.path / "ends").read_text().split() == ["top", "middle", "base"]


def test_a_component_that_ignores_sigterm_is_killed_with_what_it_started(home: Home) -> None:
    """stop_service waits for stop_seconds, then ends the whole session."""
    stubborn = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN);" + GRANDCHILD
    component = plain(home, "stubborn", stubborn)
    keep(home, [Component(**component.as_dict() | {"stop_seconds": 0.2})])
    pid = soon(lambda: lab.state("stubborn", home.path)["pid"], "stubborn runs")
    grandchild = soon(lambda: children(pid), "it has a child")[0]
    lab.stop_service("stubborn", home.path)
    assert birth(pid) is None
    soon(lambda: birth(grandchild) is None, "its child is gone")


def test_the_death_of_the_keeper_ends_its_children(home: Home) -> None:
    """However the keeper dies; a second `keep` goes on after what is left has been ended."""
    start(home, server(home, "base"))
    child, keeper = lab.state("base", home.path)["pid"], keeper_pid(home)
    assert keeper
    os.kill(keeper, signal.SIGKILL)
    soon(lambda: birth(child) is None, "the child is gone")
    assert lab.status(home.path)[0].state == "stopped"
    end_keeper(home)
    start(home, server(home, "base"))


def test_what_a_killed_keeper_leaves_is_ended_by_the_next_start(home: Home) -> None:
    """A grandchild is not bound to the keeper's life; it is found by the lab's mark in its environment."""
    start(home, plain(home, "parent", GRANDCHILD))
    parent, keeper = lab.state("parent", home.path)["pid"], keeper_pid(home)
    grandchild = soon(lambda: children(parent), "it has a child")[0]
    assert keeper
    os.kill(keeper, signal.SIGKILL)
    soon(lambda: birth(parent) is None, "the parent is gone")
    end_keeper(home)
    assert birth(grandchild) is None


def test_a_component_that_keeps_crashing_is_an_error_with_its_log(home: Home) -> None:
    """wait_for gives up after a few crashes, names the component and ends with its log."""
    keep(home, [plain(home, "broken", "raise SystemExit('no such luck')", "exit")])
    with pytest.raises(LabError, match=r"(?s)^broken: it ended .* times, last with 1\n.*no such luck"):
        wait_for(["broken"], home, lambda *_: None)


def test_unknown_names_are_refused(home: Home) -> None:
    """The keeper's answer becomes a LabError."""
    start(home, server(home, "base"))
    with pytest.raises(LabError, match="nobody: the lab has no component nobody"):
        lab.stop_service("nobody", home.path)


def test_memory_is_sampled_for_each_component_and_the_keeper(home: Home) -> None:
    """Peaks are in bytes, and the total's parts are those of one moment."""
    start(home, server(home, "base"))
    sample = soon(
        lambda: (p := lab.peak_memory(home.path)) and p["components"].get("base", {}).get("peak") and p, "a sample"
    )
    assert sorted(sample["components"]) == ["base", "keeper"]
    assert sample["total"]["peak"] == sum(sample["total"]["then"].values())


def test_two_labs_do_not_collide(tmp_path: Path) -> None:
    """Each has its own keeper, socket and ports."""
    homes = [Home.at(tmp_path / name) for name in ("one", "two")]
    try:
        for where in homes:
            where.path.mkdir()
            start(where, server(where, "base"))
        said = [read_json(where.state) for where in homes]
        assert said[0]["socket"] != said[1]["socket"]
        assert said[0]["ports"] != said[1]["ports"]
        end_keeper(homes[0])
        assert [keeper_pid(where) is None for where in homes] == [True, False]
    finally:
        for where in homes:
            end_keeper(where)


def children(pid: int) -> list[int]:
    try:
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except FileNotFoundError:
        return []
