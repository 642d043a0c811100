"""`tidemark kind`: the chart on a cluster of one's own machine, made with kind, in Docker.

checks.py says what is missing and what to do; credentials.py reads kind/secrets.toml; plan.py lists the commands in
order; execute.py runs them; command.py is the command line. Commands are lists of words, never a shell's, so that they
are the same in PowerShell, WSL, macOS and Linux.
"""
