"""Deliver the result of a run: the ensemble over the tree's nodes, the best single script, and the honest score."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from aide_local.evaluate import stored
from aide_local.evaluate.blend import Blend, Combination
from aide_local.evaluate.crossfit import CrossFitted, choose
from aide_local.evaluate.evidence import Evidence
from aide_local.evaluate.form import Floats
from aide_local.evaluate.interval import Estimate, estimate
from aide_local.evaluate.prepared import Prepared
from aide_local.evaluate.refit import SHARE, Execute, Refits, refit
from aide_local.evaluate.resample import ScoredRows
from aide_local.evaluate.score import ScoreError
from aide_local.evaluate.splits import Rows
from aide_local.evaluate.stored import Predictions
from aide_local.evaluate.submission import SOLUTION_SUBMISSION, SUBMISSION, write_solution, write_submission
from aide_local.search.tree import Tree
from aide_local.task import SplitKind
from aide_local.types import Node

_MOST_MODELS = 100  # the best of the tree; more cost time and add nothing
_MOST_CELLS = 2**25  # of their out-of-fold predictions together, to bound memory and time

Weighted = tuple[tuple[int, float], ...]  # (node, weight), the heaviest first; the weights sum to 1


@dataclass(frozen=True, slots=True)
class Contribution:
    """One node's part in the ensemble.

    ``gain`` is how much worse the out-of-fold score gets without the node (positive: it helps), None for a
    single node. ``refitted``: its test predictions come in part from all training rows.
    """

    node: int
    weight: float
    gain: float | None
    refitted: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Final:
    """The choice and its scores; every score is the task's metric, None where there is none.

    ``estimate`` is the number to show, with its interval. ``ensemble_score`` is the cross-fitted score of
    what is delivered: no row was scored by weights that it helped to select. ``best_score`` is the best
    single script's on the out-of-fold rows, by which it was chosen. ``report_score`` is what the delivered
    ensemble scores on the report slice, which nothing was chosen by; ``best_report_score`` the best single
    script on the same rows.
    """

    weights: Weighted
    best: int
    best_score: float
    combination: str = Combination.SINGLE.value
    blend: Blend | None = None  # of the predictions of the nodes in ``weights``, in their order
    ensemble_score: float | None = None
    report_score: float | None = None
    best_report_score: float | None = None
    constant_score: float | None = None
    report_rows: int = 0
    estimate: Estimate | None = None
    contributions: tuple[Contribution, ...] = ()
    files: tuple[Path, ...] = ()  # written
    notes: tuple[str, ...] = ()  # what could not be used, one sentence each


def finalise(
    prepared: Prepared,
    tree: Tree,
    out: Path | None = None,
    *,
    execute: Execute | None = None,
    refit_seconds: float = 0.0,
    on_refit: Callable[[int], None] | None = None,
) -> Final | None:
    """Choose the ensemble, estimate its score, refit its scripts, and write the deliverables into ``out``.

    ``submission.csv`` (ensemble), ``solution.py`` and ``solution_submission.csv`` (best single script).
    A task without test rows gets no submissions. With ``execute`` the scripts that carry weight run once
    more on all training rows, the heaviest first, for ``refit_seconds`` at most; ``on_refit`` is called
    with a node before it runs. Returns None if the tree has no complete valid node.

    Raises:
        OSError: ``out`` or the run's folder cannot be written.
        Cancelled, SandboxError: an execution raised it.
    """
    best = tree.best
    if best is None or best.metric is None:
        return None
    models, notes = _load(prepared, tree)
    if not models:
        return Final(
            weights=((best.id, 1.0),),
            best=best.id,
            best_score=best.metric,
            constant_score=prepared.constant_score,
            report_rows=len(prepared.split.report),
            files=(write_solution(best, out),) if out is not None else (),
            notes=tuple(notes),
        )
    chosen = _choose(prepared, tree, models)
    ensemble = _Ensemble.of(models, chosen.blend)
    refits = Refits()
    if execute is not None:
        order = list(dict.fromkeys([*ensemble.models, best.id]))
        refits = refit(prepared, tree, order, execute, seconds=refit_seconds, on_refit=on_refit)
    report = ensemble.blend.apply([one.report for one in ensemble.models.values()])
    return Final(
        weights=ensemble.weights,
        best=best.id,
        best_score=best.metric,
        combination=ensemble.blend.combination.value,
        blend=ensemble.blend,
        ensemble_score=chosen.score,
        report_score=_report_score(prepared, report),
        best_report_score=_report_score(prepared, models[best.id].report) if best.id in models else None,
        constant_score=prepared.constant_score,
        report_rows=len(prepared.split.report),
        estimate=_estimate(prepared, chosen, report),
        contributions=_contributions(prepared, ensemble, refits),
        files=_write(prepared, best, models.get(best.id), ensemble, refits, out) if out is not None else (),
        notes=(*notes, *refits.notes, *_skipped(refits)),
    )


def _load(prepared: Prepared, tree: Tree) -> tuple[dict[int, Predictions], list[str]]:
    """Return the predictions of the pinned and the best nodes that can be read, best first, and what to note."""
    models: dict[int, Predictions] = {}
    notes: list[str] = []
    cells = 0
    ranked = tree.ranked()
    for node in (*ranked[:_MOST_MODELS], *(one for one in ranked[_MOST_MODELS:] if one.id in tree.pinned)):
        if node.predictions is None:
            continue
        try:
            one = stored.load(prepared, node.predictions)
        except (OSError, ValueError) as error:  # Arrow's errors of damaged files are ValueErrors
            notes.append(f"The predictions of node #{node.id} are left out: {error}")
            continue
        cells += one.oof.size
        if models and cells > _MOST_CELLS:
            notes.append(f"The ensemble was chosen among the {len(models)} best nodes, to bound memory.")
            break
        models[node.id] = one
    return models, notes


def _choose(prepared: Prepared, tree: Tree, models: dict[int, Predictions]) -> CrossFitted:
    scored = prepared.split.scored
    evidence = Evidence(
        tuple(one.oof for one in models.values()),
        prepared.truth[scored],
        prepared.split.fold[scored],
        prepared.scorer,
        prepared.form,
        prepared.task.metric,
        tuple(at for at, node in enumerate(models) if node in tree.pinned),
    )
    return choose(evidence).chosen


@dataclass(frozen=True, slots=True)
class _Ensemble:
    """The nodes that carry weight, the heaviest first, and how they are put together, in that order."""

    models: dict[int, Predictions]
    blend: Blend

    @classmethod
    def of(cls, models: dict[int, Predictions], blend: Blend) -> _Ensemble:
        """``blend`` is of all ``models``."""
        nodes = list(models)
        used = [at for at, weight in enumerate(blend.weights) if weight > 0]
        order = sorted(used, key=lambda at: (-blend.weights[at], nodes[at]))
        return cls({nodes[at]: models[nodes[at]] for at in order}, blend.of_models(order))

    @property
    def weights(self) -> Weighted:
        return tuple(zip(self.models, self.blend.shares, strict=True))


# ---- scores ----


def _report_score(prepared: Prepared, soft: Floats | None) -> float | None:
    rows = prepared.split.report
    if soft is None or len(rows) == 0:
        return None
    try:
        value = prepared.scorer.score(prepared.truth[rows], prepared.form.decide(soft))
    except ScoreError:  # outside the metric's domain on these rows: there is no honest number to show
        return None
    return None if np.isnan(value) else value


def _estimate(prepared: Prepared, chosen: CrossFitted, report: Floats) -> Estimate | None:
    def scored_rows(rows: Rows, soft: Floats) -> ScoredRows:
        keys = prepared.keys[rows] if prepared.keys is not None else None
        decided = prepared.form.decide(soft)
        return ScoredRows.of(
            prepared.split.kind,
            prepared.truth[rows],
            decided,
            keys,
            train_rows=len(prepared.truth),
            test_units=prepared.test_units,
        )

    return estimate(
        prepared.scorer,
        scored_rows(prepared.split.scored, chosen.column),
        scored_rows(prepared.split.report, report) if len(report) else None,
        prepared.seed,
        chosen.by_fold if prepared.split.kind is SplitKind.TIME else (),
    )


def _contributions(prepared: Prepared, ensemble: _Ensemble, refits: Refits) -> tuple[Contribution, ...]:
    blends = [ensemble.blend]
    if len(ensemble.models) > 1:
        blends += [ensemble.blend.without(at) for at in range(len(ensemble.models))]
    parts = [one.oof for one in ensemble.models.values()]
    decided = [prepared.form.decide(one.apply(parts)) for one in blends]
    scores = prepared.scorer.score_many(prepared.truth[prepared.split.scored], decided)
    sign = prepared.scorer.direction.sign
    gains: list[float | None] = [sign * (scores[0] - score) for score in scores[1:]]
    return tuple(
        Contribution(node, share, gain, node in refits.test)
        for (node, share), gain in zip(ensemble.weights, gains or [None], strict=True)
    )


def _skipped(refits: Refits) -> tuple[str, ...]:
    if not refits.skipped:
        return ()
    names = ", ".join(f"#{node}" for node in refits.skipped)
    return (f"There was no time to run {names} on all rows: the average of their folds is delivered.",)


# ---- files ----


def _write(
    prepared: Prepared, best: Node, alone: Predictions | None, ensemble: _Ensemble, refits: Refits, out: Path
) -> tuple[Path, ...]:
    files = [write_solution(best, out)]
    if prepared.n_test:
        parts = [_delivered(one, refits.test.get(node)) for node, one in ensemble.models.items()]
        files.append(write_submission(prepared, ensemble.blend.apply(parts), out / SUBMISSION))
        if alone is not None:
            test = _delivered(alone, refits.test.get(best.id))
            files.append(write_submission(prepared, test, out / SOLUTION_SUBMISSION))
    return tuple(files)


def _delivered(folds: Predictions, whole: Floats | None) -> Floats:
    """Return a node's test predictions: the average of its folds, and of its refit if there is one."""
    if whole is None:
        return folds.test
    return (1.0 - SHARE) * folds.test + SHARE * whole
