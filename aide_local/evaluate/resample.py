"""Samples of scored rows drawn again, to see how much a score varies by chance (Efron & Tibshirani 1993).

Rows are drawn with replacement; for classes class by class, whose shares vary as little as the training
file's own; whole groups if the task splits by group; whole blocks of consecutive moments if it splits by
time. Of many rows a part is drawn and the spread scaled down by the root of the share (m out of n bootstrap).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aide_local.evaluate.form import Floats
from aide_local.evaluate.score import Scorer
from aide_local.evaluate.splits import Rows, codes_of
from aide_local.task import SplitKind

Array = NDArray[Any]

RESAMPLES = 1000
_MOST_ROWS = 4000  # in one resample
_BLOCKS = 25  # of consecutive moments, with a split by time
_STREAM = 5  # apart from those of aide_local.evaluate.splits and prepared


@dataclass(frozen=True, slots=True)
class ScoredRows:
    """Rows with their truth and with predictions as the metric takes them.

    ``strata`` and ``units`` (n,) are whole numbers: rows of one stratum are drawn among themselves, as many
    as the ``strata_from`` training rows say, by which the split dealt them; rows of one unit are drawn
    together. ``to_predict`` is how many units (without units: rows) the test file has.
    """

    truth: Array
    prediction: Array
    strata: Rows | None = None
    strata_from: int = 0
    units: Rows | None = None
    to_predict: int = 0

    @classmethod
    def of(
        cls,
        kind: SplitKind,
        truth: Array,
        prediction: Array,
        keys: Array | None,
        *,
        train_rows: int,
        test_units: int,
    ) -> ScoredRows:
        """``keys`` (n,) are what the task's rows are split by; see :mod:`aide_local.evaluate.keys`.

        ``train_rows`` is the number of all training rows; ``test_units`` that of the rows to be predicted,
        or of their groups if the task splits by group; 0 if there are none.
        """
        if keys is None or kind is SplitKind.RANDOM:
            return cls(truth, prediction, to_predict=test_units)
        codes = codes_of(kind, keys)
        match kind:
            case SplitKind.STRATIFIED:
                return cls(truth, prediction, strata=codes, strata_from=train_rows, to_predict=test_units)
            case SplitKind.GROUP:
                return cls(truth, prediction, units=codes, to_predict=test_units)
        blocks = _blocks(codes)
        of_test = math.ceil(test_units * (int(blocks.max()) + 1) / len(blocks))
        return cls(truth, prediction, units=blocks, to_predict=of_test)

    def __len__(self) -> int:
        return len(self.truth)

    @property
    def size(self) -> int:
        """The number of units, or of rows if they are drawn one by one."""
        return len(self) if self.units is None else len(np.unique(self.units))

    def spread(self, scorer: Scorer, size: int, seed: Sequence[int], *, as_dealt: bool = True) -> Floats:
        """Return the scores of :data:`RESAMPLES` samples of ``size`` around their mean; those that are defined.

        ``as_dealt`` mixes the classes as the split does, else as chance does.
        """
        if self.units is not None:
            groups = _rows_of(self.units)
            return self._spread(scorer, len(groups), size, lambda n: _draw_groups(groups, n, seed))
        if self.strata is not None and as_dealt:
            strata, known = self.strata, self.strata_from or len(self)
            return self._spread(scorer, len(self), size, lambda n: _draw_by_stratum(strata, known, n, seed))
        return self._spread(scorer, len(self), size, lambda n: _draw_rows(len(self), n, seed))

    def _spread(
        self, scorer: Scorer, have: int, wanted: int, draw: Callable[[int], Iterator[Rows]]
    ) -> Floats:
        """``have`` units are drawn from, ``wanted`` at a time; fewer, and the spread scaled, if they are many."""
        drawn = min(wanted, max(1, round(_MOST_ROWS * have / len(self))))
        scores: Floats = np.array(scorer.score_samples(self.truth, self.prediction, draw(drawn)), np.float64)
        scores = scores[np.isfinite(scores)]
        if len(scores) == 0:
            return scores
        return np.asarray((scores - scores.mean()) * math.sqrt(drawn / wanted))


def _rows_of(units: Rows) -> list[Rows]:
    order = np.argsort(units, kind="stable")
    return np.split(order, np.flatnonzero(np.diff(units[order])) + 1)


def _words(seed: Sequence[int]) -> np.random.PCG64:
    """Return raw random words, which are the same with every version of NumPy; see :mod:`aide_local.evaluate.splits`."""
    return np.random.PCG64(np.random.SeedSequence([_STREAM, *seed]))


def _draw(words: np.random.PCG64, count: int, below: int) -> Rows:
    return np.asarray(words.random_raw(count) % np.uint64(below), dtype=np.int64)


def _draw_rows(n: int, count: int, seed: Sequence[int]) -> Iterator[Rows]:
    words = _words(seed)
    for _ in range(RESAMPLES):
        yield _draw(words, count, n)


def _draw_by_stratum(strata: Rows, known: int, count: int, seed: Sequence[int]) -> Iterator[Rows]:
    """The strata's shares vary as those of ``known`` rows do, and not as those of ``count`` rows."""
    words = _words(seed)
    members = _rows_of(strata)
    codes = np.repeat(np.arange(len(members)), [len(rows) for rows in members])
    shares = np.array([len(rows) for rows in members]) / len(strata)
    for _ in range(RESAMPLES):
        seen = np.bincount(codes[_draw(words, count, len(codes))], minlength=len(members)) / count
        now = shares + (seen - shares) * min(1.0, math.sqrt(count / known))
        sizes = np.maximum(1, np.rint(count * now)).astype(np.int64)
        drawn = [rows[_draw(words, int(size), len(rows))] for rows, size in zip(members, sizes, strict=True)]
        yield np.concatenate(drawn)


def _draw_groups(groups: Sequence[Rows], count: int, seed: Sequence[int]) -> Iterator[Rows]:
    words = _words(seed)
    for _ in range(RESAMPLES):
        yield np.concatenate([groups[at] for at in _draw(words, count, len(groups))])


def _blocks(moments: Rows) -> Rows:
    """Return the block of each row: consecutive moments in blocks of about the same number of rows."""
    counts = np.bincount(moments)
    middle = np.cumsum(counts) - counts / 2.0
    return np.asarray(np.floor(middle * min(_BLOCKS, len(counts)) / len(moments)), dtype=np.int64)[moments]
