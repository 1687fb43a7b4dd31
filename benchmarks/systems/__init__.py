"""The competitors of :mod:`benchmarks.automl`: one short script each, run in the competitors' environment."""
