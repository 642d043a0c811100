"""`tidemark docs`: the documentation as static files that need nothing else.

dbt_page.py makes dbt's own; graph.py finds what the lineage page shows, page/ shows it; command.py is the command.
"""

from tidemark_cli.docs.command import docs

__all__ = ["docs"]
