"""The score that a run shows of what it delivers, with a 95 % interval.

The interval is of the score on the rows that are to be predicted: it adds up how much the estimate would
vary over other training rows of the same kind and how much the score would vary over other test rows, as
many as there are. Without test rows it is of the score on new rows without end. Both parts are
bootstrapped; see :mod:`aide_local.evaluate.resample`.

Not covered: rows of another kind than the training rows (a population that has changed; with a split by
time only as far as blocks of time differ), and that scripts were tuned on the folds that the cross-fitted
estimate is on; only the report slice shows that, hence the check.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from aide_local.evaluate.form import Floats
from aide_local.evaluate.resample import ScoredRows
from aide_local.evaluate.score import ScoreError, Scorer

FEWEST_RESAMPLES = 50  # with a score; an interval of fewer would be a guess
COVERAGE = 0.95
CHANCE = 0.01  # how rarely the two estimates may differ as much by chance alone before a warning
_T = {3: 4.30, 4: 3.18, 5: 2.78, 6: 2.57, 7: 2.45, 8: 2.36, 9: 2.31, 10: 2.26}  # Student's, 97.5 %, by blocks
_FEW = 3  # of none among n: up to 3 / n are likely (the rule of three)


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

    @property
    def basis(self) -> str:
        """Say what the headline rests on and what its check is, in one sentence for a person."""
        if self.source is Source.CROSS_FITTED:
            first = f"Cross-fitted on {self.rows:,} rows"
            if self.check is None:
                return f"{first}; there is no report slice to check it by."
            return f"{first}; the report slice of {self.check_rows:,} rows is too small to say much and is the check."
        first = f"On the report slice of {self.rows:,} rows, which nothing was chosen by"
        if self.check is None:
            return f"{first}."
        return f"{first}; the cross-fitted estimate on {self.check_rows:,} rows is the check."


def estimate(
    scorer: Scorer, crossed: ScoredRows, sliced: ScoredRows | None, seed: int, blocks: Sequence[float] = ()
) -> Estimate | None:
    """Return the headline of the two estimates, with the other as its check.

    ``crossed`` are the out-of-fold rows with cross-fitted predictions, ``sliced`` the report slice, if there
    is one; ``blocks`` are the scores of consecutive blocks of time, with a split by time.

    The slice leads only if its interval is no wider: if it has as many rows or groups, or with a split by
    time, where the interval is as wide as blocks differ and the slice is the latest. Its own resamples are
    not asked: a slice that by luck lacks the hard rows looks good and certain at once. None if the metric is
    undefined on both.
    """
    of_crossed = _interval(scorer, crossed, (seed, 0), blocks)
    of_slice = _interval(scorer, sliced, (seed, 1), blocks) if sliced is not None else None
    slice_leads = of_slice is not None and (of_crossed is None or of_slice.size >= of_crossed.size)
    first, second = (of_slice, of_crossed) if slice_leads else (of_crossed, of_slice)
    if first is None:
        return None
    warning = ""
    if of_crossed is not None and of_slice is not None:
        as_large = max(1, round(of_crossed.size * of_slice.rows / of_crossed.rows))
        by_chance = crossed.spread(scorer, as_large, (seed, 2))
        warning = _disagreement(scorer, of_crossed, of_slice, by_chance)
    return Estimate(
        score=first.score,
        low=first.low,
        high=first.high,
        source=Source.SLICE if slice_leads else Source.CROSS_FITTED,
        rows=first.rows,
        check=second.score if second is not None else None,
        check_rows=second.rows if second is not None else 0,
        warning=warning,
    )


@dataclass(frozen=True, slots=True)
class _Interval:
    score: float
    low: float | None
    high: float | None
    rows: int
    size: int
    spread: Floats  # of the estimate alone, around 0


def _interval(
    scorer: Scorer, scored: ScoredRows, seed: Sequence[int], blocks: Sequence[float]
) -> _Interval | None:
    try:
        score = scorer.score(scored.truth, scored.prediction)
    except ScoreError:
        return None
    if math.isnan(score):
        return None
    own = scored.spread(scorer, scored.size, (*seed, 0))
    off = own
    if scored.to_predict:
        of_test = scored.spread(scorer, scored.to_predict, (*seed, 1), as_dealt=False)
        off = _difference(of_test, own)
    if len(off) < FEWEST_RESAMPLES:
        return _Interval(score, None, None, len(scored), scored.size, own)
    tail = (1.0 - COVERAGE) / 2.0
    ends = [score + float(np.quantile(off, at)) for at in (tail, 1.0 - tail)]
    if ends[0] == ends[1]:
        ends.append(_with_few_mistakes(scorer, scored, score))
    off_by_time = _one_more_block(blocks)
    ends += [score - off_by_time, score + off_by_time]
    if scorer.perfect is not None:
        sign = scorer.direction.sign
        ends = [sign * min(sign * end, sign * scorer.perfect) for end in ends]
    return _Interval(score, min(ends), max(ends), len(scored), scored.size, own)


def _one_more_block(blocks: Sequence[float]) -> float:
    """Return how far the score of one more block may be from the others' mean, if blocks vary as they did."""
    scores = [score for score in blocks if not math.isnan(score)]
    if len(scores) < 3:
        return 0.0
    quantile = _T[min(len(scores), max(_T))]
    return quantile * statistics.stdev(scores) * math.sqrt(1.0 + 1.0 / len(scores))


def _difference(first: Floats, second: Floats) -> Floats:
    count = min(len(first), len(second))
    return first[:count] - second[:count]


def _with_few_mistakes(scorer: Scorer, scored: ScoredRows, score: float) -> float:
    """Return the score if a few rows had the predictions of rows with another truth.

    No resample differs from perfect predictions, and yet another sample may.
    """
    order = np.arange(min(len(scored), scored.to_predict or len(scored)))
    changed = scored.prediction.copy()
    for at in order[:_FEW]:
        others = np.flatnonzero(
            np.any(np.reshape(scored.truth != scored.truth[at], (len(scored), -1)), axis=1)
        )
        if len(others):
            changed[at] = scored.prediction[others[len(others) // 2]]
    worse = scorer.score_many(scored.truth[order], [changed[order]])[0]
    return score if math.isnan(worse) else worse


def _disagreement(scorer: Scorer, crossed: _Interval, sliced: _Interval, by_chance: Floats) -> str:
    """Return one sentence if the two estimates differ by more than chance, else empty.

    ``by_chance`` is the spread of samples of the slice's size from the cross-fitted rows.
    """
    differences = _difference(by_chance, crossed.spread)
    if len(differences) < FEWEST_RESAMPLES:
        return ""
    low, high = (float(np.quantile(differences, at)) for at in (CHANCE / 2.0, 1.0 - CHANCE / 2.0))
    gap = sliced.score - crossed.score
    if low <= gap <= high:
        return ""
    meaning = (
        "what was chosen may be fitted to the folds, so expect the worse of the two."
        if scorer.direction.sign * gap < 0
        else "the slice's rows seem easier than the others."
    )
    return (
        "The report slice and the cross-fitted estimate disagree by more than chance"
        f" ({sliced.score:.4g} on {sliced.rows} rows, {crossed.score:.4g} on {crossed.rows} rows): {meaning}"
    )
