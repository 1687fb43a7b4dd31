"""The evaluator of prediction tasks: run a script on K folds and score what it predicted.

The folds of a node run side by side, as many as the budget of cores gives, one share of the cores each; racing
looks at them in their order, so which fold happened to end first changes no result.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from aide_local.errors import Cancelled
from aide_local.evaluate import stored
from aide_local.evaluate.bench import Bench
from aide_local.evaluate.compare import Rival
from aide_local.evaluate.form import Floats
from aide_local.evaluate.predictions import PredictionsError, Wanted, most_frequent_row, read_predictions
from aide_local.evaluate.prepared import Prepared
from aide_local.evaluate.protocol import Evaluation
from aide_local.evaluate.score import ScoreError
from aide_local.sandbox.host.clean import remove_tree
from aide_local.sandbox.protocol import Candidate
from aide_local.types import Execution, FoldScore, NodeError, Usage


class AnyOf(threading.Event):
    """An event that is set as soon as it, or another one, is."""

    def __init__(self, other: threading.Event | None) -> None:
        super().__init__()
        self._other = other

    def is_set(self) -> bool:
        return super().is_set() or (self._other is not None and self._other.is_set())


@dataclass(frozen=True, slots=True)
class _Ended:
    """One fold's execution: its score, its predictions, or what went wrong."""

    score: FoldScore
    execution: Execution
    output: str
    error: NodeError | None = None
    soft: Floats | None = None  # predictions in the order of the fold's test.csv


class FoldEvaluator:
    """Thread-safe: evaluations share nothing but what does not change, and the budget of cores."""

    def __init__(self, prepared: Prepared, bench: Bench) -> None:
        self.prepared = prepared
        self.bench = bench
        self.most_frequent = most_frequent_row(prepared.truth)[0]

    def evaluate(
        self,
        node: int,
        code: str,
        *,
        rival: Rival | None = None,
        wall: float | None = None,
        on_output: Callable[[int, str], None] | None = None,
        on_fold: Callable[[FoldScore], None] | None = None,
        cancel: threading.Event | None = None,
    ) -> Evaluation:
        """See :class:`aide_local.evaluate.protocol.Evaluator`."""
        stop = AnyOf(cancel)
        with _workplace(self.prepared, node, code) as script:
            run = _NodeRun(self, node, script, wall, on_output, stop)
            side_by_side = min(self.prepared.folds, len(self.bench.cores))
            with ThreadPoolExecutor(side_by_side, f"aide-node-{node}") as pool:
                try:
                    folds = [pool.submit(run.fold, k) for k in range(self.prepared.folds)]
                    return self._in_order(node, folds, rival, on_fold)
                finally:
                    stop.set()  # folds that nobody waits for any more

    def _in_order(
        self,
        node: int,
        running: list[Future[_Ended]],
        rival: Rival | None,
        on_fold: Callable[[FoldScore], None] | None,
    ) -> Evaluation:
        """Take the folds in their order, until one fails, the rival leaves the node behind, or all are there."""
        scorer = self.prepared.scorer
        ended: list[_Ended] = []
        assembler = stored.Assembler(self.prepared)
        for k, future in enumerate(running):
            one = future.result()
            ended.append(one)
            if on_fold is not None:
                on_fold(one.score)
            if one.soft is None:
                return _evaluation(ended, error=one.error)
            assembler.add(k, one.soft)
            scores = [each.score for each in ended]
            last = k + 1 == len(running)
            if rival is not None and not last and rival.leaves_behind(scores, scorer.direction):
                known = [each.score for each in scores if each.score is not None]
                return _evaluation(ended, metric=sum(known) / len(known))
        predictions = assembler.done()
        truth = self.prepared.truth[self.prepared.split.scored]
        try:
            metric = scorer.score(truth, self.prepared.form.decide(predictions.oof))
        except ScoreError as failed:
            return _evaluation(ended, error=NodeError("score", failed.kind, failed.message))
        if math.isnan(metric):
            message = f"{self.prepared.task.metric} is not defined for these predictions."
            return _evaluation(ended, error=NodeError("score", "UndefinedScore", message))
        path = stored.save(self.prepared, node, predictions)
        return replace(_evaluation(ended, metric=metric), complete=True, predictions=path)


