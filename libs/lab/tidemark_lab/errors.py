"""What the lab raises when a part of it cannot run."""


class LabError(Exception):
    """A component of the lab is not to be had or did not become ready; the message names it and ends with its log."""

    def __init__(self, component: str, reason: str, tail: str = "") -> None:
        super().__init__(f"{component}: {reason}" + (f"\n{tail}" if tail else ""))
        self.component = component
        self.reason = reason
        self.tail = tail
