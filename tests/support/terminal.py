"""What the command line prints, as text."""

import io

from rich.console import Console, RenderableType


def printed(what: RenderableType) -> str:
    """As it looks where the terminal has 80 columns, or is none; nothing may be wider."""
    out = io.StringIO()
    Console(file=out, width=80, force_terminal=False).print(what)
    assert all(len(line.rstrip()) <= 80 for line in out.getvalue().splitlines())
    return out.getvalue()
