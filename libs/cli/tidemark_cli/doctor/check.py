"""What a check is, and how its outcome is told. Pure.

A check asks one thing and changes nothing. What it raises is looked up among its remedies: the first whose words occur
in the error says what to do; without any the check's own `otherwise` does.
"""

from collections.abc import Callable, Mapping
from typing import NamedTuple

from tidemark.errors import TidemarkError

MOST_CHARACTERS = 300


class Check(NamedTuple):
    """One question. `ask` gives back what is well, as a few words, or raises one of `troubles`.

    `remedies`: what to do, by words of the error, in lower case.
    """

    name: str
    ask: Callable[[], str]
    otherwise: str
    remedies: Mapping[str, str]
    troubles: tuple[type[Exception], ...] = ()


class Finding(NamedTuple):
    """What came of a check. `remedy` is empty where all is well."""

    name: str
    well: bool
    said: str
    remedy: str = ""


class Amiss(TidemarkError):
    """What was asked for was answered, and the answer is not what the chain needs."""


def examine(check: Check) -> Finding:
    """Ask. What is none of the check's troubles passes through."""
    troubles: tuple[type[Exception], ...] = (TidemarkError, *check.troubles)
    try:
        return Finding(check.name, True, check.ask())
    except troubles as error:
        said = " ".join(str(error).split())[:MOST_CHARACTERS] or type(error).__name__
        text = f"{type(error).__name__} {error}".lower()
        remedy = next((told for words, told in check.remedies.items() if words in text), check.otherwise)
        return Finding(check.name, False, said, remedy)
