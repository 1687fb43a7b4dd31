"""What a run delivers: the ensemble over the tree's nodes, the best single script, and the honest score."""

from __future__ import annotations

from collections.abc import Callable, Sequence
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
from aide_local.evaluate.refit import Execute, Refits, refit, share_of
from aide_local.evaluate.resample import Scored
from aide_local.evaluate.score import ScoreError
from aide_local.evaluate.splits import Rows
from aide_local.evaluate.stored import Predictions
from aide_local.evaluate.submission import SOLUTION_SUBMISSION, SUBMISSION, write_solution, write_submission
from aide_local.search.tree import Tree
from aide_local.task import SplitKind
from aide_local.types import Node

_MOST_MODELS = 50  # the best of the tree; more cost time and add nothing
_MOST_BYTES = 2**30  # of their out-of-fold predictions together

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
    nodes, loaded, notes = _load(prepared, tree)
    if not nodes:
        files = (write_solution(best, out),) if out is not None else ()
        return Final(
            weights=((best.id, 1.0),),
            best=best.id,
            best_score=best.metric,
            constant_score=prepared.constant_score,
            report_rows=len(prepared.split.report),
            files=files,
            notes=tuple(notes),
        )
    ids = [node.id for node in nodes]
    chosen = _choose(prepared, tree, ids, loaded)
    weights = _weights(ids, chosen.blend)
    refits = Refits()
    if execute is not None:
        order = list(dict.fromkeys([*(node for node, _ in weights), best.id]))
        refits = refit(prepared, tree, order, execute, seconds=refit_seconds, on_refit=on_refit)
    report = chosen.blend.apply([one.report for one in loaded])
    of_best = loaded[ids.index(best.id)].report if best.id in ids else None
    delivered = [
        _delivered(prepared, one, refits.test.get(node)) for node, one in zip(ids, loaded, strict=True)
    ]
    return Final(
        weights=weights,
        best=best.id,
        best_score=best.metric,
        combination=chosen.blend.combination.value,
        ensemble_score=chosen.score,
        report_score=_report_score(prepared, report),
        best_report_score=_report_score(prepared, of_best),
        constant_score=prepared.constant_score,
        report_rows=len(prepared.split.report),
        estimate=_estimate(prepared, chosen, report),
        contributions=_contributions(prepared, ids, loaded, chosen.blend, refits),
        files=_write(prepared, best, ids, delivered, chosen.blend, out) if out is not None else (),
        notes=(*notes, *refits.notes, *_skipped(refits)),
    )


def _load(prepared: Prepared, tree: Tree) -> tuple[list[Node], list[Predictions], list[str]]:
    """The pinned and the best nodes whose predictions can be read, best first."""
    nodes: list[Node] = []
    loaded: list[Predictions] = []
    notes: list[str] = []
    used = 0
    ranked = tree.ranked()
    for node in (*ranked[:_MOST_MODELS], *(one for one in ranked[_MOST_MODELS:] if one.id in tree.pinned)):
        if node.predictions is None:
            continue
        try:
            one = stored.load(prepared, node.predictions)
        except (OSError, ValueError) as error:  # Arrow's errors of damaged files are ValueErrors
            notes.append(f"The predictions of node #{node.id} are left out: {error}")
            continue
        used += one.oof.nbytes
        if loaded and used > _MOST_BYTES:
            notes.append(f"The ensemble was chosen among the {len(nodes)} best nodes, to bound memory.")
            break
        nodes.append(node)
        loaded.append(one)
    return nodes, loaded, notes


def _choose(prepared: Prepared, tree: Tree, ids: Sequence[int], loaded: Sequence[Predictions]) -> CrossFitted:
    scored = prepared.split.scored
    evidence = Evidence(
        tuple(one.oof for one in loaded),
        prepared.truth[scored],
        prepared.split.fold[scored],
        prepared.scorer,
        prepared.form,
        prepared.task.metric,
        tuple(at for at, node in enumerate(ids) if node in tree.pinned),
    )
    return choose(evidence).chosen


def _weights(ids: Sequence[int], blend: Blend) -> Weighted:
    pairs = [(node, share) for node, share in zip(ids, blend.shares, strict=True) if share > 0]
    return tuple(sorted(pairs, key=lambda pair: (-pair[1], pair[0])))


def _delivered(prepared: Prepared, folds: Predictions, whole: Floats | None) -> Floats:
    """Test predictions of a node: the average of its folds, and its refit if there is one."""
    if whole is None:
        return folds.test
    share = share_of(prepared)
    return (1.0 - share) * folds.test + share * whole


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
    def scored(rows: Rows, soft: Floats) -> Scored:
        keys = prepared.keys[rows] if prepared.keys is not None else None
        decided = prepared.form.decide(soft)
        return Scored.of(
            prepared.split.kind,
            prepared.truth[rows],
            decided,
            keys,
            train_rows=len(prepared.truth),
            test_units=prepared.test_units,
        )

    return estimate(
        prepared.scorer,
        scored(prepared.split.scored, chosen.column),
        scored(prepared.split.report, report) if len(report) else None,
        prepared.seed,
        chosen.by_fold if prepared.split.kind is SplitKind.TIME else (),
    )


def _contributions(
    prepared: Prepared, ids: Sequence[int], loaded: Sequence[Predictions], blend: Blend, refits: Refits
) -> tuple[Contribution, ...]:
    """The heaviest first, as in ``Final.weights``."""
    parts = [one.oof for one in loaded]
    weights = _weights(ids, blend)
    blends = [blend]
    if len(weights) > 1:
        blends += [blend.without(ids.index(node)) for node, _ in weights]
    decided = [prepared.form.decide(one.apply(parts)) for one in blends]
    scores = prepared.scorer.score_many(prepared.truth[prepared.split.scored], decided)
    sign = prepared.scorer.direction.sign
    gains: list[float | None] = [sign * (scores[0] - score) for score in scores[1:]]
    return tuple(
        Contribution(node, share, gain, node in refits.test)
        for (node, share), gain in zip(weights, gains or [None], strict=True)
    )


def _skipped(refits: Refits) -> tuple[str, ...]:
    if not refits.skipped:
        return ()
    names = ", ".join(f"#{node}" for node in refits.skipped)
    return (f"There was no time to run {names} on all rows: the average of their folds is delivered.",)


# ---- files ----


def _write(
    prepared: Prepared, best: Node, ids: Sequence[int], delivered: Sequence[Floats], blend: Blend, out: Path
) -> tuple[Path, ...]:
    files = [write_solution(best, out)]
    if prepared.n_test:
        files.append(write_submission(prepared, blend.apply(delivered), out / SUBMISSION))
        if best.id in ids:
            alone = delivered[ids.index(best.id)]
            files.append(write_submission(prepared, alone, out / SOLUTION_SUBMISSION))
    return tuple(files)
