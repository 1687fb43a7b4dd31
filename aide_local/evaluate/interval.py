"""The score that a run shows of what it delivers, with a 95 % interval.

The interval is of the score on the rows that are to be predicted: it adds up how much the estimate would
vary over other training rows of the same kind and how much the score would vary over other test rows, as
many as there are. Without test rows it is of the score on new rows without end.

Both parts are bootstrapped (Efron & Tibshirani 1993): rows are drawn with replacement; for classes the
estimate's rows class by class, as the split dealt them; whole groups if the task splits by group; whole
blocks of consecutive moments if it splits by time. Of many rows a part is drawn and the spread scaled down
by the root of the share (m out of n bootstrap).

Not covered: rows of another kind than the training rows (a population that has changed; with a split by
time only as far as the folds show change), and that scripts were tuned on the folds that the cross-fitted
estimate is on; only the report slice shows that, hence the check.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aide_local.evaluate.score import ScoreError, Scorer
from aide_local.evaluate.splits import Rows, codes_of
from aide_local.task import SplitKind

Array = NDArray[Any]
Floats = NDArray[np.float64]

RESAMPLES = 1000
FEWEST_RESAMPLES = 50  # with a score; an interval of fewer would be a guess
COVERAGE = 0.95
CHANCE = 0.01  # how rarely the two estimates may differ as much by chance alone before a warning
_MOST_ROWS = 4000  # in one resample
_BLOCKS = 25  # of consecutive moments, with a split by time
_STREAM = 5  # apart from those of aide_local.evaluate.splits and prepare


class Source(StrEnum):
    """The rows that an estimate is made on."""

    SLICE = "report slice"
    CROSS_FITTED = "cross-fitted"


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """The headline: ``score`` of the delivered predictions, in all likelihood from ``low`` to ``high``.

    ``check`` is the other estimate's score, None if there is no other. ``low`` and ``high`` are None if
    the metric is undefined on too many resamples. ``warning`` is empty or one sentence for a person.
    """

    score: float
    low: float | None
    high: float | None
    source: Source
    rows: int  # that the score is on
    check: float | None = None
    check_rows: int = 0
    warning: str = ""


@dataclass(frozen=True, slots=True)
class Scored:
    """Rows with their truth and with predictions as the metric takes them.

    ``strata`` and ``units`` (n,) are whole numbers: rows of one stratum are drawn among themselves, rows
    of one unit are drawn together. ``to_predict`` is how many units (without units: rows) the test file has.
    """

    truth: Array
    prediction: Array
    strata: Rows | None = None
    units: Rows | None = None
    to_predict: int = 0

    @classmethod
    def of(
        cls, kind: SplitKind, truth: Array, prediction: Array, keys: Array | None, test_units: int
    ) -> Scored:
        """``keys`` (n,) are what the task's rows are split by; see :mod:`aide_local.evaluate.keys`.

        ``test_units`` is the number of rows that are to be predicted, or of their groups if the task
        splits by group; 0 if there are none.
        """
        if keys is None or kind is SplitKind.RANDOM:
            return cls(truth, prediction, to_predict=test_units)
        codes = codes_of(kind, keys)
        match kind:
            case SplitKind.STRATIFIED:
                return cls(truth, prediction, strata=codes, to_predict=test_units)
            case SplitKind.GROUP:
                return cls(truth, prediction, units=codes, to_predict=test_units)
        blocks = _blocks(codes)
        of_test = math.ceil(test_units * (int(blocks.max()) + 1) / len(blocks))
        return cls(truth, prediction, units=blocks, to_predict=of_test)


def estimate(scorer: Scorer, crossed: Scored, sliced: Scored | None, seed: int) -> Estimate | None:
    """The headline of the two estimates: the one with the narrower interval; the other is its check.

    ``crossed`` are the out-of-fold rows with cross-fitted predictions, ``sliced`` the report slice, if
    there is one. None if the metric is undefined on both.
    """
    of_crossed = _interval(scorer, crossed, (seed, 0))
    of_slice = _interval(scorer, sliced, (seed, 1)) if sliced is not None else None
    if of_crossed is None and of_slice is None:
        return None
    slice_leads = of_slice is not None and (of_crossed is None or of_slice.width < of_crossed.width)
    first, second = (of_slice, of_crossed) if slice_leads else (of_crossed, of_slice)
    assert first is not None
    return Estimate(
        score=first.score,
        low=first.low,
        high=first.high,
        source=Source.SLICE if slice_leads else Source.CROSS_FITTED,
        rows=first.rows,
        check=second.score if second is not None else None,
        check_rows=second.rows if second is not None else 0,
        warning=_disagreement(scorer, of_crossed, of_slice),
    )


@dataclass(frozen=True, slots=True)
class _Interval:
    score: float
    low: float | None
    high: float | None
    rows: int
    spread: Floats  # of the estimate alone, around 0

    @property
    def width(self) -> float:
        """Of the interval of the estimate alone, whatever the number of test rows."""
        if self.low is None:
            return math.inf
        tail = (1.0 - COVERAGE) / 2.0
        return float(np.quantile(self.spread, 1.0 - tail) - np.quantile(self.spread, tail))


def _interval(scorer: Scorer, scored: Scored, seed: Sequence[int]) -> _Interval | None:
    try:
        score = scorer.score(scored.truth, scored.prediction)
    except ScoreError:
        return None
    if math.isnan(score):
        return None
    spread = _spread(scorer, scored, None, (*seed, 0))
    if len(spread) < FEWEST_RESAMPLES:
        return _Interval(score, None, None, len(scored.truth), spread)
    off = spread
    if scored.to_predict:
        of_test = _spread(scorer, scored, scored.to_predict, (*seed, 1))
        if len(of_test) < FEWEST_RESAMPLES:
            return _Interval(score, None, None, len(scored.truth), spread)
        count = min(len(spread), len(of_test))
        off = of_test[:count] - spread[:count]
    tail = (1.0 - COVERAGE) / 2.0
    low, high = (score + float(np.quantile(off, at)) for at in (tail, 1.0 - tail))
    if scorer.perfect is not None:  # no score is better than that
        better = scorer.direction.sign * scorer.perfect
        low, high = (scorer.direction.sign * min(scorer.direction.sign * end, better) for end in (low, high))
    return _Interval(score, low, high, len(scored.truth), spread)


def _spread(scorer: Scorer, scored: Scored, units: int | None, seed: Sequence[int]) -> Floats:
    """Scores of resamples around their mean: of all rows' size by stratum, or of ``units`` across strata."""
    n = len(scored.truth)
    groups = _rows_of(scored.units)
    have = n if groups is None else len(groups)
    wanted = have if units is None else units
    most = max(1, round(_MOST_ROWS * have / n))
    drawn = min(wanted, most)
    if groups is not None:
        samples = _drawn_groups(groups, drawn, seed)
    elif units is None and scored.strata is not None:
        samples = _drawn_by_stratum(scored.strata, drawn, seed)
    else:
        samples = _drawn_rows(n, drawn, seed)
    scores: Floats = np.array(scorer.score_samples(scored.truth, scored.prediction, samples), np.float64)
    scores = scores[np.isfinite(scores)]
    if len(scores) == 0:
        return scores
    return np.asarray((scores - scores.mean()) * math.sqrt(drawn / wanted))


