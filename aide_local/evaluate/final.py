"""What a run delivers: the ensemble over the tree's nodes, the best single script, and the honest score."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from aide_local.evaluate import stored
from aide_local.evaluate.crossfit import Combination, CrossFitted, Evidence, choose
from aide_local.evaluate.ensemble import Floats, average
from aide_local.evaluate.interval import Estimate, Scored, estimate
from aide_local.evaluate.prepared import Prepared
from aide_local.evaluate.refit import Execute, Refits, refit, share_of
from aide_local.evaluate.score import ScoreError
from aide_local.evaluate.splits import Rows
from aide_local.evaluate.stored import Predictions
from aide_local.evaluate.submission import SOLUTION_SUBMISSION, SUBMISSION, write_solution, write_submission
from aide_local.search.tree import Tree
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
    of_node = {node.id: one for node, one in zip(nodes, loaded, strict=True)}
    chosen = _choose(prepared, tree, nodes, loaded) if nodes else None
    weights = _weights(nodes, chosen) if chosen is not None else ((best.id, 1.0),)
    mixed = _mix(of_node, weights) if of_node else None
    refits = Refits()
    if execute is not None and of_node:
        order = list(dict.fromkeys([*(node for node, _ in weights), best.id]))
        refits = refit(prepared, tree, order, execute, seconds=refit_seconds, on_refit=on_refit)
    files: tuple[Path, ...] = ()
    if out is not None:
        files = _write(prepared, best, _delivered(prepared, of_node, refits), weights, out)
    return Final(
        weights=weights,
        best=best.id,
        best_score=best.metric,
        combination=(chosen.combination if chosen is not None else Combination.SINGLE).value,
        ensemble_score=chosen.score if chosen is not None else None,
        report_score=_report_score(prepared, mixed),
        best_report_score=_report_score(prepared, of_node.get(best.id)),
        constant_score=prepared.constant_score,
        report_rows=len(prepared.split.report),
        estimate=_estimate(prepared, chosen, mixed) if chosen is not None else None,
        contributions=_contributions(prepared, of_node, weights, refits),
        files=files,
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


def _choose(
    prepared: Prepared, tree: Tree, nodes: Sequence[Node], loaded: Sequence[Predictions]
) -> CrossFitted:
    scored = prepared.split.scored
    evidence = Evidence(
        tuple(one.oof for one in loaded),
        prepared.truth[scored],
        prepared.split.fold[scored],
        prepared.scorer,
        prepared.form,
        tuple(at for at, node in enumerate(nodes) if node.id in tree.pinned),
    )
    return choose(evidence).chosen


def _weights(nodes: Sequence[Node], chosen: CrossFitted) -> Weighted:
    pairs = [(node.id, share) for node, share in zip(nodes, chosen.weights, strict=True) if share > 0]
    return tuple(sorted(pairs, key=lambda pair: (-pair[1], pair[0])))


def _mix(of_node: dict[int, Predictions], weights: Weighted) -> Predictions:
    parts = [of_node[node] for node, _ in weights]
    shares = [share for _, share in weights]
    return Predictions(
        average([part.oof for part in parts], shares),
        average([part.report for part in parts], shares),
        average([part.test for part in parts], shares),
    )


def _delivered(prepared: Prepared, of_node: dict[int, Predictions], refits: Refits) -> dict[int, Floats]:
    """Test predictions by node: the average of its folds, and its refit if there is one."""
    share = share_of(prepared)
    delivered = {node: one.test for node, one in of_node.items()}
    for node, whole in refits.test.items():
        if node in delivered:
            delivered[node] = (1.0 - share) * delivered[node] + share * whole
    return delivered


# ---- scores ----


def _report_score(prepared: Prepared, predictions: Predictions | None) -> float | None:
    rows = prepared.split.report
    if predictions is None or len(rows) == 0:
        return None
    try:
        value = prepared.scorer.score(prepared.truth[rows], prepared.form.decide(predictions.report))
    except ScoreError:  # outside the metric's domain on these rows: there is no honest number to show
        return None
    return None if np.isnan(value) else value


def _estimate(prepared: Prepared, chosen: CrossFitted, mixed: Predictions | None) -> Estimate | None:
    def scored(rows: Rows, soft: Floats) -> Scored:
        keys = prepared.keys[rows] if prepared.keys is not None else None
        decided = prepared.form.decide(soft)
        return Scored.of(prepared.split.kind, prepared.truth[rows], decided, keys, prepared.test_units)

    report = prepared.split.report
    return estimate(
        prepared.scorer,
        scored(prepared.split.scored, chosen.column),
        scored(report, mixed.report) if mixed is not None and len(report) else None,
        prepared.seed,
    )


def _contributions(
    prepared: Prepared, of_node: dict[int, Predictions], weights: Weighted, refits: Refits
) -> tuple[Contribution, ...]:
    if any(node not in of_node for node, _ in weights):
        return ()
    truth = prepared.truth[prepared.split.scored]
    parts = {node: of_node[node].oof for node, _ in weights}
    columns = [average(list(parts.values()), [share for _, share in weights])]
    if len(weights) > 1:
        for left_out, gone in weights:
            rest = [(node, share / (1.0 - gone)) for node, share in weights if node != left_out]
            columns.append(average([parts[node] for node, _ in rest], [share for _, share in rest]))
    scores = prepared.scorer.score_many(truth, [prepared.form.decide(column) for column in columns])
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
    prepared: Prepared, best: Node, delivered: dict[int, Floats], weights: Weighted, out: Path
) -> tuple[Path, ...]:
    files = [write_solution(best, out)]
    if prepared.n_test and delivered:
        ensemble = average([delivered[node] for node, _ in weights], [share for _, share in weights])
        files.append(write_submission(prepared, ensemble, out / SUBMISSION))
        if best.id in delivered:
            files.append(write_submission(prepared, delivered[best.id], out / SOLUTION_SUBMISSION))
    return tuple(files)
