"""Score predictions by the task's metric: one of ours, or the task's own Python function, run apart."""

from __future__ import annotations

import json
import math
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from aide_local import metrics
from aide_local.basics.text import printable
from aide_local.errors import TaskError
from aide_local.evaluate.form import Form
from aide_local.evaluate.splits import Rows
from aide_local.task import Direction, Predict, Task

Array = NDArray[Any]


class ScoreError(ValueError):
    """These predictions have no score; the message is fit for a person or a model to act on."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = printable(kind, 60)  # a short name such as "OutOfDomain"
        self.message = printable(message)


class Scorer(Protocol):
    """Scores predictions as the metric takes them (see :class:`aide_local.metrics.Metric`)."""

    direction: Direction
    scale: float  # what a whole unit of progress is
    perfect: float | None  # no score is better; None: not known
    quick: bool  # scores by the thousand are no matter

    def score(self, truth: Array, prediction: Array) -> float:
        """Return a finite number, or nan where this truth leaves the metric undefined.

        Raises:
            ScoreError: see there.
        """
        ...

    def score_many(self, truth: Array, predictions: Sequence[Array]) -> list[float]:
        """Return the ``score`` of each; nan also where scoring failed."""
        ...

    def score_samples(self, truth: Array, prediction: Array, samples: Iterable[Rows]) -> list[float]:
        """Return the scores of samples of the rows, for resampling; nan where a sample has none.

        Of a task's own function only as many as it scores in a bounded time.
        """
        ...

    def constant(self, truth: Array, rows: int) -> Array:
        """Return the best constant prediction that is known for ``truth``, for ``rows`` rows."""
        ...


def open_scorer(task: Task, form: Form, truth: Array) -> Scorer:
    """Return the scorer of a task; ``truth`` is that of the training rows.

    Raises:
        TaskError: no such metric, it does not fit the task, or the task's own scorer does not work.
    """
    if task.scorer is not None:
        return OwnScorer(task, task.scorer, form, truth)
    return MetricScorer(task, truth)


class MetricScorer:
    """A metric of :mod:`aide_local.metrics`."""

    def __init__(self, task: Task, truth: Array) -> None:
        self._metric = metrics.get(task.metric, task.kind)
        if self._metric.predict is not task.predict:
            raise TaskError(
                f"The metric {self._metric.name} scores a {self._metric.predict}, but the submission holds"
                f" a {task.predict}.",
                "Choose another --metric, or fix `predict` in task.toml.",
            )
        self.direction = task.direction
        self.quick = True
        # Of our metrics errors end at 0, and all that are to be maximised end at 1.
        self.perfect: float | None = 1.0 if self._metric.direction is Direction.MAXIMIZE else 0.0
        self._classes = len(task.classes) or None
        try:
            self.scale = self._metric.scale(truth)
        except ValueError as error:
            raise TaskError(
                f"The metric {self._metric.name} cannot score the targets of the training file: {error}",
                "Choose another --metric, or fix the targets.",
            ) from error

    def score(self, truth: Array, prediction: Array) -> float:
        try:
            value = self._metric.score(truth, prediction)
        except ValueError as error:
            raise ScoreError("OutOfDomain", str(error)) from error
        if math.isinf(value):
            raise ScoreError("InfiniteScore", f"{self._metric.name} of these predictions is infinite.")
        return value

    def score_many(self, truth: Array, predictions: Sequence[Array]) -> list[float]:
        return [_or_nan(self, truth, prediction) for prediction in predictions]

    def score_samples(self, truth: Array, prediction: Array, samples: Iterable[Rows]) -> list[float]:
        return [_or_nan(self, truth[rows], prediction[rows]) for rows in samples]

    def constant(self, truth: Array, rows: int) -> Array:
        return self._metric.constant(truth, rows, self._classes)


def _or_nan(scorer: MetricScorer, truth: Array, prediction: Array) -> float:
    try:
        return scorer.score(truth, prediction)
    except ScoreError:
        return math.nan


# Runs in a fresh interpreter: argv is the scorer's file, a folder, the number of predictions, and the seconds
# for samples of the first one's rows, if there are any. What the function prints goes to stderr; the answers
# go to a file, so that they cannot be mistaken.
_DRIVER = """
import importlib.util, json, pathlib, sys, time
import numpy as np
file, folder, count, seconds = sys.argv[1], pathlib.Path(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4])
sys.path.insert(0, str(pathlib.Path(file).parent))
spec = importlib.util.spec_from_file_location("task_scorer", file)
module = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)
truth = np.load(folder / "truth.npy")
answers = []
def score(truth, prediction):
    try:
        answers.append(float(module.score(truth, prediction)))
    except Exception as error:
        answers.append([type(error).__name__, str(error)[:400]])
if (folder / "rows.npy").exists():
    rows, ends = np.load(folder / "rows.npy"), np.load(folder / "ends.npy")
    prediction, deadline = np.load(folder / "0.npy"), time.monotonic() + seconds
    for start, end in zip([0, *ends[:-1]], ends):
        score(truth[rows[start:end]], prediction[rows[start:end]])
        if time.monotonic() > deadline:
            break
