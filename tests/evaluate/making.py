"""Small tasks on disk, and the smallest sandbox: a plain subprocess."""

from __future__ import annotations

import csv
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from threading import Event

import numpy as np

from aide_local import metrics
from aide_local.evaluate import stored
from aide_local.evaluate.prepared import Prepared
from aide_local.evaluate.stored import Predictions
from aide_local.sandbox.protocol import Candidate, Level, Limits, Outcome
from aide_local.task import Column, ColumnKind, Kind, Predict, SplitKind, SplitRule, Task
from aide_local.types import FoldScore, Node, NodeError, NodeState, Operator, OutcomeKind, RunSettings, Usage

SETTINGS = RunSettings(folds=3, seed=7, timeout=120.0)


class PlainSandbox:
    """Confines nothing: for tests of what the evaluators do with an outcome."""

    level = Level.LIMITS
    backend = ""

    def __init__(self) -> None:
        self.inputs: list[Path] = []

    def run(
        self,
        candidate: Candidate,
        limits: Limits,
        *,
        on_output: Callable[[str], None] | None = None,
        cancel: Event | None = None,
    ) -> Outcome:
        self.inputs.append(candidate.input)
        if cancel is not None and cancel.is_set():
            return Outcome(kind=OutcomeKind.CANCELLED, error=NodeError("cancelled", "Cancelled", ""))
        with tempfile.TemporaryDirectory() as name:
            base = Path(name)
            (base / "input").symlink_to(candidate.input)
            (base / "working").symlink_to(candidate.working)
            done = subprocess.run(
                [str(candidate.python or sys.executable), str(candidate.script)],
                cwd=base,
                capture_output=True,
                text=True,
                check=False,
            )
        output = done.stdout + done.stderr
        if on_output is not None:
            on_output(output)
        usage = Usage(wall=1.0, cpu=0.5, peak_memory=100, written=10)
        if done.returncode:
            last = (done.stderr.strip().splitlines() or [""])[-1]
            name, _, message = last.partition(":")
            error = NodeError("exception", name, message.strip(), 1)
            return Outcome(kind=OutcomeKind.EXCEPTION, error=error, output=output, usage=usage)
        return Outcome(kind=OutcomeKind.OK, exit_code=0, output=output, usage=usage)

    def close(self) -> None:
        pass


def write_csv(path: Path, columns: dict[str, Sequence[object]]) -> Path:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(zip(*columns.values(), strict=True))
    return path


