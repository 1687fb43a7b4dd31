"""A script's way to its score: run on each fold, checked, assembled, raced, stored."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from threading import Event

import numpy as np
import pyarrow.parquet as pq
import pytest
import sklearn.metrics as sk

from aide_local.errors import Cancelled
from aide_local.evaluate import stored
from aide_local.evaluate.bench import Bench
from aide_local.evaluate.compare import Rival
from aide_local.evaluate.cores import CoreBudget
from aide_local.evaluate.folds import FoldEvaluator
from aide_local.evaluate.prepare import prepare
from aide_local.evaluate.prepared import Prepared
from aide_local.evaluate.protocol import Evaluation, Evaluator
from aide_local.sandbox.protocol import Limits
from aide_local.task import Kind, SplitKind, SplitRule, Task
from aide_local.types import FoldScore
from tests.evaluate.making import SCRIPT, SETTINGS, PlainSandbox, make_task


def opened(task: Task, folder: Path, cores: CoreBudget | None = None) -> tuple[Prepared, FoldEvaluator]:
    prepared = prepare(task, SETTINGS, folder)
    bench = Bench.sized(PlainSandbox(), Limits(), cores or CoreBudget(), prepared.folds)
    return prepared, FoldEvaluator(prepared, bench)


def evaluate_one_by_one(tmp_path: Path, code: str, **more: object) -> Evaluation:
    """On one core, so that the folds run in their order."""
    task = make_task(tmp_path / "task", Kind.REGRESSION)
    evaluator = opened(task, tmp_path / "run", CoreBudget((0,)))[1]
    return evaluator.evaluate(7, code, **more)  # type: ignore[arg-type]


def evaluate(tmp_path: Path, code: str, kind: Kind = Kind.REGRESSION, **more: object) -> Evaluation:
    evaluator: Evaluator = opened(make_task(tmp_path / "task", kind), tmp_path / "run")[1]
    return evaluator.evaluate(7, code, **more)  # type: ignore[arg-type]


def left_after(tmp_path: Path) -> list[Path]:
    return list((tmp_path / "run" / "work").iterdir())


SCORES = {
    ("regression", "rmse"): lambda y, p: sk.root_mean_squared_error(y, p),
    ("regression", "mae"): lambda y, p: sk.mean_absolute_error(y, p),
    ("binary", "auc"): lambda y, p: sk.roc_auc_score(y, p),
    ("binary", "logloss"): lambda y, p: sk.log_loss(y, p),
    ("binary", "mcc"): lambda y, p: sk.matthews_corrcoef(y, p.argmax(axis=1)),
    ("multiclass", "multiclass_logloss"): lambda y, p: sk.log_loss(y, p),
    ("multiclass", "macro_f1"): lambda y, p: sk.f1_score(y, p.argmax(axis=1), average="macro"),
    ("multilabel", "mean_columnwise_auc"): lambda y, p: sk.roc_auc_score(y, p),
}


@pytest.mark.parametrize("rule", [SplitRule(SplitKind.RANDOM), SplitRule(SplitKind.TIME, "day")])
@pytest.mark.parametrize(("kind", "metric"), list(SCORES))
def test_the_score_is_scikit_learn_s_on_the_assembled_out_of_fold_column(
    tmp_path: Path, kind: str, metric: str, rule: SplitRule
) -> None:
    task = make_task(tmp_path / "task", Kind(kind), metric, n=120, split=rule)
    prepared, evaluator = opened(task, tmp_path / "run")
    found = evaluator.evaluate(0, SCRIPT)
    assert found.error is None
    assert found.predictions is not None
    table = pq.read_table(tmp_path / "run" / found.predictions).to_pandas()
    oof = table[table["part"] == "oof"]
    soft = oof[[name for name in oof.columns if name.startswith("p") and name != "part"]].to_numpy()
    soft = soft[:, 0] if soft.shape[1] == 1 else soft
    truth = prepared.truth[oof["row"].to_numpy()]
    assert found.metric == pytest.approx(SCORES[kind, metric](truth, soft), rel=1e-9)
    assert oof["row"].is_unique
    assert sorted(oof["fold"].unique()) == [0, 1, 2]
    assert len(oof) == (120 if rule.kind is SplitKind.RANDOM else len(prepared.split.scored))


def test_every_row_of_a_fold_is_predicted_by_the_script_that_did_not_train_on_it(tmp_path: Path) -> None:
    """The script answers 1 for every row that it finds among its training rows, else 0."""
    code = """
