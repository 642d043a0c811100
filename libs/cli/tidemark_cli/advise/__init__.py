"""`tidemark advise`: what a practitioner would check first about cost and speed, from evidence alone.

command.py the command; gather.py reads evidence.py's rows; snowflake_rules.py, model_rules.py and spark_rules.py judge
them by thresholds.py; rules.py lists the rules. To add one: a function from rows to advice, and its line in rules.py.
"""
