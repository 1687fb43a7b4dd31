"""A task's mode chooses its evaluator."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from aide_local.errors import TaskError
from aide_local.evaluate.assemble import candidate_limits, open_evaluator
from aide_local.evaluate.command import CommandEvaluator
from aide_local.evaluate.folds import FoldEvaluator
from aide_local.evaluate.reported import ReportedEvaluator
from aide_local.search.tree import Tree
from aide_local.task import Kind, Mode
from aide_local.types import Node, NodeState, Operator, RunSettings
from tests.evaluate.making import SCRIPT, SETTINGS, PlainSandbox, make_task


@pytest.mark.parametrize(
    ("mode", "kind"),
    [
        (Mode.FOLDS, FoldEvaluator),
        (Mode.COMMAND, CommandEvaluator),
        (Mode.REPORTED, ReportedEvaluator),
    ],
)
def test_each_mode_has_its_evaluator(tmp_path: Path, mode: Mode, kind: type) -> None:
    task = replace(make_task(tmp_path / "task"), mode=mode, grader=("true",))
    assert isinstance(open_evaluator(task, SETTINGS, PlainSandbox(), tmp_path / "run").evaluator, kind)


def test_a_script_is_evaluated_and_delivered(tmp_path: Path) -> None:
    task = make_task(tmp_path / "task", Kind.BINARY, n=600)
    opened = open_evaluator(task, SETTINGS, PlainSandbox(), tmp_path / "run")
    found = opened.evaluator.evaluate(0, SCRIPT)
    node = Node(
        id=0,
        operator=Operator.DRAFT,
        state=NodeState.VALID,
        code=SCRIPT,
        metric=found.metric,
        complete=found.complete,
        predictions=found.predictions,
    )
    final = opened.finalise(Tree.of([node], task.direction), tmp_path / "out", 0.0)
    assert final is not None
    assert opened.constant_score == 0.5
    assert opened.gain_scale == 1.0
    assert final.report_score is not None
    assert final.report_score > 0.9
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        "submission.csv",
        "solution.py",
        "solution_submission.csv",
    }


def test_the_same_run_gives_the_same_score_again(tmp_path: Path) -> None:
    task = make_task(tmp_path / "task")
    first, second = (
        open_evaluator(task, SETTINGS, PlainSandbox(), tmp_path / "run").evaluator.evaluate(0, SCRIPT)
        for _ in range(2)
    )
    assert first == second


def test_a_task_without_training_rows_is_an_error(tmp_path: Path) -> None:
    task = make_task(tmp_path / "task")
    with pytest.raises(TaskError, match="training file"):
        open_evaluator(replace(task, train=None), SETTINGS, PlainSandbox(), tmp_path / "run")
    assert task.train is not None
    task.train.write_text(task.train.read_text().splitlines()[0] + "\n")
    with pytest.raises(TaskError, match="no rows"):
        open_evaluator(task, SETTINGS, PlainSandbox(), tmp_path / "run")


def test_candidates_that_run_at_once_share_the_cores() -> None:
    assert candidate_limits(RunSettings(timeout=7.0, memory=123)).wall == 7.0
