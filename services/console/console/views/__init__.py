"""From the State to what is shown: `views.overview(state, now_ms)` and so on. Pure; records.py says what comes out.

To add a page: a record in records.py, a function here, a route in api.py.
"""

from console.views.alerts import alerts, open_alerts
from console.views.letters import letter, letters, open_letters
from console.views.overview import overview
from console.views.quality import quality
from console.views.rates import hours, lag
from console.views.reconciliation import reconciliation
from console.views.run import run
from console.views.runs import began_ms, runs

__all__ = [
    "alerts",
    "began_ms",
    "hours",
    "lag",
    "letter",
    "letters",
    "open_alerts",
    "open_letters",
    "overview",
    "quality",
    "reconciliation",
    "run",
    "runs",
]