import pandas as pd
train, test = pd.read_csv("input/train.csv"), pd.read_csv("input/test.csv")
known = set(train["size"])
sub = test[["key"]].assign(price=[float(s in known) + 1e-6 * s for s in test["size"]])
sub.sample(frac=1).to_csv("working/submission.csv", index=False)
"""
    prepared, evaluator = opened(make_task(tmp_path / "task", n=600), tmp_path / "run")
    found = evaluator.evaluate(0, code)
    assert found.predictions is not None
    predictions = stored.load(prepared, found.predictions)
    assert (predictions.oof < 0.5).all()
    assert (predictions.report < 0.5).all()


def test_predictions_come_back_to_their_rows(tmp_path: Path) -> None:
    code = """
import pandas as pd
test = pd.read_csv("input/test.csv")
test[["key"]].assign(price=test["size"]).to_csv("working/submission.csv", index=False)
"""
    task = make_task(tmp_path / "task", n=600)
    prepared, evaluator = opened(task, tmp_path / "run")
    found = evaluator.evaluate(0, code)
    assert found.predictions is not None
    predictions = stored.load(prepared, found.predictions)
    assert task.train is not None
    assert task.test is not None
    train, test = (np.genfromtxt(path, delimiter="\t", dtype=str)[1:] for path in (task.train, task.test))
    sizes, test_sizes = (np.array([float(line.split(",")[1]) for line in lines]) for lines in (train, test))
    assert predictions.oof[:, 0] == pytest.approx(sizes[prepared.split.scored])
    assert predictions.report[:, 0] == pytest.approx(sizes[prepared.split.report])
    assert predictions.test[:, 0] == pytest.approx(test_sizes)


def test_a_valid_node_is_complete_and_says_what_it_cost(tmp_path: Path) -> None:
    told: list[FoldScore] = []
    heard: list[tuple[int, str]] = []
    found = evaluate_one_by_one(
        tmp_path, SCRIPT, on_fold=told.append, on_output=lambda fold, text: heard.append((fold, text))
    )
    assert found.complete
    assert tuple(told) == found.folds
    assert [fold for fold, _ in heard] == [0, 1, 2]
    assert (found.usage.wall, found.usage.cpu, found.usage.peak_memory) == (3.0, 1.5, 100)
    assert found.output.startswith("done")
    assert left_after(tmp_path) == []


def test_a_script_that_fails_ends_at_once_with_its_own_error(tmp_path: Path) -> None:
    found = evaluate(tmp_path, "print('so far')\nraise KeyError('age')")
    assert found.error is not None
    assert (found.error.kind, found.error.type, found.error.message) == ("exception", "KeyError", "'age'")
    assert found.metric is None
    assert not found.complete
    assert found.folds == (FoldScore(0, None, found.usage),)
    assert "so far" in found.output
    assert left_after(tmp_path) == []


def test_a_script_that_fails_on_a_later_fold_says_on_which(tmp_path: Path) -> None:
    counter = tmp_path / "count"
    code = f"""
import pathlib
count = pathlib.Path({str(counter)!r})
seen = len(count.read_text()) if count.exists() else 0
count.write_text("x" * (seen + 1))
if seen == 1:
    raise ValueError("odd row")