@contextmanager
def _workplace(prepared: Prepared, node: int, code: str) -> Iterator[Path]:
    """Yield the path of the node's script in a folder of its own, which is removed afterwards."""
    folder = prepared.folder / "work" / f"node-{node:05d}"
    if folder.exists():  # of a process that was killed
        remove_tree(folder)
    folder.mkdir(parents=True)
    script = folder / "solution.py"
    script.write_text(code, encoding="utf-8", errors="surrogatepass")
    try:
        yield script
    finally:
        remove_tree(folder)


class _NodeRun:
    """Executes one node's script on any of the folds; thread-safe."""

    def __init__(
        self,
        evaluator: FoldEvaluator,
        node: int,
        script: Path,
        wall: float | None,
        on_output: Callable[[int, str], None] | None,
        stop: threading.Event,
    ) -> None:
        self._evaluator = evaluator
        self._prepared = evaluator.prepared
        self._node = node
        self._script = script
        self._wall = wall
        self._on_output = on_output
        self._stop = stop

    def fold(self, k: int) -> _Ended:
        """Run and score fold ``k``.

        Raises:
            Cancelled: the node was stopped.
        """
        if self._stop.is_set():
            raise Cancelled
        working = self._script.parent / f"fold-{k}"
        working.mkdir()
        outcome, limits = self._evaluator.bench.execute(
            Candidate(
                self._script,
                self._prepared.input(k),
                working,
                self._evaluator.bench.python,
                places=(self._prepared.folder / "work", self._prepared.folder / "folds"),
            ),
            rank=(k, self._node),  # nodes side by side before folds of one: racing then stops more of them
            wall=self._wall,
            on_output=None if self._on_output is None else lambda text: self._show(k, text),
            cancel=self._stop,
        )
        error, score, soft = outcome.error, None, None
        if error is None:
            try:
                soft = read_predictions(working, self._wanted(k))
                score = self._score(k, soft)
            except PredictionsError as wrong:
                error = wrong.error
            except ScoreError as failed:
                error, soft = NodeError("score", failed.kind, failed.message), None
        remove_tree(working)
        if error is not None and k > 0:
            # The script ran on other rows before: what differs is the data, so the fold is worth a word.
            error = replace(error, message=f"In fold {k + 1} of {self._prepared.folds}: {error.message}")
        return _Ended(
            FoldScore(k, score, outcome.usage), outcome.as_execution(k, limits), outcome.output, error, soft
        )

    def _show(self, k: int, text: str) -> None:
        if self._on_output is not None:
            self._on_output(k, text)

    def _wanted(self, k: int) -> Wanted:
        prepared = self._prepared
        return Wanted(prepared.task.id_column, prepared.ids(k), prepared.form, self._evaluator.most_frequent)

    def _score(self, k: int, soft: Floats) -> float | None:
        """Return the score of the fold's own rows; None if they leave the metric undefined.

        Raises:
            ScoreError: these predictions have no score.
        """
        prepared = self._prepared
        assembler = stored.Assembler(prepared)
        assembler.add(k, soft)
        truth = prepared.truth[prepared.split.validation(k)]
        value = prepared.scorer.score(truth, prepared.form.decide(assembler.of_fold(k)))
        return None if math.isnan(value) else value


def _evaluation(
    ended: list[_Ended], *, metric: float | None = None, error: NodeError | None = None
) -> Evaluation:
    used = [one.score.usage for one in ended]
    usage = Usage(
        wall=sum(one.wall for one in used),
        cpu=sum(one.cpu for one in used),
        peak_memory=max((one.peak_memory for one in used), default=0),
        written=sum(one.written for one in used),
    )
    return Evaluation(
        metric=metric,
        folds=tuple(one.score for one in ended),
        error=error,
        output=ended[-1].output if ended else "",
        usage=usage,
        executions=tuple(one.execution for one in ended),
    )
