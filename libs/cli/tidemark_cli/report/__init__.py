"""`tidemark report`: the KPI report, one HTML page that needs nothing else.

figures.py reads (sql/, a file for each figure); sections.toml says what stands where, of widgets.py's kinds; charts.py
and wording.py make of rows what a page can hold; page.py renders (page/); command.py is the command. A figure more is a
file in sql/ and a widget in sections.toml.
"""

from tidemark_cli.report.command import report

__all__ = ["report"]
