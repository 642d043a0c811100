"""The command `doctor`: every connection and right that the chain needs, one line each, with the remedy."""

from tidemark_cli.doctor.command import doctor

__all__ = ["doctor"]
