"""Random tokens that come again: they teach an induction head, and recall by key.

Everything that improve and debug copy (a value of the plan, a line of the parent) is found by "what followed this before".
Strings of words teach that slowly, for a word can be guessed; random tokens cannot. See "In-context Learning and
Induction Heads" (Olsson et al., 2022) and the associative recall of "Zoology" (Arora et al., 2023).
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from models.training.batch import Batch
from models.training.tokenizer import SPECIAL

LENGTHS = (64, 128, 256, 512, 1024, 3072)  # of a row, in tokens; the same for a whole batch


def repeats(vocabulary: int, tokens: int, seed: int) -> Iterator[Batch]:
    """Yield batches of about ``tokens`` tokens without end: two rows in three repeat a segment, one is a table of keys."""
    rng = np.random.default_rng(seed)
    while True:
        length = int(rng.choice(LENGTHS))
        rows = max(3, tokens // length)
        made = [(_segment if row % 3 else _table)(rng, vocabulary, length) for row in range(rows)]
        yield Batch(
            np.stack([tokens for tokens, _ in made]),
            np.stack([weights for _, weights in made]),
            tuple("repeat" if row % 3 else "recall" for row in range(rows)),
        )


def _segment(rng: np.random.Generator, vocabulary: int, length: int) -> tuple[np.ndarray, np.ndarray]:
    """Return a segment of 8 tokens to half the row, again and again; what comes after its first time counts."""
    size = int(rng.integers(8, length // 2))
    segment = rng.integers(len(SPECIAL), vocabulary, size)
    weights = np.zeros(length, dtype=np.float32)
    weights[size + 1 :] = 1
    return np.tile(segment, length // size + 1)[:length].astype(np.int32), weights


def _table(rng: np.random.Generator, vocabulary: int, length: int) -> tuple[np.ndarray, np.ndarray]:
    """Return distinct keys with values, then the keys in another order; the values count."""
    size = int(rng.integers(4, min(length // 4, vocabulary // 2)))
    keys = rng.choice(np.arange(len(SPECIAL), vocabulary), size, replace=False)
    values, order = rng.integers(len(SPECIAL), vocabulary, size), rng.permutation(size)
    tokens, weights = np.zeros(length, dtype=np.int32), np.zeros(length, dtype=np.float32)
    tokens[: 4 * size] = np.concatenate(
        [np.stack([keys, values], 1).ravel(), np.stack([keys[order], values[order]], 1).ravel()]
    )
    weights[2 * size + 1 : 4 * size : 2] = 1
    return tokens, weights
