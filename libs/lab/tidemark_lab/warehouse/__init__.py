"""The warehouse emulator: fakesnow's server, with its quirks mended, run as `python -m tidemark_lab.warehouse`.

Each mend is one small function that says which quirk it heals; `mends.py` lists them all. They live in modules of
related ones: results.py (what a query gives back), bindings.py (bound values), functions.py (SQL functions),
statements.py (statements that stock fakesnow refuses or gets wrong), merge.py, transactions.py (locks, snapshots,
DDL), copy.py (COPY INTO), catalog.py (information_schema), persistence.py (files, memory).
To mend another quirk: write a function in the module where it belongs, name it in `mends.py`, and add a test to
tests/contract/test_lab_warehouse.py that shows it through the ordinary connector.
"""
