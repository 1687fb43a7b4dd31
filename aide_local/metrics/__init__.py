"""Metrics by name: the form of predictions, the direction, the score, and the best constant guess of each."""

from aide_local.metrics.metric import Metric
from aide_local.metrics.registry import default_for, get, names

__all__ = ["Metric", "default_for", "get", "names"]
