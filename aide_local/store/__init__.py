"""Runs, nodes, folds, generations: one DuckDB file per run, readable by anyone at any time."""
