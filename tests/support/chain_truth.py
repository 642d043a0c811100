"""What must be true of a chain on the lab at any time: its numbers against the generator's truth, every row counted."""

from collections import Counter

from chain_on_the_lab import Chain, by_key

from tidemark.tables import registry

ECOMMERCE = registry().tables_of("ecommerce")
CHANGE_COLUMNS = ["_op", "_lsn", "_ts_ms", "_flags", "_deleted"]


def assert_every_row_is_accounted_for(chain: Chain) -> None:
    """Invariant 1, and RAW took what the lake accepted."""
    read: Counter[str] = Counter()
    for run in chain.runs().values():
        assert run.curated is not None
        for t in run.curated.tables:
            ends = t.accepted + t.repeated + t.held + t.quarantined + t.dropped
            assert t.read + t.released == ends, (run.run_id, t)
            read[t.table] += t.read
        assert run.loaded is not None
        assert {t.table: t.accepted for t in run.curated.tables} == {t.table: t.rows for t in run.loaded.tables}
    assert read == Counter({name: chain.source_rows(name) for name in registry().tables})


def assert_numbers_are_true(chain: Chain) -> None:
    """Current tables, staging and facts equal the truth, row by row; what waits and what was refused, too, but for what
    a person has let go, by a run that stands."""
    truth, let_go = chain.truth(), dropped(chain)
    for name, table in ECOMMERCE.items():
        columns = [*table.columns, *CHANGE_COLUMNS]
        expected = by_key(truth.state(name), table.key, columns)
        current = [row | {"_deleted": row["_is_deleted"]} for row in chain.lake_rows(name)]
        assert expected == by_key(current, table.key, columns), f"lake {name}"
        assert expected == by_key(chain.query(f"SELECT * FROM STAGING.STG_{name}"), table.key, columns), f"stg {name}"
        live = by_key(truth.table(name), table.key, list(table.columns))
        assert live == by_key(chain.query(f"SELECT * FROM STAGING.LIVE_{name}"), table.key, list(table.columns))
        held = Counter(row["id"] for row in truth.held(name).to_pylist())
        assert held == Counter(row["id"] for row in chain.lake_rows(name, "_held")), f"held {name}"
        refused = truth.quarantined(name).num_rows
        assert refused - let_go[name] == len(chain.lake_rows(name, "_quarantined")), f"quarantined {name}"
    assert_facts_are_true(chain)


def dropped(chain: Chain) -> Counter[str]:
    """How many rows of each table have been let go from quarantine."""
    return sum(
        (Counter({t.table: t.dropped for t in run.curated.tables}) for run in chain.runs().values() if run.curated),
        Counter(),
    )


def assert_facts_are_true(chain: Chain) -> None:
    """fct_orders holds the live orders; sessions and transactions equal the exact computation."""
    truth = chain.truth()
    columns = {"user_id": "user_id", "status": "status", "total_amount": "total_amount", "ordered_at": "created_at"}
    orders = {
        key: {mart: row[source] for mart, source in columns.items()}
        for key, row in by_key(truth.table("orders"), ["id"], list(columns.values())).items()
    }
    facts = chain.query("SELECT * FROM MARTS.FCT_ORDERS")
    assert orders == by_key(facts, ["order_id"], list(columns))
    flagged = truth.flagged("orders")
    assert flagged, "no order is flagged: the comparison of flags says nothing"
    assert flagged == {row["order_id"]: row["flags"] for row in facts if row["flags"] is not None}
    transactions = list(registry().pairs["transactions"].columns)
    key = registry().pairs["transactions"].key
    expected = by_key(truth.transactions(), key, transactions)
    assert expected == by_key(chain.query("SELECT * FROM MARTS.FCT_TRANSACTIONS"), key, transactions)
    sessions = list(registry().pairs["sessions"].columns)
    key = ["session_id", "session_part"]
    assert by_key(truth.sessions(), key, sessions) == by_key(
        chain.query("SELECT * FROM MARTS.FCT_SESSIONS"), key, sessions
    )
