"""The whole chain on the real stack: its numbers against the generator's truth, deaths in the middle, repeats.

The tests run in order on one lab (conftest.py): each leaves a chain that has caught up.
"""

import json
import signal
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from chain_on_the_lab import Chain, by_key, digest
from chain_told import assert_one_trace, dead_letter_of, kill_the_broker, lost_deletes, send_garbage, wait_until_read
from chain_truth import ECOMMERCE, assert_every_row_is_accounted_for, assert_numbers_are_true
from console_on_the_lab import go_back_and_forward, mend_a_request, read_every_page, signed_in
from places import SERVICES
from playwright.sync_api import Browser
from signals_seen import declared_edges, declared_metrics, edges_of, metrics_of, stored_spans, undeclared_spans
from watched import Watch, board_queries, trace_ids_of_exemplars, watching

from tidemark import signals
from tidemark.events import AlertRaised, LakeCurated, SnapshotCommitted
from tidemark.failpoints import ARMED, LOG
from tidemark_cli.lab import wait_until_reconciled
from tidemark_cli.runs import Run
from tidemark_lab import lab
from tidemark_lab.home import MARK
from tidemark_lab.store_calls import read_calls

POLICIES = Path(__file__).parents[2] / "docs" / "policies"
# asked for by maintenance, and once a table has had fifty versions
SELDOM = {"spark": {"s3:DeleteObject", "s3:ListBucket"}}


@pytest.fixture(scope="module", autouse=True)
def watch(chain: Chain, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watch | None]:
    """A Prometheus that asks the services all the while; None where there is no Prometheus."""
    with watching(tmp_path_factory.mktemp("prometheus"), chain.health_ports()) as found:
        yield found


pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]


def test_numbers_are_true_after_the_first_runs(chain: Chain) -> None:
    """After an initial load and a delta every layer equals what the delivered changes lead to."""
    assert_numbers_are_true(chain)


def test_every_row_is_accounted_for(chain: Chain) -> None:
    """Per table and run every row read or released came to one end; in all, as many were read as the source holds."""
    assert_every_row_is_accounted_for(chain)


def test_a_run_is_one_trace(chain: Chain) -> None:
    """A run's trace has one root and spans of all five services, down to their clients."""
    assert_one_trace(chain, list(chain.runs().values())[-1])


def test_repeats_change_no_row(chain: Chain) -> None:
    """Delivering every event of every run again leaves lake, RAW and marts as they were."""
    before = chain.fingerprint()
    sent = chain.all_chain_records()
    for record in sent:
        chain.send(record)
    marker = send_garbage(chain, SnapshotCommitted.topic)
    chain.wait_for(lambda: dead_letter_of(chain, marker), "the watcher's topic is read to its end", 300)
    wait_until_read(chain)
    assert before == chain.fingerprint()


def test_whatever_dies_nothing_is_lost(chain: Chain) -> None:
    """Every service is killed after its sink's commit and before its Kafka transaction, in the middle of the run the
    broker as well; the rows are the same."""
    hits = {service: chain.home / f"failpoint-{service}" for service in SERVICES}
    for service, log in hits.items():
        armed = {ARMED: f"{service}.after-commit=kill", LOG: str(log)}
        lab.start_service(service, armed, home=chain.home)
    chain.upstream("delta", "--rows", "400", wait=False)
    chain.wait_for(hits["spark-submitter"].exists, "the submitter reaches its failpoint", 240)
    kill_the_broker(chain)
    wait_until_reconciled()
    for service, log in hits.items():
        assert f"{service}.after-commit" in log.read_text()
        assert lab.state(service, chain.home)["restarts"] >= 1
        lab.start_service(service, home=chain.home)
    assert_numbers_are_true(chain)


def test_the_doctor_finds_nothing(chain: Chain) -> None:
    """Every connection and right of a running lab is there."""
    marks = {line[:2] for line in chain.tidemark("doctor").splitlines()}
    assert "ok" in marks
    assert "no" not in marks


def test_garbage_becomes_a_dead_letter(chain: Chain) -> None:
    """A record that does not parse and one of an unknown dataset are set aside with a reason; the chain goes on."""
    marker = send_garbage(chain, LakeCurated.topic)
    letter = chain.wait_for(lambda: dead_letter_of(chain, marker), "the dead letter", 60)
    assert b"no" in dict(letter.headers)["tidemark-reason"]
    shown = chain.tidemark("status")
    assert "dead letter" in shown


