"""How good the prediction is: told of the orders up to a day, what does it say of the time after it?

The oracle predicts here (that the mart says the same is test_oracle_marts), against two simple ways: each customer's
own rate so far, and the mean of all. The figures stand in customer_lifetime_value.yml.
"""

import random
from collections.abc import Sequence
from datetime import datetime, timedelta
from statistics import fmean

import pytest
from generated_rows import shop_changes
from oracle_customers import lifetime_value, predict
from oracle_shop import Shop, shop
from oracle_versions import Row

SEEDS = [1, 7, 42]
Errors = tuple[float, float, float]


def errors(customers: Sequence[Row], days: int, came: Sequence[float]) -> Errors:
    """Root mean squared error of the revenue by the prediction, by each one's own rate, by the mean of all."""
    own = [days * sum(c["values"]) / c["age_days"] for c in customers]
    mean = days * sum(sum(c["values"]) for c in customers) / sum(c["age_days"] for c in customers)
    return _error(revenue(customers, days), came), _error(own, came), _error([mean] * len(own), came)


def revenue(customers: Sequence[Row], days: int) -> list[float]:
    """What is predicted of each customer."""
    return [days * c["rate"] * c["value"] for c in customers]


def _error(predicted: Sequence[float], came: Sequence[float]) -> float:
    return fmean((p - c) ** 2 for p, c in zip(predicted, came, strict=True)) ** 0.5


@pytest.mark.parametrize("seed", SEEDS)
def test_customers_who_differ_are_predicted_better_than_by_simple_ways(seed: int) -> None:
    """2,000 customers as the method takes them to be, 365 days on: all revenue within 5 %, the smallest error."""
    dice = random.Random(seed)
    customers, came = zip(*(_customer(dice) for _ in range(2000)), strict=True)
    predict(customers)
    predicted, own, mean = errors(customers, 365, came)
    assert sum(revenue(customers, 365)) == pytest.approx(sum(came), rel=0.05)
    assert predicted < 0.92 * min(own, mean)


def _customer(dice: random.Random) -> tuple[Row, float]:
    """A customer with a rate and a value of his own, observed for a while, and the revenue of the year after it."""
    rate, value, age = dice.gammavariate(0.8, 0.0125), dice.gauss(100, 30), dice.randint(30, 700)
    values = [value + dice.gauss(0, 40) for _ in range(_poisson(dice, rate * age))]
    after = sum(value + dice.gauss(0, 40) for _ in range(_poisson(dice, rate * 365)))
    return {"orders": len(values), "age_days": age, "values": values}, after


def _poisson(dice: random.Random, mean: float) -> int:
    count, passed = 0, dice.expovariate(1)
    while passed < mean:
        count, passed = count + 1, passed + dice.expovariate(1)
    return count


@pytest.mark.parametrize("seed", SEEDS)
def test_the_labs_customers_are_predicted_too_low(seed: int) -> None:
    """180 days of the generator, whose new customers order faster than old ones and whose last week is the busiest.

    That breaks the assumption that the rate does not hang on the age: all revenue comes out up to 40 % too low. Each
    one's error is still well below that of his own rate, and within a tenth of that of the mean.
    """
    customers, came = _history(seed, days=180)
    predicted, own, mean = errors(customers, 180, came)
    assert 0.6 < sum(revenue(customers, 180)) / sum(came) < 1
    assert predicted < 0.8 * own
    assert predicted < 1.1 * mean


def _history(seed: int, days: int) -> tuple[list[Row], list[float]]:
    """Customers of 30 days and more as they were so many days before the end, and the revenue of each since."""
    changes = shop_changes(seed, scale=0.2)[0]
    newest = max(row["_ts_ms"] for rows in changes.values() for row in rows)
    known = shop(changes, datetime(1970, 1, 1) + timedelta(milliseconds=newest))  # noqa: DTZ001 - without a zone
    cut = known.as_of - timedelta(days=days)
    users = {key: user for key, user in known.users.items() if user["created_at"] <= cut}
    placed = {key: order for key, order in known.orders.items() if order["user_id"] in users}
    past = {key: order for key, order in placed.items() if order["created_at"] <= cut}
    told = lifetime_value(Shop(cut, known.versions, users, known.products, past, {}, []))
    customers = [customer for customer in told.values() if customer["age_days"] >= 30]
    came = {customer["user_id"]: 0.0 for customer in customers}
    for key in placed.keys() - past.keys():
        if placed[key]["user_id"] in came:
            came[placed[key]["user_id"]] += float(placed[key]["revenue"])
    return customers, list(came.values())
