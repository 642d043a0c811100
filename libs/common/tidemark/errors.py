"""How a handler ends when it does not end well. The runner (runner.py) acts on the family, people read the message.

    TidemarkError
    ├── Retryable            an outage: tried again without end, with growing pauses; nothing is committed
    │   └── NotMyTurn        the run before this one has not arrived yet
    ├── Invalid              the run cannot go on: dead letter, run.failed, the dataset halts here
    │   ├── TypedStop        upstream did what the chain must not guess about; the message names the remedy
    │   ├── CheckFailed      a check of the run's own result failed; nothing was published
    │   └── DataTestFailed   dbt's tests refused the marts; the last good ones stay readable
    ├── Superseded           the event is of an older generation or an older attempt: acknowledged, nothing done
    ├── DecodeError          the record is no event of ours: dead letter, the consumer goes on
    └── SettingsError        the process cannot start: every missing or wrong setting, at once; exit code 2

Anything else that leaves a handler is a crash: the process ends non-zero and is started again.
To add an outcome, subclass the family whose treatment it needs; never catch `Exception` to map it.
"""


class TidemarkError(Exception):
    """Base of everything tidemark raises on purpose."""


class Retryable(TidemarkError):
    """A store or a service is away; the same event will succeed later."""


class NotMyTurn(Retryable):
    """The run before this one has not been done here yet."""


class Invalid(TidemarkError):
    """The run cannot go on until a person or a later row heals it."""


class TypedStop(Invalid):
    """Upstream changed in a way that needs a decision: the message names the remedy."""


class CheckFailed(Invalid):
    """The run's own result failed its checks; nothing of it was published."""


class DataTestFailed(Invalid):
    """A dbt data test failed with the rows up to run `tried_to_seq`; the last good marts stay readable.

    A later run may bring the row that heals it, so its arrival at the halted stage is reason enough to try again.
    """

    def __init__(self, message: str, tried_to_seq: int) -> None:
        super().__init__(message)
        self.tried_to_seq = tried_to_seq


class Superseded(TidemarkError):
    """A newer generation or attempt has taken over; nothing is to be done."""


class DecodeError(TidemarkError):
    """The record does not parse as one of tidemark's events."""


class SettingsError(TidemarkError):
    """Settings are missing or wrong; the message lists all of them."""
