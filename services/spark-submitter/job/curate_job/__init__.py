"""The Spark job that curates one run. It imports pyspark only and knows its submitter by manifest.json and result.json.

read -> cast -> rules -> repeats -> hold -> order -> state -> publish -> checks; one module each, main.py ties them.
"""