else:
    for n in range(count):
        score(truth, np.load(folder / f"{n}.npy"))
(folder / "answers.json").write_text(json.dumps(answers))
"""


class OwnScorer:
    """``score(y_true, y_pred) -> float`` in a Python file of the task, run in a process of its own.

    Both arguments are NumPy arrays. Classes come as they are spelled in the training file, as numbers
    where all of them are numbers; probabilities as (n,) of the positive class, else (n, columns) in the
    order of the submission; values as floats (n,) or (n, targets).
    """

    TIMEOUT = 300.0  # seconds, of one process
    SAMPLING = 3.0  # seconds, of scoring samples of rows

    def __init__(self, task: Task, file: Path, form: Form, truth: Array) -> None:
        self.direction = task.direction
        self.perfect: float | None = None
        self.quick = False
        self._file = file
        one_of_several = bool(task.classes) and not form.several
        # None where truth and prediction are passed as they are, not as class indices.
        self._names = _class_values(task.classes) if one_of_several else None
        self._decoded = task.predict is Predict.LABEL and one_of_several
        self._guess = metrics.get(metrics.default_for(task.kind, task.predict, len(task.targets)), task.kind)
        self._classes = len(task.classes) or None
        try:
            self.scale = abs(self._score(truth, self.constant(truth, len(truth)))) or 1.0
        except ScoreError as error:
            raise TaskError(
                f"The task's scorer {file} fails on a constant prediction: {error.message}",
                "It must define score(y_true, y_pred) -> float and return a finite number.",
            ) from error

    def constant(self, truth: Array, rows: int) -> Array:
        """Return the best constant of the usual metric for this kind of task; the function's own is not known."""
        return self._guess.constant(truth, rows, self._classes)

    def score(self, truth: Array, prediction: Array) -> float:
        """Return the score; nan if a constant prediction has none either.

        The fault is then in these rows, such as a single class.
        """
        try:
            return self._score(truth, prediction)
        except ScoreError:
            constant = self.constant(truth, len(truth))
            if math.isnan(self.score_many(truth, [constant])[0]):
                return math.nan
            raise

    def _score(self, truth: Array, prediction: Array) -> float:
        answer = self._ask(truth, [prediction])[0]
        if isinstance(answer, list):
            raise ScoreError(str(answer[0]), f"The task's scorer failed: {answer[0]}: {answer[1]}")
        if not math.isfinite(answer):
            raise ScoreError("NotFinite", f"The task's scorer returned {answer}.")
        return answer

    def score_many(self, truth: Array, predictions: Sequence[Array]) -> list[float]:
        try:
            answers = self._ask(truth, predictions)
        except ScoreError:
            return [math.nan] * len(predictions)
        return [math.nan if isinstance(answer, list) else answer for answer in answers]

    def score_samples(self, truth: Array, prediction: Array, samples: Iterable[Rows]) -> list[float]:
        try:
            answers = self._ask(truth, [prediction], list(samples))
        except ScoreError:
            return []
        return [math.nan if isinstance(answer, list) else answer for answer in answers]

    def _ask(
        self, truth: Array, predictions: Sequence[Array], samples: Sequence[Rows] = ()
    ) -> list[float | list[str]]:
        with tempfile.TemporaryDirectory(prefix="aide-score-") as name:
            folder = Path(name)
            np.save(folder / "truth.npy", truth if self._names is None else self._names[truth])
            for n, prediction in enumerate(predictions):
                shown = prediction if self._names is None or not self._decoded else self._names[prediction]
                np.save(folder / f"{n}.npy", shown)
            if samples:
                np.save(folder / "rows.npy", np.concatenate(samples))
                np.save(folder / "ends.npy", np.cumsum([len(rows) for rows in samples]))
            return self._run(folder, len(predictions))

    def _run(self, folder: Path, count: int) -> list[float | list[str]]:
        """Raises ScoreError where the process does not answer."""
        command = [
            sys.executable,
            "-c",
            _DRIVER,
            str(self._file),
            str(folder),
            str(count),
            str(self.SAMPLING),
        ]
        try:
            done = subprocess.run(
                command,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                errors="replace",
                timeout=self.TIMEOUT,
                cwd=folder,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise ScoreError(
                "Timeout", f"The task's scorer took longer than {self.TIMEOUT:g} seconds."
            ) from error
        if done.returncode != 0:
            said = (done.stderr.strip().splitlines() or ["nothing printed"])[-1]
            raise ScoreError("ScorerFailed", f"The task's scorer does not run: {said[-400:]}")
        answers: list[float | list[str]] = json.loads((folder / "answers.json").read_text())
        return answers


def _class_values(classes: Sequence[str]) -> Array:
    """Return class names as integers or floats where all of them are, else as text."""
    for kind in (int, float):
        try:
            return np.array([kind(name) for name in classes])
        except ValueError:
            continue
    return np.array(list(classes))
