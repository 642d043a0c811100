"""A port at which nobody listens."""

from tidemark_lab.ports import choose


def unused_port() -> int:
    """One of 127.0.0.1 that no outgoing connection takes in the meantime; two that must differ come from `choose`."""
    return choose({"one": ["port"]}, {})["one"]["port"]