def test_everything_is_killed_and_comes_back(chain: Chain) -> None:
    """kill -9 of every process of the lab, then `up`: data and runs are there, and the chain goes on."""
    before, runs = chain.fingerprint(), set(chain.runs())
    for process in psutil.process_iter():
        try:
            if process.environ().get(MARK) == str(chain.home):
                process.send_signal(signal.SIGKILL)
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
    lab.up(chain.home)
    chain.connect()
    assert (before, runs) == (chain.fingerprint(), set(chain.runs()))


@pytest.fixture(scope="module")
def earlier(chain: Chain) -> tuple[dict[str, str], Run]:
    """What the shop's layers held, and by which run, before a delta that has since settled."""
    found = chain.fingerprint("ecommerce"), chain.runs_of("ecommerce")[-1]
    chain.upstream("delta", "--rows", "400")
    chain.upstream("settle")
    return found


@pytest.mark.usefixtures("earlier")
def test_the_settled_run_converges(chain: Chain) -> None:
    """Once the source has settled, batch and speed layer agree on every row, and the layers among themselves."""
    last = {run.dataset: run for run in chain.runs().values()}
    found = {p.pair: (p.status, p.confirmed) for run in last.values() if run.reconciled for p in run.reconciled.pairs}
    assert {status for status, _ in found.values()} == {"CONVERGED"}, found
    assert {"transactions", "sessions"} <= set(found)
    assert_numbers_are_true(chain)
    critical = [r for r in chain.records(AlertRaised.topic) if b'"critical"' in (r.value or b"")]
    assert critical == []


def test_back_to_an_earlier_run_and_forward_again(chain: Chain, earlier: tuple[dict[str, str], Run]) -> None:
    """Every layer is as that run left it, new commits wait; after a resume nothing is missing."""
    before, target = earlier
    assert before != chain.fingerprint("ecommerce")
    chain.tidemark("rollback", "--dataset", "ecommerce", "--to", target.run_id, "--wait")
    assert before == chain.fingerprint("ecommerce")
    last = chain.runs_of("ecommerce")[-1]
    assert (last.kind, last.status) == ("rollback", "CONVERGED")
    assert_one_trace(chain, last, "take back", "dbt stg_", "publish")
    assert "rolled back to run" in chain.tidemark("status")
    chain.tidemark("resume", "--dataset", "ecommerce")
    wait_until_reconciled()
    assert_numbers_are_true(chain)


def test_maintenance_asked_for_on_a_page_leaves_fewer_files_and_every_row(chain: Chain, browser: Browser) -> None:
    """A mistyped request is mended on its dead letter's page and its run followed to the end: compaction and expiry in
    the dataset's turn, on the real lake; the same rows in every layer, fewer files."""
    before, files = chain.fingerprint(), chain.data_files("transactions_changes")
    with signed_in(chain, browser) as visitor:
        mend_a_request(chain, visitor)
    last = chain.runs_of("events")[-1]
    assert (last.kind, last.status) == ("maintain", "CONVERGED")
    assert before == chain.fingerprint()
    assert chain.data_files("transactions_changes") < files


def test_rows_in_quarantine_are_judged_again_or_dropped(chain: Chain) -> None:
    """By command: what is still bad stays, what a person lets go is gone; every layer agrees, the audit says who."""
    before = chain.fingerprint("ecommerce")
    chain.tidemark("quarantine", "orders", "--replay", "--wait")
    assert before == chain.fingerprint("ecommerce")
    refused = chain.lake_rows("orders", "_quarantined")
    key = refused[0]["_key"]
    chain.tidemark("quarantine", "orders", key, "--drop", "--reason", "known to be lost", "--wait")
    stay = [row for row in refused if row["_key"] != key]
    assert digest(stay) == digest(chain.lake_rows("orders", "_quarantined"))
    assert [run.status for run in chain.runs_of("ecommerce")[-2:]] == ["CONVERGED", "CONVERGED"]
    told = chain.tidemark("audit", "--dataset", "ecommerce")
    assert f"{len(refused) - len(stay)} rows dropped from quarantine" in told
    assert "known to be lost" in told


