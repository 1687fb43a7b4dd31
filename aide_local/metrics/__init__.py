"""Metrics by name: what a submission must hold for each, its direction, its value, its best constant guess."""

from aide_local.metrics.metric import Metric
from aide_local.metrics.registry import default_for, get, names

__all__ = ["Metric", "default_for", "get", "names"]
