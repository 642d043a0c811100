"""How the console writes values, and when it tells a page that it is old."""

import asyncio

import pytest
from console_world import MINUTE, World
from hostile_texts import HOSTILE

from console.feed import Feed
from console.pages import wording
from console.pages.live import words
from console.pages.render import chart_data, commands
from console.records import Changed


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "–"),
        (0.04, "0.0 s"),
        (9.96, "10.0 s"),
        (12.4, "12 s"),
        (60, "1 min"),
        (200, "3 min 20 s"),
        (3600, "1 h"),
        (5 * 3600 + 180, "5 h 3 min"),
        (172_800, "2 d"),
        (176_400, "2 d 1 h"),
    ],
)
def test_seconds(value: float | None, text: str) -> None:
    """Two units at most."""
    assert wording.seconds(value) == text


@pytest.mark.parametrize(
    ("gone", "text"),
    [
        (0, "just now"),
        (4999, "just now"),
        (5000, "5 s ago"),
        (59_999, "59 s ago"),
        (60_000, "1 min ago"),
        (3_599_999, "59 min ago"),
        (3_600_000, "1 h ago"),
        (172_800_000, "2 d ago"),
        (-90_000, "in 1 min"),
    ],
)
def test_ago(gone: int, text: str) -> None:
    """Whole units, never more than have passed."""
    assert wording.ago(10**12, 10**12 + gone) == text


@pytest.mark.parametrize(
    ("before", "now", "text"),
    [(10, 12, "+2 (+20 %)"), (10.0, 5.0, "−5 (−50 %)"), (0, 3, "+3"), (None, 3, "–"), (1000, 1001, "+1")],
)
def test_change(before: float | None, now: float | None, text: str) -> None:
    """With the share, where it says something."""
    assert wording.change(before, now) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, "–"), (999, "999 B"), (42_001, "42.0 kB"), (834_000_000, "834 MB"), (10**19, "10,000 PB")],
)
def test_size(value: float | None, text: str) -> None:
    """In powers of a thousand."""
    assert wording.size(value) == text


@pytest.mark.parametrize(
    ("status", "tone"),
    [
        ("CONVERGED", "good"),
        ("at loader", "busy"),
        ("failed at loader", "bad"),
        ("DIVERGED", "bad"),
        ("paused", "care"),
        ("anything", "quiet"),
        ("", "quiet"),
    ],
)
def test_tone(status: str, tone: str) -> None:
    """A word that is not known is neither good nor bad."""
    assert wording.tone(status) == tone


def test_moments_have_an_end() -> None:
    """Whatever a header says, there is a date."""
    assert [wording.moment(ms) for ms in (-1, 10**30)] == ["1970-01-01 00:00:00 UTC", "9999-12-31 23:59:59 UTC"]


def test_hostile_texts_are_plain_in_charts_and_commands() -> None:
    """Both are made beside Jinja's own escaping."""
    for text in HOSTILE:
        made = str(commands(f"`{text}` {text}"))
        assert "<script" not in made
        assert wording.plain(made) == made
        assert wording.plain(str(chart_data(x=[{text: text}]))) == str(chart_data(x=[{text: text}]))


def test_a_page_hears_once_a_moment_of_what_concerns_it() -> None:
    """Ten changes are one word; those of other views or runs are none; `all` concerns every page."""

    async def heard(views: str, key: str, changed: list[Changed]) -> int:
        feed, count = Feed(), 0

        async def listen() -> None:
            nonlocal count
            async for word in words(feed, frozenset(views.split(",")), key, moment=0):
                assert word == "changed"
                count += 1

        listening = asyncio.create_task(listen())
        for _ in range(3):
            await asyncio.sleep(0)
        for one in changed:
            feed.tell(one)
        for _ in range(50):
            await asyncio.sleep(0)
        listening.cancel()
        return count

    def change(view: str, key: str = "r1") -> Changed:
        return Changed(view=view, dataset="d", key=key, at_ms=0)

    assert asyncio.run(heard("runs,run", "", [change("runs")] * 10)) == 1
    assert asyncio.run(heard("alerts", "", [change("runs")] * 10)) == 0
    assert asyncio.run(heard("run", "r2", [change("run", "r1")])) == 0
    assert asyncio.run(heard("run", "r2", [change("run", "r2")])) == 1
    assert asyncio.run(heard("run", "r2", [change("all", "")])) == 1


def test_charts_have_a_place_for_every_hour_and_day() -> None:
    """Also for those in which nothing happened."""
    from console import views
    from console.pages import drawn

    world = World()
    hours = views.hours(world.state, world.now_ms + 180 * MINUTE, 24)
    chart = drawn.work(hours, "hour")
    assert [b - a for a, b in zip(chart["x"], chart["x"][1:], strict=False)] == [3600.0] * (len(chart["x"]) - 1)
    assert (
        {len(one["values"]) for one in chart["series"]}
        == {len(one["texts"]) for one in chart["series"]}
        == {len(chart["x"])}
    )
    assert drawn.work([], "day")["x"] == []