def _rows_of(units: Rows | None) -> list[Rows] | None:
    if units is None:
        return None
    order = np.argsort(units, kind="stable")
    return np.split(order, np.flatnonzero(np.diff(units[order])) + 1)


def _words(seed: Sequence[int]) -> np.random.PCG64:
    """Raw words are the same with every version of NumPy; see :mod:`aide_local.evaluate.splits`."""
    return np.random.PCG64(np.random.SeedSequence([_STREAM, *seed]))


def _drawn(words: np.random.PCG64, count: int, below: int) -> Rows:
    return np.asarray(words.random_raw(count) % np.uint64(below), dtype=np.int64)


def _drawn_rows(n: int, count: int, seed: Sequence[int]) -> Iterator[Rows]:
    words = _words(seed)
    for _ in range(RESAMPLES):
        yield _drawn(words, count, n)


def _drawn_by_stratum(strata: Rows, count: int, seed: Sequence[int]) -> Iterator[Rows]:
    words = _words(seed)
    members = _rows_of(strata)
    assert members is not None
    sizes = [max(1, round(count * len(rows) / len(strata))) for rows in members]
    for _ in range(RESAMPLES):
        yield np.concatenate(
            [rows[_drawn(words, size, len(rows))] for rows, size in zip(members, sizes, strict=True)]
        )


def _drawn_groups(groups: Sequence[Rows], count: int, seed: Sequence[int]) -> Iterator[Rows]:
    words = _words(seed)
    for _ in range(RESAMPLES):
        yield np.concatenate([groups[at] for at in _drawn(words, count, len(groups))])


def _blocks(moments: Rows) -> Rows:
    """Consecutive moments in blocks of about the same number of rows."""
    counts = np.bincount(moments)
    middle = np.cumsum(counts) - counts / 2.0
    return np.asarray(np.floor(middle * min(_BLOCKS, len(counts)) / len(moments)), dtype=np.int64)[moments]


def _disagreement(scorer: Scorer, crossed: _Interval | None, sliced: _Interval | None) -> str:
    """One sentence if the two estimates differ by more than chance, else empty."""
    if crossed is None or sliced is None:
        return ""
    count = min(len(crossed.spread), len(sliced.spread))
    if count < FEWEST_RESAMPLES:
        return ""
    by_chance = sliced.spread[:count] - crossed.spread[:count]
    low, high = (float(np.quantile(by_chance, at)) for at in (CHANCE / 2.0, 1.0 - CHANCE / 2.0))
    gap = sliced.score - crossed.score
    if low <= gap <= high:
        return ""
    return (
        f"The report slice and the cross-fitted estimate disagree by more than chance"
        f" ({sliced.score:.4g} on {sliced.rows} rows, {crossed.score:.4g} on {crossed.rows} rows): "
        + (
            "what was chosen may be fitted to the folds, so expect the worse of the two."
            if scorer.direction.sign * gap < 0
            else "the slice's rows seem easier than the others."
        )
    )
