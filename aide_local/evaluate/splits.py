"""Decide which rows are trained on, validated on, and set aside: pure functions of the rows' keys and a seed.

The same seed gives the same split on every machine and with every version of NumPy: only the raw words
of PCG64 are used (its stream is fixed; the shuffling methods of ``numpy.random.Generator`` may change
between versions, NEP 19), put in order by a stable sort.

- random: rows shuffled and dealt round robin;
- stratified: the same within each class, the deal going on from class to class, so that both the
  classes and the fold sizes are even;
- group: whole groups, the largest first, each to the fold with the fewest rows;
- time: K + 1 consecutive blocks of time; fold k validates on block k + 1 and trains on all blocks before
  it (forward chaining). Rows of the first block are never validated on, so they have no out-of-fold
  prediction. Rows of one moment stay together.

The report slice is cut first, by the same rule: shuffled rows, rows of each class, whole groups, or the
latest moments.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aide_local.errors import SettingsError, TaskError
from aide_local.task import SplitKind

Rows = NDArray[np.int64]
Array = NDArray[Any]

FEWEST_FOR_REPORT = 500  # below this many training rows nothing is set aside

FIRST_BLOCK = -1  # time split: trained on, never validated on
REPORT = -2  # in no fold at all

_REPORT_STREAM, _FOLD_STREAM = 1, 2


@dataclass(frozen=True, slots=True)
class Split:
    """``fold`` (n,): the fold that validates on the row, or ``FIRST_BLOCK``, or ``REPORT``."""

    kind: SplitKind
    folds: int
    fold: NDArray[np.int32]

    def training(self, k: int) -> Rows:
        """Return the rows that fold ``k`` trains on, ascending."""
        if self.kind is SplitKind.TIME:
            return np.flatnonzero((self.fold < k) & (self.fold != REPORT))
        return np.flatnonzero((self.fold != k) & (self.fold != REPORT))

    def validation(self, k: int) -> Rows:
        """Return the rows that fold ``k`` is scored on, ascending."""
        return np.flatnonzero(self.fold == k)

    @property
    def report(self) -> Rows:
        """Rows of the report slice, ascending."""
        return np.flatnonzero(self.fold == REPORT)

    @property
    def scored(self) -> Rows:
        """Rows that get an out-of-fold prediction, ascending."""
        return np.flatnonzero(self.fold >= 0)


def permutation(n: int, *seed: int) -> Rows:
    """Return an order of 0..n-1 that depends on ``seed`` alone."""
    words = np.random.PCG64(np.random.SeedSequence(list(seed))).random_raw(n)
    return np.argsort(words, kind="stable")


def split(
    kind: SplitKind,
    n: int,
    *,
    folds: int,
    seed: int,
    report_fraction: float = 0.0,
    keys: Array | None = None,
) -> Split:
    """Return how ``n`` training rows are cut.

    ``keys`` (n,) is what the kind goes by: the class of each row, its group, or its time; None for a
    random split. Fewer folds than asked for are made where there are fewer rows, groups or moments.

    Raises:
        SettingsError: fewer than two folds were asked for, or the fraction is not in [0, 0.5].
        TaskError: the rows cannot be cut in two.
    """
    if folds < 2:
        raise SettingsError(f"{folds} folds were asked for.", "Give --folds a number of at least 2.")
    if not 0.0 <= report_fraction <= 0.5:
        raise SettingsError(
            f"A report slice of {report_fraction:g} was asked for.", "Give a fraction between 0 and 0.5."
        )
    codes = np.zeros(n, dtype=np.int64) if keys is None else codes_of(kind, keys)
    fold = np.full(n, REPORT, dtype=np.int32)
    wanted = round(report_fraction * n) if n >= FEWEST_FOR_REPORT else 0
    report = _report(kind, codes, wanted, seed) if wanted else np.empty(0, dtype=np.int64)
    rest = np.setdiff1d(np.arange(n), report)
    made, count = _folds(kind, codes[rest], folds, seed)
    fold[rest] = made
    return Split(kind, count, fold)


def codes_of(kind: SplitKind, keys: Array) -> Rows:
    """Return keys as whole numbers: times by their order, classes and groups by first appearance."""
    values, first, inverse = np.unique(keys, return_index=True, return_inverse=True)
    if kind is SplitKind.TIME:
        return np.asarray(inverse, dtype=np.int64)
    rank = np.empty(len(values), dtype=np.int64)
    rank[np.argsort(first, kind="stable")] = np.arange(len(values))
    return rank[inverse]


def _report(kind: SplitKind, codes: Rows, wanted: int, seed: int) -> Rows:
    n = len(codes)
    if kind is SplitKind.TIME:
        counts = np.bincount(codes)
        later = np.cumsum(counts[::-1])[::-1]  # rows at this moment or after it
        first = int(np.argmin(np.abs(later - wanted)))
        return np.flatnonzero(codes >= first) if first >= 2 else np.empty(0, dtype=np.int64)
    order = permutation(n, seed, _REPORT_STREAM)
    if kind is SplitKind.GROUP:
        taken: list[int] = []
        rows = 0
        sizes = np.bincount(codes)
        for group in permutation(len(sizes), seed, _REPORT_STREAM):
            if rows + sizes[group] <= wanted and len(taken) + 2 < len(sizes):
                taken.append(int(group))
                rows += int(sizes[group])
        return np.flatnonzero(np.isin(codes, taken))
    # Every (n / wanted)-th row of the rows in order of class: each class gives its share.
    by_class = order[np.argsort(codes[order], kind="stable")]
    return by_class[(np.arange(wanted) * n) // wanted]


def _folds(kind: SplitKind, codes: Rows, folds: int, seed: int) -> tuple[NDArray[np.int32], int]:
    n = len(codes)
    fold = np.empty(n, dtype=np.int32)
    if kind is SplitKind.TIME:
        return _blocks(codes, folds)
    order = permutation(n, seed, _FOLD_STREAM)
    if kind is SplitKind.GROUP:
        return _deal_groups(codes, folds, order)
    count = min(folds, n)
    if count < 2:
        raise TaskError(f"The training file has {n} rows.", "At least two are needed to train and validate.")
    by_class = order[np.argsort(codes[order], kind="stable")]
    fold[by_class] = np.arange(n) % count
    return fold, count


def _deal_groups(codes: Rows, folds: int, order: Rows) -> tuple[NDArray[np.int32], int]:
    """Return whole groups dealt to folds; ``order`` breaks ties between groups of one size."""
    groups, sizes = np.unique(codes, return_counts=True)
    count = min(folds, len(groups))
    if count < 2:
        raise TaskError(
            "All training rows are of one group, so none can be validated on.",
            "Name another --group column or choose another --split.",
        )
    tie = np.full(int(groups.max()) + 1, len(codes))
    np.minimum.at(tie, codes[order], np.arange(len(codes)))
    largest_first = np.lexsort((tie[groups], -sizes))
    rows = np.zeros(count, dtype=np.int64)
    fold_of = np.zeros(int(groups.max()) + 1, dtype=np.int32)
    for at in largest_first:
        smallest = int(np.argmin(rows))
        fold_of[groups[at]] = smallest
        rows[smallest] += sizes[at]
    return fold_of[codes], count


def _blocks(codes: Rows, folds: int) -> tuple[NDArray[np.int32], int]:
    """Return consecutive blocks of about the same number of rows; a moment goes where its middle row falls."""
    moments, inverse, counts = np.unique(codes, return_inverse=True, return_counts=True)
    if len(moments) < 2:
        raise TaskError(
            "All training rows are of one moment, so none comes after the others.",
            "Name another --time column or choose another --split.",
        )
    middle = np.cumsum(counts) - counts / 2.0
    for blocks in range(min(folds + 1, len(moments)), 2, -1):
        block = np.floor(middle * blocks / len(codes)).astype(np.int32)
        if len(np.unique(block)) == blocks:
            return (block[inverse] - 1).astype(np.int32), blocks - 1
    # Two blocks, cut at the moment nearest to the middle: always possible.
    cut = int(np.argmin(np.abs(np.cumsum(counts)[:-1] - len(codes) / 2.0)))
    return np.where(inverse > cut, 0, FIRST_BLOCK).astype(np.int32), 1
