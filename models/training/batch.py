"""A batch of rows to learn from: the value that the makers of examples hand to the trainer."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, slots=True)
class Batch:
    """``tokens`` (rows, length) int32, ``weights`` (rows, length) float32, an operator for each row."""

    tokens: np.ndarray
    weights: np.ndarray
    operators: tuple[str, ...]
