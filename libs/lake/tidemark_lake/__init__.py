"""The lake as the services share it: the catalog, a run's manifest and result, decisions, a snapshot's files."""
