"""The task's own scoring function runs in a process of its own; its faults have names."""

from __future__ import annotations

import math
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from aide_local.basics.tables import read_table
from aide_local.errors import TaskError
from aide_local.evaluate.bench import Bench
from aide_local.evaluate.cores import CoreBudget
from aide_local.evaluate.folds import FoldEvaluator
from aide_local.evaluate.form import Form, truth_of
from aide_local.evaluate.prepare import prepare
from aide_local.evaluate.score import OwnScorer, ScoreError, Scorer, open_scorer
from aide_local.sandbox.protocol import Limits
from aide_local.task import Direction, Kind
from tests.evaluate.making import SCRIPT, SETTINGS, PlainSandbox, make_task


def scorer(
    tmp_path: Path, body: str, kind: Kind = Kind.REGRESSION, metric: str = ""
) -> tuple[Scorer, np.ndarray]:
    file = tmp_path / "score.py"
    file.write_text(body)
    task = replace(make_task(tmp_path / "task", kind, metric), metric="ours", scorer=file)
    assert task.train is not None
    truth = truth_of(task, read_table(task.train))
    return open_scorer(task, Form.of(task), truth), truth


MEAN_GAP = """
import numpy as np
def score(y_true, y_pred):
    print("words that the function prints do not matter 17")
    return np.mean(np.abs(y_true - y_pred))
"""


def test_a_function_of_the_task_gives_the_score(tmp_path: Path) -> None:
    own, truth = scorer(tmp_path, MEAN_GAP)
    assert own.score(truth, truth + 2.0) == pytest.approx(2.0)
    assert own.scale > 0


def test_rows_on_which_a_constant_has_no_score_either_are_not_the_predictions_fault(tmp_path: Path) -> None:
    body = "from sklearn.metrics import roc_auc_score\ndef score(t, p):\n    return roc_auc_score(t == 'yes', p)\n"
    own, truth = scorer(tmp_path, body, Kind.BINARY, "auc")
    one_class = np.flatnonzero(truth == 0)[:5]
    assert math.isnan(own.score(truth[one_class], np.linspace(0, 1, 5)))
    with pytest.raises(ScoreError, match="NaN"):
        own.score(truth, np.full(len(truth), np.nan))


def test_it_runs_in_another_process(tmp_path: Path) -> None:
    own, truth = scorer(tmp_path, "import os\ndef score(y_true, y_pred):\n    return os.getpid()\n")
    assert own.score(truth, truth) != os.getpid()


def test_it_sees_classes_as_they_are_spelled(tmp_path: Path) -> None:
    body = """
def score(y_true, y_pred):
    assert set(y_true.tolist()) <= {"no", "yes"}, y_true
    return float((y_true == y_pred).mean())
"""
    own, truth = scorer(tmp_path, body, Kind.BINARY, "accuracy")
    assert own.score(truth, truth) == 1.0


def test_many_predictions_are_scored_in_one_process_and_a_failure_is_nan(tmp_path: Path) -> None:
    body = MEAN_GAP + "    \nold = score\ndef score(t, p):\n    assert p.max() < 50\n    return old(t, p)\n"
    own, truth = scorer(tmp_path, body)
    found = own.score_many(truth, [truth + 1.0, truth + 99.0])
    assert found[0] == pytest.approx(1.0)
    assert math.isnan(found[1])


@pytest.mark.parametrize(
    "body",
    [
        "def other(): pass",
        "import not_there",
        "def score(y_true, y_pred): return float('nan')",
        "def score(:",
    ],
)
def test_a_scorer_that_does_not_work_is_an_error_of_the_task(tmp_path: Path, body: str) -> None:
    with pytest.raises(TaskError, match="scorer"):
        scorer(tmp_path, body)


def test_a_scorer_that_hangs_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own, truth = scorer(
        tmp_path, "import time\ndef score(t, p):\n    time.sleep(99 if p[0] > 50 else 0)\n    return 1.0"
    )
    monkeypatch.setattr(OwnScorer, "TIMEOUT", 1.0)
    with pytest.raises(ScoreError, match="longer than"):
        own.score(truth, truth + 99)


def test_a_failure_of_the_scorer_on_a_script_s_predictions_is_the_node_s_error(tmp_path: Path) -> None:
    body = (
        MEAN_GAP
        + "\nold = score\ndef score(t, p):\n    if p.std() > 0:\n        raise ValueError('odd')\n    return old(t, p)"
    )
    file = tmp_path / "score.py"
    file.write_text(body)
    task = replace(make_task(tmp_path / "task"), metric="ours", direction=Direction.MINIMIZE, scorer=file)
    prepared = prepare(task, SETTINGS, tmp_path / "run")
    found = FoldEvaluator(
        prepared, Bench.sized(PlainSandbox(), Limits(), CoreBudget(), prepared.folds)
    ).evaluate(0, SCRIPT)
    assert found.error is not None
    assert (found.error.kind, found.error.type) == ("score", "ValueError")
    assert "odd" in found.error.message


def test_a_metric_that_scores_something_else_than_the_submission_holds_is_an_error(tmp_path: Path) -> None:
    task = replace(make_task(tmp_path / "task", Kind.BINARY, "accuracy"), metric="auc")
    with pytest.raises(TaskError, match="label"):
        prepare(task, SETTINGS, tmp_path / "run")


def test_a_submission_with_too_few_columns_is_an_error(tmp_path: Path) -> None:
    task = replace(make_task(tmp_path / "task", Kind.MULTICLASS), outputs=("p_high",))
    with pytest.raises(TaskError, match="columns"):
        prepare(task, SETTINGS, tmp_path / "run")


def test_samples_of_rows_are_scored_in_one_process(tmp_path: Path) -> None:
    own, truth = scorer(tmp_path, MEAN_GAP)
    far = truth + np.arange(len(truth))
    samples = [np.array([0, 1, 1]), np.array([5, 5]), np.arange(3)]
    assert own.score_samples(truth, far, samples) == pytest.approx([2 / 3, 5.0, 1.0])


def test_a_slow_function_scores_as_many_samples_as_the_time_allows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own, truth = scorer(tmp_path, "import time\ndef score(t, p):\n    time.sleep(0.05)\n    return 1.0\n")
    monkeypatch.setattr(OwnScorer, "SAMPLING", 0.2)
    found = own.score_samples(truth, truth, [np.arange(3)] * 100)
    assert 0 < len(found) < 100


def test_samples_that_the_function_fails_on_have_no_score(tmp_path: Path) -> None:
    body = "def score(t, p):\n    if len(t) == 2:\n        raise ValueError('too few')\n    return 1.0\n"
    own, truth = scorer(tmp_path, body)
    found = own.score_samples(truth, truth, [np.arange(3), np.arange(2)])
    assert found[0] == 1.0
    assert math.isnan(found[1])
