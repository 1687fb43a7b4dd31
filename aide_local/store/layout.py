"""Names of the files in a run's folder, and of the runs that are parts of an exam."""

from __future__ import annotations

DATABASE = "run.duckdb"  # held by the process that runs the search
PUBLISHED = "published.duckdb"  # the last snapshot of it, for readers
INFO = "info.json"  # a line about the run, for lists of runs
LOCK = "lock"
EXAM = (
    "exam-"  # begins the id of a run that is part of a model's exam; the id of a search begins with its date
)
