"""Random tokens that come again: what counts can be found earlier in the row, and nothing else counts."""

from __future__ import annotations

from dataclasses import replace
from itertools import islice

import numpy as np

from models.training.batches import Mix, batches
from models.training.repeats import LENGTHS, repeats
from models.training.tokenizer import Encoder, train_tokenizer


def test_every_token_that_counts_was_there_before() -> None:
    for batch in islice(repeats(vocabulary=500, tokens=4096, seed=1), 6):
        rows, length = batch.tokens.shape
        assert length in LENGTHS
        assert rows == max(3, 4096 // length)
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
    one, again, other = (next(repeats(500, 512, seed)) for seed in (3, 3, 4))
    assert np.array_equal(one.tokens, again.tokens)
    assert not np.array_equal(one.tokens, other.tokens)


def test_they_are_mixed_into_the_batches_at_their_share() -> None:
    encoder = Encoder(train_tokenizer(["x = pd.read_csv('input/train.csv')", "plan: ridge, alpha 10"], 400))
    mix = Mix(copy_share=1.0, short=True, tokens=2048, longest=2048, repeats=0.5)
    random_tokens = [
        bool({"repeat", "recall"} & set(batch.operators))
        for batch in islice(batches(encoder, mix, seed=1), 60)
    ]
    assert 18 <= sum(random_tokens) <= 42
    only = islice(batches(encoder, replace(mix, repeats=1.0), seed=1), 20)
    assert all(set(batch.operators) == {"repeat", "recall"} for batch in only)