def test_a_rebuild_heals_and_is_one_trace(chain: Chain) -> None:
    """A rebuild asked for on the command line reads everything again: rows that the source's newest full snapshot
    no longer holds (their delete was lost) get a tombstone, nothing else changes, and its trace is whole."""
    before = {name: by_key(chain.lake_rows(name), t.key, list(t.columns)) for name, t in ECOMMERCE.items()}
    chain.tidemark("publish", "--dataset", "ecommerce", "--rebuild", "--wait")
    run = next(r for r in chain.runs().values() if r.kind == "rebuild")
    assert (run.generation, run.status) == (2, "CONVERGED")
    assert_one_trace(chain, run)
    for name, table in ECOMMERCE.items():
        rows = chain.lake_rows(name)
        assert before[name] == by_key(rows, table.key, list(table.columns))
        tombstones = {row["id"] for row in rows if row["_is_deleted"] and row["_lsn"] is None}
        assert lost_deletes(chain, name) == tombstones


@pytest.mark.soak
def test_a_person_acts_on_the_consoles_pages(chain: Chain, browser: Browser) -> None:
    """Back to an earlier run, a run asked for, and forward again."""
    with signed_in(chain, browser) as visitor:
        go_back_and_forward(chain, visitor)
    wait_until_reconciled()
    assert_numbers_are_true(chain)
    told = chain.tidemark("audit", "--search", "a bad delivery")
    assert "alice (console, token)" in told


@pytest.mark.soak
def test_every_page_of_the_console_on_real_data(chain: Chain, browser: Browser) -> None:
    """With what the real commands answer of lake and warehouse."""
    with signed_in(chain, browser) as visitor:
        read_every_page(visitor, chain.runs_of("events")[-1].run_id)


def test_each_service_asks_aws_for_what_its_policy_allows(chain: Chain) -> None:
    """No call is refused by docs/policies, and nothing is allowed that is not asked for, but what is seldom."""
    called = read_calls(chain.home / "data" / "store" / "calls.json")
    policies = {path.stem: json.loads(path.read_text()) for path in POLICIES.glob("*.json") if path.stem != "snowflake"}
    allowed = {name: {a for s in policy["Statement"] for a in s["Action"]} for name, policy in policies.items()}
    asked = {name: set(called.get(name, [])) for name in allowed}
    refused = {name: found for name in allowed if (found := asked[name] - allowed[name])}
    needless = {name: found for name in allowed if (found := allowed[name] - asked[name] - SELDOM.get(name, set()))}
    assert (refused, needless) == ({}, {})


def test_every_run_has_every_edge(chain: Chain) -> None:
    """Of the list in trace_edges.toml, in one trace a run: through kills, repeats, rollback, replay and rebuild."""
    ended = [run for run in chain.runs().values() if run.reconciled]
    missing = {run.run_id: declared_edges("chain") - edges_of(chain.trace(run.trace_id or "")) for run in ended}
    assert len(ended) > 8
    assert {name: edges for name, edges in missing.items() if edges} == {}


def test_what_is_emitted_is_the_catalogue(chain: Chain) -> None:
    """Every span with its attributes, and every metric with its labels, is declared, and each declared one was seen."""
    seen, undeclared = undeclared_spans(stored_spans(chain.home))
    assert undeclared == set()
    assert seen == set(signals.SPANS)
    assert metrics_of(chain.metrics()) == declared_metrics()


def test_every_board_query_returns_series(chain: Chain, watch: Watch | None) -> None:
    """Numbers, from a Prometheus that asked these services; every rule can be evaluated; a diamond leads to a trace."""
    if watch is None:
        pytest.skip("prometheus is missing: apt-get install prometheus")
    assert [name for name, query in board_queries().items() if not watch.finite(query)] == []
    rules = [rule for group in watch.ask("rules")["groups"] for rule in group["rules"]]
    assert {rule["health"] for rule in rules} == {"ok"}
    found = trace_ids_of_exemplars(watch)
    assert [trace for trace in found if not chain.trace(trace)] == []
    assert found


def test_the_terminal_shows_what_the_pages_show(chain: Chain) -> None:
    """A run's waterfall, the services as they are, and the alerts by incident."""
    assert "copy into" in chain.tidemark("trace", chain.runs_of("ecommerce")[-1].run_id)
    shown = chain.tidemark("top", "--once")
    assert [name for name in SERVICES if name not in shown] == []
    told = json.loads(chain.tidemark("alerts", "--json"))
    raised = {json.loads(r.value or b"")["incident"] for r in chain.records(AlertRaised.topic)}
    assert {alert["incident"] for alert in told} == raised
