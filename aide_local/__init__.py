"""aide-local: a tree search over machine-learning scripts written by a local model (arXiv 2502.13138)."""

__version__ = "0.1.0"
