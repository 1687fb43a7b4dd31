"""Random tokens that come again: what counts can be found earlier in the row, and nothing else counts."""

from __future__ import annotations

from itertools import islice

import numpy as np

from models.training.repeats import LENGTH, repeats


def test_every_token_that_counts_was_there_before() -> None:
    for batch in islice(repeats(vocabulary=500, tokens=30 * LENGTH, seed=1), 3):
        assert batch.tokens.shape == batch.weights.shape == (30, LENGTH)
        assert set(batch.operators) == {"repeat", "recall"}
        for row, weights, kind in zip(batch.tokens, batch.weights, batch.operators, strict=True):
            assert weights.any()
            for place in np.flatnonzero(weights):
                back = 1 if kind == "recall" else 0
                before = row[: place - back]
                assert row[place] in before
                if kind == "recall":  # right after the same key
                    key = int(np.flatnonzero(before == row[place - 1])[0])
                    assert key % 2 or row[key + 1] == row[place]


def test_the_same_seed_gives_the_same_batches() -> None:
    one, again, other = (next(repeats(500, 4 * LENGTH, seed)) for seed in (3, 3, 4))
    assert np.array_equal(one.tokens, again.tokens)
    assert not np.array_equal(one.tokens, other.tokens)
