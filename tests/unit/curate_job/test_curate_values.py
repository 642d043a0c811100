"""Values as upstream sends them: kept exactly, or in quarantine with their column and the row as it came."""

import json
from datetime import datetime
from typing import Any

META = (
    "'c' `__op`, 1000L * n `__ts_ms`, TIMESTAMP '2026-09-01 00:00:00.000001Z' `__source_ts_ms`, "
    "CAST(n AS BIGINT) `__source_lsn`"
)
LONG = 1_000_000
# name -> (user's columns as SQL, what must be true of the curated row; or the reason of its quarantine)
USERS = {
    "before 1970": ("-86400001L", "'A'", "created_at = TIMESTAMP_NTZ '1969-12-30 23:59:59.999'"),
    "the first millisecond of year 1": ("-62135596800000L", "'A'", "created_at = TIMESTAMP_NTZ '0001-01-01 00:00:00'"),
    "the last millisecond of year 9999": (
        "253402300799999L",
        "'A'",
        "created_at = TIMESTAMP_NTZ '9999-12-31 23:59:59.999'",
    ),
    "before year 1": ("-62135596800001L", "'A'", None),
    "infinite": ("9223372036825200000L", "'A'", None),
    "minus infinite": ("-9223372036832400000L", "'A'", None),
    "null where it may be": ("NULL", "'A'", "created_at IS NULL"),
    "null where it must not be": ("0L", "NULL", None),
    "the default instead of null": ("0L", "'A'", "created_at = TIMESTAMP_NTZ '1970-01-01 00:00:00'"),
    "an empty text": ("0L", "''", "first_name = ''"),
    "NUL": ("0L", "'a\\0b'", "first_name = concat('a', decode(X'00', 'utf-8'), 'b')"),
    "beyond the first plane": ("0L", "'\U0001f600\ue000'", "hex(first_name) = 'F09F9880EE8080'"),
    "combined and right to left": ("0L", "'e\u0301 \u202eabc'", "hex(first_name) = '65CC8120E280AE616263'"),
    "no UTF-8": ("0L", "CAST(X'EDA080' AS STRING)", None),
    "very long": ("0L", f"repeat('é', {LONG})", f"length(first_name) = {LONG}"),
    "looks like SQL": (
        "0L",
        "'\\'); DROP TABLE users; --'",
        "hex(first_name) = '27293B2044524F50205441424C452075736572733B202D2D'",
    ),
}
# name -> (order's total as SQL text, created_at, updated_at, what must be true, None: in quarantine)
ORDERS = {
    "microseconds": (
        "'1'",
        "TIMESTAMP_NTZ '2026-09-01 00:00:00.000001'",
        "NULL",
        "unix_micros(CAST(created_at AS TIMESTAMP)) % 10 = 1",
    ),
    "microseconds before 1970": (
        "'1'",
        "TIMESTAMP_NTZ '1969-12-31 23:59:59.999999'",
        "NULL",
        "created_at = TIMESTAMP_NTZ '1969-12-31 23:59:59.999999'",
    ),
    "before year 1": ("'1'", "TIMESTAMP_NTZ '-0043-03-15 00:00:00.000001'", "NULL", None),
    "after year 9999": ("'1'", "TIMESTAMP_NTZ '+10000-01-01 00:00:00.000001'", "NULL", None),
    "text with a zone": (
        "'1'",
        "NULL",
        "'2026-09-01T02:00:00.000001+02:00'",
        "updated_at = TIMESTAMP_NTZ '2026-09-01 00:00:00.000001'",
    ),
    "text without a zone": ("'1'", "NULL", "'2026-09-01 02:00:00'", "updated_at = TIMESTAMP_NTZ '2026-09-01 02:00:00'"),
    "text that is no time": ("'1'", "NULL", "'soon'", None),
    "text that is no day": ("'1'", "NULL", "'12:30:00'", None),
    "a decimal as text": ("'99999999.99'", "NULL", "NULL", "total_amount = 99999999.99"),
    "a decimal with zeros": ("'1.500000'", "NULL", "NULL", "total_amount = 1.50"),
    "a decimal with an exponent": ("'1.5E1'", "NULL", "NULL", "total_amount = 15"),
    "too many decimals": ("'1.005'", "NULL", "NULL", None),
    "too many digits": ("'100000000'", "NULL", "NULL", None),
    "not a number": ("'NAN'", "NULL", "NULL", None),
    "an empty number": ("''", "NULL", "NULL", None),
    "no number where there must be one": ("NULL", "NULL", "NULL", None),
}
NASTY = ["x; DROP TABLE users --", "we`ird", "a.b", 'q"uote', "SELECT", "it's"]


def of_kind(lake: Any, table: str, kind: str, columns: str) -> dict[int, Any]:
    return {row[0]: row[1] for row in lake.rows(table, columns, kind)}


def test_values(lake: Any) -> None:
    """Case by case; the columns that nobody asked for stand in the quarantined row, whatever they are called."""
    more = ", ".join(f"n AS `{name.replace('`', '``')}`" for name in NASTY)
    users = [
        f"SELECT {n} n, {created} created_at, {name} first_name" for n, (created, name, _) in enumerate(USERS.values())
    ]
    orders = [
        f"SELECT {n} n, {total} total_amount, {created} created_at, {updated} updated_at"
        for n, (total, created, updated, _) in enumerate(ORDERS.values())
    ]
    lake.spark.sql(
        f"CREATE TABLE {lake.source('users')} USING iceberg AS SELECT n id, concat(n, '@x.org') email, first_name, "
        f"'Lee' last_name, CAST(created_at AS BIGINT) created_at, 0L updated_at, {META}, {more} "
        f"FROM ({' UNION ALL '.join(users)})"
    )
    lake.spark.sql(
        f"CREATE TABLE {lake.source('orders')} USING iceberg AS SELECT n id, 0 user_id, 'pending' status, "
        f"CAST(total_amount AS STRING) total_amount, 'Main St' shipping_address, "
        f"CAST(created_at AS TIMESTAMP_NTZ) created_at, CAST(updated_at AS STRING) updated_at, {META} "
        f"FROM ({' UNION ALL '.join(orders)})"
    )
    assert lake.run()["status"] == "done"
    for table, cases in (("users", USERS), ("orders", ORDERS)):
        judged = " ".join(f"WHEN {n} THEN {case[-1]}" for n, case in enumerate(cases.values()) if case[-1])
        good = of_kind(lake, table, "", f"id, CASE id {judged} END")
        reasons = of_kind(lake, table, "_quarantined", "CAST(_key AS INT), _reason")
        got = {name: good.get(n, "in quarantine" if n in reasons else "lost") for n, name in enumerate(cases)}
        assert {name: bool(case[-1]) or "in quarantine" for name, case in cases.items()} == got
    rows = of_kind(lake, "users", "_quarantined", "CAST(_key AS INT), _row")
    number = list(USERS).index("infinite")
    row = json.loads(rows[number])
    assert dict.fromkeys(NASTY, number) == {name: row[name] for name in NASTY}
    assert (row["created_at"], row["first_name"]) == (9223372036825200000, "A")
    assert datetime.fromisoformat("2026-09-01T00:00:00.000001Z") == datetime.fromisoformat(row["__source_ts_ms"])
