"""Ports are chosen once and kept while nobody else has them."""

import socket

from tidemark_lab import ports


def test_kept_ports_are_kept() -> None:
    """A second choice with the first as `kept` is the first."""
    wanted = {"broker": ("broker", "controller"), "store": ("store",)}
    first = ports.choose(wanted, {})
    assert ports.choose(wanted, first) == first


def test_a_port_taken_by_somebody_else_is_chosen_again() -> None:
    """Only that one changes."""
    wanted = {"one": ("one",), "two": ("two",)}
    first = ports.choose(wanted, {})
    with socket.socket() as other:
        other.bind(("127.0.0.1", first["one"]["one"]))
        other.listen()
        second = ports.choose(wanted, first)
    assert second["one"] != first["one"]
    assert second["two"] == first["two"]


def test_all_ports_differ() -> None:
    """No port is given to two names."""
    chosen = ports.choose({str(number): ("a", "b") for number in range(50)}, {})
    everyone = [port for names in chosen.values() for port in names.values()]
    assert len(set(everyone)) == len(everyone)
