"""What is delivered: the ensemble, the best script beside it, and one honest number."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from aide_local import metrics
from aide_local.evaluate import stored
from aide_local.evaluate.final import Final, finalise
from aide_local.evaluate.prepare import prepare
from aide_local.evaluate.prepared import Prepared
from aide_local.search.tree import Tree
from aide_local.task import Kind, Task
from tests.evaluate.making import SETTINGS, make_task, node_with, read_csv, write_csv

ALIKE = (0.05, 0.05, 0.2)  # noises so small that a plain average is best


def delivered(task: Task, root: Path, noises: tuple[float, ...] = (0.5, 0.5, 2.0)) -> tuple[Prepared, Final]:
    prepared = prepare(task, SETTINGS, root / "run")
    nodes = [node_with(prepared, at, noise) for at, noise in enumerate(noises)]
    final = finalise(prepared, Tree.of(nodes, task.direction), root / "out")
    assert final is not None
    return prepared, final


def test_the_ensemble_is_at_least_as_good_as_the_best_single_script(tmp_path: Path) -> None:
    _, final = delivered(make_task(tmp_path / "task", n=600), tmp_path)
    assert final.ensemble_score is not None
    assert final.ensemble_score < final.best_score
    assert sum(weight for _, weight in final.weights) == pytest.approx(1.0)
    assert {node for node, _ in final.weights} >= {0, 1}


def test_the_report_score_is_the_ensemble_s_on_rows_that_nothing_was_chosen_by(tmp_path: Path) -> None:
    prepared, final = delivered(make_task(tmp_path / "task", n=600), tmp_path, ALIKE)
    parts = [stored.load(prepared, stored.path_of(node)) for node, _ in final.weights]
    mixed = sum(weight * part.report[:, 0] for (_, weight), part in zip(final.weights, parts, strict=True))
    truth = prepared.truth[prepared.split.report]
    assert final.report_score == pytest.approx(metrics.get("rmse").score(truth, np.asarray(mixed)))
    assert final.report_rows == 60
    assert final.best_report_score is not None


def test_few_rows_give_no_report_score(tmp_path: Path) -> None:
    _, final = delivered(make_task(tmp_path / "task", n=100), tmp_path)
    assert final.report_score is None


def test_submissions_have_the_real_ids_and_the_order_of_the_sample(tmp_path: Path) -> None:
    task = make_task(tmp_path / "task")
    assert task.test is not None
    ids = [row["key"] for row in read_csv(task.test)]
    other = [ids[at] for at in np.random.default_rng(0).permutation(len(ids))]
    sample = write_csv(tmp_path / "task" / "sample.csv", {"price": [0] * len(ids), "key": other})
    delivered(replace(task, sample_submission=sample), tmp_path, (0.1,))
    for name in ("submission.csv", "solution_submission.csv"):
        rows = read_csv(tmp_path / "out" / name)
        assert list(rows[0]) == ["price", "key"]
        assert [row["key"] for row in rows] == other
        assert [float(row["price"]) for row in rows] == pytest.approx([ids.index(one) for one in other])


def test_without_a_sample_the_rows_are_in_the_order_of_the_test_file(tmp_path: Path) -> None:
    task = make_task(tmp_path / "task")
    delivered(task, tmp_path)
    assert task.test is not None
    found = [row["key"] for row in read_csv(tmp_path / "out" / "submission.csv")]
    assert found == [row["key"] for row in read_csv(task.test)]


def test_rows_without_ids_are_counted_from_0(tmp_path: Path) -> None:
    delivered(make_task(tmp_path / "task", with_id=False), tmp_path)
    rows = read_csv(tmp_path / "out" / "submission.csv")
    assert [row["row_id"] for row in rows] == [str(at) for at in range(20)]


@pytest.mark.parametrize("in_test", [True, False])
def test_ids_that_the_training_rows_lack_come_from_the_test_file_or_the_sample(
    tmp_path: Path, in_test: bool
) -> None:
    task = make_task(tmp_path / "task", with_id=False)
    assert task.test is not None
    rows = read_csv(task.test)
    numbers = [f"{n:04d}" for n in range(500, 520)]
    if in_test:
        columns = {name: [row[name] for row in rows] for name in rows[0]}
        write_csv(task.test, {"ImageId": numbers, **columns})
        numbers = numbers[::-1]  # the sample's own order
    sample = write_csv(tmp_path / "sample.csv", {"ImageId": numbers, "price": [0] * 20})
    delivered(replace(task, sample_submission=sample), tmp_path, (0.1,))
    found = read_csv(tmp_path / "out" / "submission.csv")
    assert [row["ImageId"] for row in found] == numbers
    assert [float(row["price"]) for row in found] == list(range(20))[:: -1 if in_test else 1]


def test_labels_are_delivered_as_they_are_spelled(tmp_path: Path) -> None:
    task = make_task(tmp_path / "task", Kind.BINARY, "accuracy", classes=("01", "02"))
    delivered(task, tmp_path, (0.3, 0.3))
    assert [row["price"] for row in read_csv(tmp_path / "out" / "submission.csv")] == ["01", "02"] * 10


def test_class_probabilities_are_delivered_in_the_order_of_the_outputs(tmp_path: Path) -> None:
    delivered(make_task(tmp_path / "task", Kind.MULTICLASS), tmp_path, (0.1,))
    rows = read_csv(tmp_path / "out" / "submission.csv")
    assert list(rows[0]) == ["key", "p_high", "p_low", "p_mid"]
    assert [float(rows[1][name]) for name in ("p_high", "p_low", "p_mid")] == [0.0, 1.0, 0.0]


def test_the_best_script_is_delivered_as_it_ran(tmp_path: Path) -> None:
    _, final = delivered(make_task(tmp_path / "task"), tmp_path, (2.0, 0.1))
    assert final.best == 1
    assert (tmp_path / "out" / "solution.py").read_text() == "print(1)\n"


def test_a_task_without_test_rows_gets_the_script_and_the_scores(tmp_path: Path) -> None:
    _, final = delivered(make_task(tmp_path / "task", n=600, n_test=0), tmp_path)
    assert [path.name for path in final.files] == ["solution.py"]
    assert final.report_score is not None


def test_lost_or_damaged_predictions_are_left_out_with_a_note(tmp_path: Path) -> None:
    task = make_task(tmp_path / "task")
    prepared = prepare(task, SETTINGS, tmp_path / "run")
    nodes = [node_with(prepared, at, 0.5) for at in range(4)]
    (tmp_path / "run" / stored.path_of(0)).unlink()
    (tmp_path / "run" / stored.path_of(1)).write_bytes(b"PAR1 damaged")
    final = finalise(prepared, Tree.of(nodes, task.direction), tmp_path / "out")
    assert final is not None
    assert {node for node, _ in final.weights} <= {2, 3}
    assert len(final.notes) == 2


def test_a_tree_without_a_complete_node_gives_nothing(tmp_path: Path) -> None:
    task = make_task(tmp_path / "task")
    prepared = prepare(task, SETTINGS, tmp_path / "run")
    assert finalise(prepared, Tree.of([], task.direction), tmp_path / "out") is None
    assert not (tmp_path / "out").exists()


def test_without_a_folder_nothing_is_written(tmp_path: Path) -> None:
    task = make_task(tmp_path / "task")
    prepared = prepare(task, SETTINGS, tmp_path / "run")
    final = finalise(prepared, Tree.of([node_with(prepared, 0, 0.1)], task.direction))
    assert final is not None
    assert final.files == ()
