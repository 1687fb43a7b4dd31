"""The chosen scripts run once more on all rows; what is delivered holds both."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from aide_local.errors import Cancelled
from aide_local.evaluate.final import Final, finalise
from aide_local.evaluate.prepare import prepare
from aide_local.evaluate.prepared import Prepared
from aide_local.evaluate.refit import refit
from aide_local.sandbox.protocol import Candidate, Limits, Outcome
from aide_local.search.tree import Tree
from aide_local.task import Kind, SplitKind, SplitRule
from aide_local.types import NodeError, OutcomeKind
from tests.evaluate.making import SCRIPT, SETTINGS, PlainSandbox, make_task, node_with, read_csv

COUNTING = """
import pandas as pd
train, test = pd.read_csv("input/train.csv"), pd.read_csv("input/test.csv")
sub = pd.read_csv("input/sample_submission.csv")
sub["price"] = len(train) + test["size"] * 1e-6
sub.to_csv("working/submission.csv", index=False)
"""


class Executor:
    """Runs scripts without a sandbox and keeps which inputs it was given."""

    def __init__(self) -> None:
        self.sandbox = PlainSandbox()
        self.seconds: list[float] = []

    def __call__(self, script: Path, input: Path, working: Path, seconds: float) -> Outcome:  # noqa: A002
        self.seconds.append(seconds)
        return self.sandbox.run(Candidate(script, input, working), Limits(wall=seconds))


def searched(root: Path, codes: tuple[str, ...] = (SCRIPT,), **more: object) -> tuple[Prepared, Tree]:
    task = make_task(root / "task", n=600, **more)  # type: ignore[arg-type]
    prepared = prepare(task, SETTINGS, root / "run")
    nodes = [node_with(prepared, at, 0.1, code) for at, code in enumerate(codes)]
    return prepared, Tree.of(nodes, task.direction)


def test_a_refit_sees_every_training_row_and_only_the_test_rows_with_new_ids(tmp_path: Path) -> None:
    prepared, tree = searched(tmp_path)
    refit(prepared, tree, [0], Executor(), seconds=60.0)
    shown = prepared.folder / "whole" / "input"
    train, test = read_csv(shown / "train.csv"), read_csv(shown / "test.csv")
    mine = {name: read_csv(tmp_path / "task" / f"{name}.csv") for name in ("train", "test")}
    assert {row["size"] for row in train} == {row["size"] for row in mine["train"]}
    assert {row["size"] for row in test} == {row["size"] for row in mine["test"]}
    ids = [row["key"] for row in (*train, *test)]
    assert ids == [f"r{at:06d}" for at in range(len(ids))]
    assert [row["size"] for row in test] != [row["size"] for row in mine["test"]]


def test_predictions_come_back_in_the_order_of_the_test_file(tmp_path: Path) -> None:
    prepared, tree = searched(tmp_path, (COUNTING,))
    found = refit(prepared, tree, [0], Executor(), seconds=60.0).test[0]
    sizes = [float(row["size"]) for row in read_csv(tmp_path / "task" / "test.csv")]
    assert found[:, 0] == pytest.approx(600 + np.array(sizes) * 1e-6, abs=1e-9)


def test_rows_are_in_order_of_time_with_a_time_split(tmp_path: Path) -> None:
    prepared, tree = searched(tmp_path, split=SplitRule(SplitKind.TIME, "day"))
    refit(prepared, tree, [0], Executor(), seconds=60.0)
    days = [row["day"] for row in read_csv(prepared.folder / "whole" / "input" / "train.csv")]
    assert days == sorted(days)


def test_what_a_resumed_run_refitted_before_is_not_run_again(tmp_path: Path) -> None:
    prepared, tree = searched(tmp_path)
    first = refit(prepared, tree, [0], Executor(), seconds=60.0)
    again = Executor()
    second = refit(prepared, tree, [0], again, seconds=60.0)
    assert again.seconds == []
    np.testing.assert_array_equal(first.test[0], second.test[0])


def test_a_node_that_there_is_no_time_for_is_skipped_by_name(tmp_path: Path) -> None:
    prepared, tree = searched(tmp_path)  # each fold took a second
    executor = Executor()
    found = refit(prepared, tree, [0], executor, seconds=0.5)
    assert (found.test, found.skipped, executor.seconds) == ({}, (0,), [])


def test_a_script_that_fails_on_all_rows_leaves_a_note(tmp_path: Path) -> None:
    fails = SCRIPT + "\nif len(train) == 600:\n    raise ValueError('too many')\n"
    prepared, tree = searched(tmp_path, (fails,))
    found = refit(prepared, tree, [0], Executor(), seconds=60.0)
    assert found.test == {}
    assert "#0" in found.notes[0]
    assert "too many" in found.notes[0]
    assert not list((prepared.folder / "work").glob("refit-*"))


def test_a_cancelled_execution_ends_the_refit(tmp_path: Path) -> None:
    prepared, tree = searched(tmp_path)

    def cancelled(script: Path, input: Path, working: Path, seconds: float) -> Outcome:  # noqa: A002
        return Outcome(kind=OutcomeKind.CANCELLED, error=NodeError("cancelled", "Cancelled", ""))

    with pytest.raises(Cancelled):
        refit(prepared, tree, [0], cancelled, seconds=60.0)


def delivered(
    prepared: Prepared, tree: Tree, out: Path, executor: Executor | None
) -> tuple[Final, np.ndarray]:
    final = finalise(prepared, tree, out, execute=executor, refit_seconds=60.0)
    assert final is not None
    return final, np.array([float(row["price"]) for row in read_csv(out / "submission.csv")])


def test_what_is_delivered_is_half_the_folds_average_and_half_the_refit(tmp_path: Path) -> None:
    prepared, tree = searched(tmp_path, (COUNTING,))
    final, with_refit = delivered(prepared, tree, tmp_path / "a", Executor())
    assert final.contributions[0].refitted
    _, folds = delivered(prepared, tree, tmp_path / "b", None)
    assert with_refit == pytest.approx((folds + 600) / 2, abs=1e-4)


@pytest.mark.parametrize("kind", [Kind.BINARY, Kind.MULTICLASS])
def test_classes_can_be_refitted(tmp_path: Path, kind: Kind) -> None:
    prepared, tree = searched(tmp_path, kind=kind)
    final = finalise(prepared, tree, tmp_path / "out", execute=Executor(), refit_seconds=60.0)
    assert final is not None
    assert final.contributions[0].refitted
    assert len(read_csv(tmp_path / "out" / "submission.csv")) == 20
