"""A report that has something of everything, hostile values among it."""

from datetime import timedelta
from decimal import Decimal

from reconciler_day import Day, ms, transaction

HOSTILE = "</details><script>document.body.dataset.broken='yes'</script><img src=x onerror=alert(1)>'\"\\"
HIDDEN = "go\u200bld\u202e \t"


def sample_day() -> Day:
    """Five steps: rows lost and doubled, clocks, rounding, other words, text that attacks, hides or is long."""
    day = Day()
    day.step()
    day.step(losing="speed")
    rows = day.batch
    values = [
        {"created_at": rows[0]["created_at"] + timedelta(hours=1)},
        {"total_amount": Decimal("1.51")},
        {"quantity": 2, "total_amount": Decimal("3.00")},
        {"status": HOSTILE},
        {"user_tier": HIDDEN},
        {"payment_method": "card" * 600 + "x"},
        {"status": "refunded", "total_amount": Decimal("0.00")},
        {"status": ""},
        *({"payment_method": "VISA"} for _ in range(4)),
    ]
    for row, other in zip(day.speed, values, strict=False):
        row.update(other)
    day.batch[5]["payment_method"] = "card" * 600 + "y"
    day.batch += [dict(day.batch[20]), {**day.batch[21], "status": "pending"}]
    gone = day.batch.pop(15)
    day.step()
    day.step(losing="batch")
    day.batch.append(gone)
    day.speed.append(day.processed(transaction(99_001, day.now + timedelta(minutes=20))))
    day.step()
    assert day.built_ms == ms(day.now)
    return day
