"""Every bundled script gives a valid evaluation, in the sandbox, of small tasks of each kind that it fits."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from aide_local.evaluate.bench import Bench
from aide_local.evaluate.cores import CoreBudget
from aide_local.evaluate.folds import FoldEvaluator
from aide_local.evaluate.prepare import prepare
from aide_local.evaluate.prepared import Prepared
from aide_local.playbook.library import Playbook, Script
from aide_local.sandbox.host.select import create_sandbox
from aide_local.sandbox.protocol import Limits, Sandbox
from aide_local.task import ColumnKind, Kind, SplitKind, SplitRule, Task
from aide_local.types import RunSettings
from tests.playbook.making import make_task

SCRIPTS = Playbook.load().scripts


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    made = create_sandbox()
    yield made
    made.close()


def _binary(folder: Path) -> Task:
    return make_task(folder, Kind.BINARY, "auc", classes=("no", "yes"), rows=30)


def _classes(folder: Path) -> Task:
    return make_task(folder, Kind.MULTICLASS, "multiclass_logloss", classes=("001", "1.5", "NA", "none"))


def _labels(folder: Path) -> Task:
    return make_task(folder, Kind.MULTICLASS, "macro_f1", classes=("1", "2", "3"))


def _values(folder: Path) -> Task:
    return make_task(folder, Kind.REGRESSION, "rmsle", without=frozenset({ColumnKind.TEXT}))


def _several_values(folder: Path) -> Task:
    split = SplitRule(SplitKind.GROUP, "owner")
    return make_task(folder, Kind.REGRESSION, "mcrmse", targets=("value", "rent"), split=split)


def _several_labels(folder: Path) -> Task:
    split = SplitRule(SplitKind.TIME, "when")
    return make_task(folder, Kind.MULTILABEL, "logloss", targets=("sold", "let"), split=split)


def _numbers_alone(folder: Path) -> Task:
    others = frozenset(ColumnKind) - {ColumnKind.NUMERIC}
    return make_task(folder, Kind.REGRESSION, "mae", rows=30, without=others)


def _levels_alone(folder: Path) -> Task:
    others = frozenset(ColumnKind) - {ColumnKind.CATEGORICAL, ColumnKind.BOOLEAN}
    return make_task(folder, Kind.BINARY, "f1", classes=("0", "1"), without=others)


TASKS = (
    _binary, _classes, _labels, _values, _several_values, _several_labels, _numbers_alone, _levels_alone,
)  # fmt: skip


@pytest.fixture(scope="module", params=TASKS, ids=lambda make: make.__name__.strip("_"))
def prepared(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    folder = tmp_path_factory.mktemp("task")
    return prepare(request.param(folder), RunSettings(folds=2, seed=1), folder / "run")


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.name)
def test_a_bundled_script_has_a_score_on_every_kind_of_task_that_it_fits(
    prepared: Prepared, script: Script, sandbox: Sandbox
) -> None:
    if not script.fits(prepared.task):
        pytest.skip("it does not fit this task")
    evaluator = FoldEvaluator(prepared, Bench.sized(sandbox, Limits(wall=60.0), CoreBudget(), prepared.folds))
    found = evaluator.evaluate(0, script.code)
    assert found.error is None, f"{found.error}\n{found.output[-2000:]}"
    assert found.complete
    assert found.metric is not None