def read_csv(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def make_task(
    folder: Path,
    kind: Kind = Kind.REGRESSION,
    metric: str = "",
    *,
    n: int = 60,
    n_test: int = 20,
    classes: tuple[str, ...] = (),
    split: SplitRule | None = None,
    with_id: bool = True,
    seed: int = 0,
    **more: object,
) -> Task:
    """Features ``size`` and ``noise`` (all distinct), ``city``, ``family`` and ``day``; the target follows ``size``."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    total = n + n_test
    size = np.round(rng.normal(size=total), 6) + np.arange(total) * 1e-3
    raw = size + 0.3 * rng.normal(size=total)
    columns: dict[str, Sequence[object]] = {}
    if with_id:
        columns["key"] = [f"{1000 + at}" for at in range(total)]
    columns["size"] = [repr(float(value)) for value in size]
    columns["noise"] = [f"{value:08d}" for value in rng.permutation(total)]
    columns["city"] = [("Oslo, NO", 'the "city"', "Åre", "")[at % 4] for at in range(total)]
    columns["family"] = [f"f{value}" for value in rng.integers(0, 9, size=total)]
    columns["day"] = [f"2024-{1 + at // 28 % 12:02d}-{1 + at % 28:02d}" for at in range(total)]
    targets: tuple[str, ...] = ("price",)
    if kind is Kind.REGRESSION:
        columns["price"] = [repr(float(value)) for value in raw]
        predict = Predict.VALUE
    elif kind is Kind.MULTILABEL:
        targets = ("red", "blue")
        columns["red"] = [int(value > 0) for value in raw]
        columns["blue"] = [int(value > 0.5) for value in -raw]
        predict = Predict.PROBABILITY
    else:
        classes = classes or (("no", "yes") if kind is Kind.BINARY else ("high", "low", "mid"))
        rank = np.argsort(np.argsort(raw)) * len(classes) // total
        columns["price"] = [classes[at] for at in rank]
        predict = Predict.PROBABILITY
    chosen = metrics.get(metric or metrics.default_for(kind, predict, len(targets)), kind)
    predict = chosen.predict
    outputs = targets
    if kind is Kind.MULTICLASS and predict is Predict.PROBABILITY:
        outputs = tuple(f"p_{name}" for name in classes)
    train = write_csv(folder / "train.csv", {name: values[:n] for name, values in columns.items()})
    test = None
    if n_test:
        shown = {name: values[n:] for name, values in columns.items() if name not in targets}
        test = write_csv(folder / "test.csv", shown)
    kinds = {
        "size": ColumnKind.NUMERIC,
        "noise": ColumnKind.NUMERIC,
        "city": ColumnKind.CATEGORICAL,
        "family": ColumnKind.CATEGORICAL,
        "day": ColumnKind.DATETIME,
    }
    values: dict[str, object] = {
        "name": "houses",
        "root": folder,
        "kind": kind,
        "train": train,
        "test": test,
        "id": "key" if with_id else None,
        "targets": targets,
        "classes": classes if kind in (Kind.BINARY, Kind.MULTICLASS) else (),
        "predict": predict,
        "outputs": outputs,
        "metric": chosen.name,
        "direction": chosen.direction,
        "split": split or SplitRule(SplitKind.RANDOM),
        "columns": tuple(Column(name, kind_) for name, kind_ in kinds.items()),
        "n_train": n,
        "n_test": n_test,
        **more,
    }
    return Task(**values)  # type: ignore[arg-type]


def node_with(prepared: Prepared, node: int, noise: float, code: str = "") -> Node:
    """Return a node whose predictions are the truth with noise; of test rows, their number."""
    rng = np.random.default_rng(node)
    form = prepared.form

    def near(truth: np.ndarray) -> np.ndarray:
        per_class = form.per_class and truth.ndim == 1
        soft = (np.eye(form.width)[truth] if per_class else form.soft(truth)) + noise * rng.normal(
            size=(len(truth), form.width)
        )
        return soft if prepared.task.kind is Kind.REGRESSION else np.clip(soft, 0, 1)

    made = prepared.split
    test = np.repeat(np.arange(prepared.n_test)[:, None], form.width, axis=1).astype(float)
    if prepared.task.kind is not Kind.REGRESSION:
        test = (test % 2 == np.arange(form.width)).astype(float)
    predictions = Predictions(near(prepared.truth[made.scored]), near(prepared.truth[made.report]), test)
    metric = prepared.scorer.score(prepared.truth[made.scored], form.decide(predictions.oof))
    return Node(
        id=node,
        operator=Operator.DRAFT,
        state=NodeState.VALID,
        code=code or f"print({node})\n",
        metric=metric,
        complete=True,
        folds=tuple(FoldScore(k, metric, Usage(wall=1.0)) for k in range(prepared.folds)),
        predictions=stored.save(prepared, node, predictions),
    )


# Predicts from ``size`` alone with least squares; works for every kind, reads all it needs from task.json.
SCRIPT = """
import json
import numpy as np
import pandas as pd

task = json.load(open("input/task.json"))
train, test = pd.read_csv("input/train.csv"), pd.read_csv("input/test.csv")
sub = pd.read_csv("input/sample_submission.csv")
text = {task["id"]: str, **{t: str for t in task["targets"]}} if task["classes"] else {task["id"]: str}
train = pd.read_csv("input/train.csv", dtype=text)


def fit(y):
    return np.polyval(np.polyfit(train["size"], y, 1), test["size"])


if task["kind"] == "regression":
    for t in task["targets"]:
        sub[t] = fit(train[t])
elif task["kind"] == "multilabel":
    for t in task["targets"]:
        sub[t] = fit(train[t]).clip(0, 1)
        if task["predict"] == "label":
            sub[t] = (sub[t] > 0.5).astype(int)
else:
    scores = np.column_stack([fit(train[task["target"]] == c) for c in task["classes"]]).clip(0.01, 1)
    scores /= scores.sum(axis=1, keepdims=True)
    if task["predict"] == "label":
        sub[task["outputs"][0]] = np.array(task["classes"])[scores.argmax(axis=1)]
    elif task["kind"] == "binary":
        sub[task["outputs"][0]] = scores[:, 1]
    else:
        sub[task["outputs"]] = scores
sub.to_csv("working/submission.csv", index=False)
print("done", len(train), len(test))
"""
