"""Grafana boards from code: parts.py is their look, catalogue.py what they show, `python -m boards` writes them."""
