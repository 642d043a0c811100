"""`tidemark ping`: its request changes nothing, and the watcher's answer is known when it comes."""

import pytest

from ingest_watcher.told import on_request
from tidemark.events import WatcherState
from tidemark.tables import registry
from tidemark_cli.ping import NoAnswerError, harmless, is_answered

DATASETS = list(registry().datasets)


def test_the_watcher_answers_and_nothing_else_changes() -> None:
    """The state that it leaves differs from the one before in the accepted request alone."""
    before = WatcherState(dataset=DATASETS[0], generation=3, accepted=["older"])
    event = harmless([before])
    assert not is_answered(event, [before])
    (after,) = on_request(event, before)
    assert isinstance(after, WatcherState)
    assert is_answered(event, [before, after])
    assert after == WatcherState(dataset=DATASETS[0], generation=3, accepted=["older", event.request_id])


def test_a_dataset_that_is_held_up_is_not_asked_for() -> None:
    """The newest state counts; a resume would let it go on."""
    states = [WatcherState(dataset=DATASETS[0]), WatcherState(dataset=DATASETS[0], halted="loader: no")]
    assert harmless(states).dataset == DATASETS[1]


def test_nothing_is_asked_while_all_are_held_up() -> None:
    """Then the reasons are told instead."""
    with pytest.raises(NoAnswerError, match="loader: no"):
        harmless([WatcherState(dataset=dataset, halted="loader: no") for dataset in DATASETS])