"""
    found = evaluate_one_by_one(tmp_path, code + SCRIPT)
    assert found.error is not None
    assert found.error.message == "In fold 2 of 3: odd row"
    assert [fold.score is None for fold in found.folds] == [False, True]


@pytest.mark.parametrize(
    ("code", "name", "says"),
    [
        ("print(1)", "NoSubmission", "did not write"),
        ("open('working/sub.csv', 'w').write('x')", "NoSubmission", "'sub.csv'"),
        ("import os; os.symlink('/etc/passwd', 'working/submission.csv')", "UnsafeFile", "symbolic link"),
        ("import os; os.mkfifo('working/submission.csv')", "UnsafeFile", "pipe"),
        ("import os; os.mkdir('working/submission.csv')", "UnsafeFile", "directory"),
        ("import shutil; shutil.rmtree(__import__('os').path.realpath('working'))", "UnsafeFolder", "working"),
        ("import shutil; shutil.copy('input/sample_submission.csv', 'working/submission.csv')",
         "ConstantPredictions", "100.0%"),
    ],
)  # fmt: skip
def test_a_submission_that_cannot_be_used_makes_the_node_buggy(
    tmp_path: Path, code: str, name: str, says: str
) -> None:
    found = evaluate(tmp_path, code)
    assert found.error is not None
    assert (found.error.kind, found.error.type) == ("predictions", name)
    assert says in found.error.message
    assert left_after(tmp_path) == []


def test_predictions_outside_the_metric_s_domain_make_the_node_buggy(tmp_path: Path) -> None:
    task = make_task(tmp_path / "task", metric="mae")
    assert task.train is not None
    task.train.write_text("\n".join(line.replace(",-", ",") for line in task.train.read_text().splitlines()))
    _, evaluator = opened(replace(task, metric="rmsle"), tmp_path / "run")
    code = SCRIPT.replace("return np", "return -5 + np")
    found = evaluator.evaluate(0, code)
    assert found.error is not None
    assert (found.error.kind, found.error.type) == ("score", "OutOfDomain")


POOR = SCRIPT.replace("return np", "return 3 + np")


def test_racing_stops_a_node_that_is_clearly_behind_after_its_first_fold(tmp_path: Path) -> None:
    _, evaluator = opened(make_task(tmp_path / "task"), tmp_path / "run")
    best = evaluator.evaluate(0, SCRIPT)
    found = evaluator.evaluate(1, POOR, rival=Rival(0, best.folds, 0.02, 0.0))
    assert found.error is None
    assert not found.complete
    assert len(found.folds) == 1
    assert found.metric == found.folds[0].score
    assert found.predictions is None


def test_racing_lets_an_equal_node_finish(tmp_path: Path) -> None:
    _, evaluator = opened(make_task(tmp_path / "task"), tmp_path / "run")
    best = evaluator.evaluate(0, SCRIPT)
    assert evaluator.evaluate(1, SCRIPT, rival=Rival(0, best.folds, 0.02, 0.0)).complete
    assert evaluator.evaluate(2, POOR).complete


def test_nodes_may_be_evaluated_at_once(tmp_path: Path) -> None:
    _, evaluator = opened(make_task(tmp_path / "task"), tmp_path / "run")
    with ThreadPoolExecutor(3) as pool:
        found = list(pool.map(lambda node: evaluator.evaluate(node, SCRIPT), range(3)))
    assert len({one.metric for one in found}) == 1
    assert len({one.predictions for one in found}) == 3
    assert left_after(tmp_path) == []


def test_cancel_ends_the_evaluation_without_a_result(tmp_path: Path) -> None:
    cancel = Event()
    with pytest.raises(Cancelled):
        evaluate_one_by_one(tmp_path, SCRIPT, cancel=cancel, on_fold=lambda fold: cancel.set())
    assert left_after(tmp_path) == []


def test_what_a_killed_process_left_is_no_hindrance(tmp_path: Path) -> None:
    rest = tmp_path / "run" / "work" / "node-00007" / "fold-0"
    rest.mkdir(parents=True)
    (rest / "submission.csv").write_text("stale")
    assert evaluate(tmp_path, SCRIPT).complete


def test_a_full_disk_is_not_the_script_s_fault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(stored, "write_parquet", full)
    with pytest.raises(OSError, match="No space"):
        evaluate(tmp_path, SCRIPT)


def test_a_fold_whose_rows_are_of_one_class_has_no_auc_but_the_node_has(tmp_path: Path) -> None:
    task = make_task(tmp_path / "task", Kind.BINARY, split=SplitRule(SplitKind.TIME, "day"))
    assert task.train is not None
    lines = task.train.read_text().splitlines()
    lines[-15:] = [line.replace(",yes", ",no") for line in lines[-15:]]
    task.train.write_text("\n".join(lines) + "\n")
    _, evaluator = opened(task, tmp_path / "run")
    found = evaluator.evaluate(0, SCRIPT)
    assert found.error is None
    assert [fold.score is None for fold in found.folds] == [False, False, True]
    assert found.metric is not None
