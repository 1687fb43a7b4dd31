"""The evaluator of prediction tasks: run a script on K folds and score what it predicted."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from threading import Event

from aide_local.errors import Cancelled
from aide_local.evaluate import stored
from aide_local.evaluate.compare import clearly_behind
from aide_local.evaluate.predictions import PredictionsError, Wanted, most_frequent_row, read_predictions
from aide_local.evaluate.prepared import Prepared
from aide_local.evaluate.protocol import Evaluation, Incumbent
from aide_local.evaluate.score import ScoreError
from aide_local.sandbox.host.clean import remove_tree
from aide_local.sandbox.protocol import Candidate, Limits, Sandbox
from aide_local.types import Execution, FoldScore, NodeError, OutcomeKind, Usage


class FoldEvaluator:
    """Thread-safe: nothing is shared between evaluations but what does not change."""

    def __init__(
        self, prepared: Prepared, sandbox: Sandbox, limits: Limits, python: Path | None = None
    ) -> None:
        self._prepared = prepared
        self._sandbox = sandbox
        self._limits = limits
        self._python = python
        self._most_frequent = most_frequent_row(prepared.truth)[0]

    def evaluate(
        self,
        node: int,
        code: str,
        *,
        incumbent: Incumbent | None = None,
        on_output: Callable[[int, str], None] | None = None,
        on_fold: Callable[[FoldScore], None] | None = None,
        cancel: Event | None = None,
    ) -> Evaluation:
        """See :class:`aide_local.evaluate.protocol.Evaluator`."""
        run = _Run(self, node, code, on_output, on_fold, cancel)
        try:
            return run.all_folds(incumbent)
        finally:
            remove_tree(run.folder)


class _Run:
    """One node's evaluation."""

    def __init__(
        self,
        evaluator: FoldEvaluator,
        node: int,
        code: str,
        on_output: Callable[[int, str], None] | None,
        on_fold: Callable[[FoldScore], None] | None,
        cancel: Event | None,
    ) -> None:
        self._of = evaluator
        self._prepared = evaluator._prepared
        self._node = node
        self._on_output = on_output
        self._on_fold = on_fold
        self._cancel = cancel
        self._folds: list[FoldScore] = []
        self._executions: list[Execution] = []
        self._output = ""
        self._assembler = stored.Assembler(self._prepared)
        self.folder = self._prepared.folder / "work" / f"node-{node:05d}"
        if self.folder.exists():  # of a process that was killed
            remove_tree(self.folder)
        self.folder.mkdir(parents=True)
        self._script = self.folder / "solution.py"
        self._script.write_text(code, encoding="utf-8", errors="surrogatepass")

    def all_folds(self, incumbent: Incumbent | None) -> Evaluation:
        scorer = self._prepared.scorer
        for k in range(self._prepared.folds):
            error = self._fold(k)
            if error is not None:
                return self._result(error=error)
            score = self._folds[k].score
            behind = (
                k == 0
                and self._prepared.folds > 1
                and incumbent is not None
                and score is not None
                and clearly_behind(score, 0, incumbent.folds, scorer.direction, scorer.scale)
            )
            if behind:
                return self._result(metric=score)
        predictions = self._assembler.done()
        truth = self._prepared.truth[self._prepared.split.scored]
        try:
            metric = scorer.score(truth, self._prepared.form.decide(predictions.oof))
        except ScoreError as failed:
            return self._result(error=NodeError("score", failed.kind, failed.message))
        if math.isnan(metric):
            message = f"{self._prepared.task.metric} is not defined for these predictions."
            return self._result(error=NodeError("score", "UndefinedScore", message))
        path = stored.save(self._prepared, self._node, predictions)
        return replace(self._result(metric=metric), complete=True, predictions=path)

    def _fold(self, k: int) -> NodeError | None:
        """Run and score fold ``k``; what went wrong, if anything did."""
        if self._cancel is not None and self._cancel.is_set():
            raise Cancelled
        working = self.folder / f"fold-{k}"
        working.mkdir()
        outcome = self._of._sandbox.run(
            Candidate(
                self._script,
                self._prepared.input(k),
                working,
                self._of._python,
                places=(self._prepared.folder / "work", self._prepared.folder / "folds"),
            ),
            self._of._limits,
            on_output=None if self._on_output is None else lambda text: self._heard(k, text),
            cancel=self._cancel,
        )
        self._output = outcome.output
        if outcome.kind is OutcomeKind.CANCELLED:
            raise Cancelled
        self._executions.append(outcome.as_execution(k, self._of._limits))
        error, score = outcome.error, None
        if error is None:
            try:
                score = self._score(k, working)
            except PredictionsError as wrong:
                error = wrong.error
            except ScoreError as failed:
                error = NodeError("score", failed.kind, failed.message)
        remove_tree(working)
        fold = FoldScore(k, score, outcome.usage)
        self._folds.append(fold)
        if self._on_fold is not None:
            self._on_fold(fold)
        if error is not None and k > 0:
            # A script that ran on other rows before: what differs is the data, so the fold is worth a word.
            error = replace(error, message=f"In fold {k + 1} of {self._prepared.folds}: {error.message}")
        return error

    def _heard(self, k: int, text: str) -> None:
        if self._on_output is not None:
            self._on_output(k, text)

    def _score(self, k: int, working: Path) -> float | None:
        """Score of the fold's own rows; None where they leave the metric undefined.

        Raises:
            PredictionsError: the submission cannot be used.
            ScoreError: these predictions have no score.
        """
        prepared = self._prepared
        wanted = Wanted(prepared.task.id_column, prepared.ids(k), prepared.form, self._of._most_frequent)
        self._assembler.add(k, read_predictions(working, wanted))
        truth = prepared.truth[prepared.split.validation(k)]
        value = prepared.scorer.score(truth, prepared.form.decide(self._assembler.of_fold(k)))
        return None if math.isnan(value) else value

    def _result(self, *, metric: float | None = None, error: NodeError | None = None) -> Evaluation:
        used = [fold.usage for fold in self._folds]
        usage = Usage(
            wall=sum(one.wall for one in used),
            cpu=sum(one.cpu for one in used),
            peak_memory=max((one.peak_memory for one in used), default=0),
            written=sum(one.written for one in used),
        )
        return Evaluation(
            metric=metric,
            folds=tuple(self._folds),
            error=error,
            output=self._output,
            usage=usage,
            executions=tuple(self._executions),
        )
