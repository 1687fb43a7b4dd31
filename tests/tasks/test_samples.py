"""The sample tasks: what their maker writes, and what is understood of them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from aide_local.task import Kind, SplitKind
from aide_local.tasks.load import check_task

SAMPLES = Path(__file__).parent.parent.parent / "sample_tasks"


@pytest.mark.parametrize(
    ("name", "kind", "metric", "split"),
    [
        ("bike_demand", Kind.REGRESSION, "rmsle", SplitKind.TIME),
        ("breast_cancer", Kind.BINARY, "logloss", SplitKind.STRATIFIED),
        ("churn", Kind.BINARY, "auc", SplitKind.STRATIFIED),
        ("diabetes", Kind.REGRESSION, "rmse", SplitKind.RANDOM),
        ("digits", Kind.MULTICLASS, "multiclass_logloss", SplitKind.STRATIFIED),
    ],
)
def test_each_sample_is_understood_without_an_error(
    name: str, kind: Kind, metric: str, split: SplitKind
) -> None:
    report = check_task(SAMPLES / name)
    assert report.task is not None, report.problems
    task = report.task
    assert (task.name, task.kind, task.metric, task.split.kind) == (name, kind, metric, split)
    assert task.n_test > 0
    assert task.sample_submission is not None
    assert len(task.description) > 100


def test_the_answers_lie_outside_of_every_task() -> None:
    for folder in SAMPLES.iterdir():
        if folder.is_dir() and not folder.name.startswith((".", "_")):
            task = check_task(folder).task
            assert task is not None
            assert task.extra == ()
            assert not list(folder.rglob("*answer*"))


def test_the_maker_writes_these_files_to_the_byte(tmp_path: Path) -> None:
    command = [sys.executable, str(SAMPLES / "make.py"), "--root", str(tmp_path)]
    subprocess.run(command, check=True, capture_output=True, timeout=240)
    made = sorted(path.relative_to(tmp_path) for path in tmp_path.rglob("*") if path.is_file())
    assert len(made) >= 5 * 5
    for path in made:
        assert (tmp_path / path).read_bytes() == (SAMPLES / path).read_bytes(), path
