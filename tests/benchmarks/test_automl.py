"""The arithmetic of the AutoML benchmark: scores, ranks, wins, what is run again, and what a system gets to see."""

from __future__ import annotations

import json
import math
import os
import sys
import time
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from benchmarks import automl, automl_report, automl_runs, automl_tasks
from benchmarks.automl_report import Duels, Scores
from benchmarks.automl_runs import Setting
from benchmarks.automl_tasks import BenchTask, TaskError
from benchmarks.systems import shared


def make_task(data: Path, name: str = "one", **told: str) -> BenchTask:
    """A task of four test rows."""
    told = {"target": "y", "metric": "rmse", "id": "id", **told}
    folder = data / name
    folder.mkdir(parents=True)
    (folder / "task.toml").write_text("".join(f'{key} = "{value}"\n' for key, value in told.items()))
    (folder / "train.csv").write_text("id,x,y\n0,1,no\n1,2,yes\n2,3,no\n")
    (folder / "test.csv").write_text("id,x\n3,1\n4,2\n5,3\n6,4\n")
    (folder / "description.md").write_text("Submit the probability that `y` is `no`.\n")
    (data / "_answers").mkdir(exist_ok=True)
    (data / "_answers" / f"{name}.csv").write_text("id,y\n3,0\n4,1\n5,1\n6,0\n")
    return automl_tasks.load(data, name)


def submission(data: Path, cells: list[object]) -> Path:
    """A submission in another order than the answers."""
    path = data / "submission.csv"
    pd.DataFrame({"id": [6, 5, 4, 3], "y": cells[::-1]}).to_csv(path, index=False)
    return path


def setting(**changed: Any) -> Setting:
    fields = {
        "seconds": 5,
        "cores": 1,
        "seed": 0,
        "version": "abc",
        "options": (),
        "python": Path(sys.executable),
    }
    return Setting(**{**fields, **changed})


def record(task: str = "one", system: str = "ours", score: float | None = 1.0, **more: Any) -> dict[str, Any]:
    told = {"metric": "auc", "status": "ok", "message": "", "wall": 60.0, "fits": 30, "note": ""}
    return {**setting().about(task, system), "score": score, **told, **more}


# ---- scores ----


@pytest.mark.parametrize(
    ("metric", "cells", "expected"),
    [
        ("rmse", [0, 1, 1, 2], 1.0),
        ("mae", [0, 1, 1, 2], 0.5),
        ("rmsle", [-5, 1, 1, 0], 0.0),  # below nothing is nothing
        ("rmsle", [math.e - 1, 1, 1, 0], 0.5),
        ("auc", [0.1, 0.9, 0.2, 0.3], 0.75),
        ("accuracy", [0, 1, 0, 0], 0.75),
    ],
)
def test_score(tmp_path: Path, metric: str, cells: list[object], expected: float) -> None:
    task = make_task(tmp_path, metric=metric)
    assert automl_tasks.score(task, submission(tmp_path, cells)) == pytest.approx(expected)


def test_classes_are_compared_as_they_are_spelled(tmp_path: Path) -> None:
    task = make_task(tmp_path, metric="accuracy")
    (tmp_path / "_answers" / "one.csv").write_text("id,y\n3,NA\n4,a\n5,NA\n6,b\n")
    assert automl_tasks.score(task, submission(tmp_path, ["NA", "a", "b", "b"])) == 0.75


def test_a_submission_that_lacks_rows_or_numbers_has_no_score(tmp_path: Path) -> None:
    task = make_task(tmp_path)
    path = submission(tmp_path, [0, 1, 1, "much"])
    with pytest.raises(TaskError, match="no finite numbers"):
        automl_tasks.score(task, path)
    path.write_text("id,y\n3,0\n4,1\n")
    with pytest.raises(TaskError, match="2 rows are missing"):
        automl_tasks.score(task, path)
    path.write_text("id,y\n3,0\n3,0\n4,1\n5,1\n6,1\n")
    with pytest.raises(TaskError, match="same id"):
        automl_tasks.score(task, path)


def test_the_class_that_is_asked_comes_last(tmp_path: Path) -> None:
    task = make_task(tmp_path, metric="auc")
    assert automl_tasks.classes(task) == ["yes", "no"], "as the description says"
    (task.folder / "description.md").unlink()
    assert automl_tasks.classes(task) == ["no", "yes"]
    (task.folder / "train.csv").write_text("id,x,y\n0,1,10\n1,2,9\n")
    assert automl_tasks.classes(task) == ["9", "10"], "numbers are in their order"


def test_a_system_sees_no_answers(tmp_path: Path) -> None:
    task = make_task(tmp_path)
    (task.folder / "answers.csv").write_text("id,y\n3,0\n")
    staged = automl_tasks.stage(task, tmp_path / "copy" / task.name)
    assert sorted(path.name for path in (tmp_path / "copy").rglob("*.*")) == [
        "description.md",
        "task.toml",
        "test.csv",
        "train.csv",
    ]
    assert not (staged.parent / "_answers").exists()
    assert automl_tasks.names(tmp_path) == ["one"]


def test_competitors_get_dates_as_dates_and_text_as_categories(tmp_path: Path) -> None:
    (tmp_path / "train.csv").write_text(
        "id,y,when,kind,flag,number\n0,1,2020-01-02,a,True,1\n1,3,2020-01-03T12:00:00Z,b,False,\n2,1,,b,,2\n"
    )
    (tmp_path / "test.csv").write_text("id,when,kind,flag,number\n7,2020-01-04 00:00,c,True,2.5\n9,,a,,\n")
    files = {name: str(tmp_path / f"{name}.csv") for name in ("train", "test")}
    fields = {"group": "kind", "time": None, "seconds": 1, "cores": 1, "seed": 0, "work": str(tmp_path)}
    spec: dict[str, Any] = {"id": "id", "target": "y", "metric": "rmsle", "classes": [], **files, **fields}
    given, ids, rmsle = shared.read(spec)
    assert (ids, rmsle, given.metric, given.kind) == ([7, 9], True, "rmse", "regression")
    assert given.y.tolist() == pytest.approx([math.log(2), math.log(4), math.log(2)])
    assert list(given.train) == list(given.test) == ["when", "kind", "flag", "number"]
    assert given.train["flag"].tolist()[:2] == ["True", "False"]
    train, test = shared.typed(given, dates_as_numbers=True)
    assert train["when"].tolist()[:2] == [18263.0, 18264.5]
    assert test["when"].tolist()[0] == 18265.0
    assert list(test["kind"].cat.categories) == ["a", "b"]
    assert test["kind"].isna().tolist() == [True, False], "c is new"
    assert str(shared.typed(given)[0]["when"].dtype).startswith("datetime64")
    folds = given.folds(5)
    assert folds is not None
    assert folds[1] == folds[2] != folds[0], "rows of a group lie in one fold"
    given, _, _ = shared.read({**spec, "metric": "auc", "classes": ["3", "1"]})
    assert (given.y.tolist(), given.kind) == ([1, 0, 1], "binary")


def test_folds_of_a_task_with_a_time_are_blocks(tmp_path: Path) -> None:
    (tmp_path / "train.csv").write_text(
        "id,y,x,when\n0,1,5,2020-04\n1,3,5,2020-01\n2,1,5,2020-03\n3,1,5,2020-02\n"
    )
    (tmp_path / "test.csv").write_text("id,x,when\n7,5,2020-05\n")
    spec: dict[str, Any] = {
        "id": "id",
        "target": "y",
        "metric": "mae",
        "classes": [],
        "group": None,
        "time": "when",
    }
    files = {name: str(tmp_path / f"{name}.csv") for name in ("train", "test")}
    given, _, _ = shared.read({**spec, **files, "seconds": 1, "cores": 1, "seed": 0, "work": str(tmp_path)})
    folds = given.folds(2)
    assert folds is not None
    assert folds.tolist() == [1, 0, 1, 0]
    assert list(shared.typed(given)[0]) == ["x", "when"]
    assert [list(one) for one in shared.typed(given, dates_as_numbers=True)] == [["x"], ["x"]]


# ---- the report ----


def test_ranks_and_scale() -> None:
    scores = {"a": 0.9, "b": 0.7, "c": 0.9 + 1e-12, "d": None, "e": 0.8}
    assert automl_report.ranks(scores, higher=True) == {"a": 1.5, "b": 4, "c": 1.5, "d": 5, "e": 3}
    assert automl_report.ranks(scores, higher=False) == {"a": 3.5, "b": 1, "c": 3.5, "d": 5, "e": 2}
    scale = automl_report.normalised(scores, higher=True)
    assert scale == pytest.approx({"a": 1, "b": 0, "c": 1, "d": 0, "e": 0.5}, abs=1e-6)
    scale = automl_report.normalised(scores, higher=False)
    assert scale == pytest.approx({"a": 0, "b": 1, "c": 0, "d": 0, "e": 0.5}, abs=1e-6)
    assert automl_report.normalised({"a": 2.0, "b": 2.0, "c": None}, higher=True) == {"a": 1, "b": 1, "c": 0}
    assert automl_report.normalised({"a": None}, higher=True) == {"a": 0}


def test_duels_count_equal_scores_half() -> None:
    every: list[tuple[Scores, bool]] = [
        ({"ours": 0.9, "b": 0.8}, True),
        ({"ours": 0.9, "b": 0.8}, False),
        ({"ours": 0.9, "b": 0.9 + 1e-12}, True),
        ({"ours": None, "b": None}, True),
        ({"ours": 5.0, "b": None}, False),
        ({"ours": 5.0}, False),
    ]
    found = automl_report.duels(every, "b")
    assert found == Duels(won=2, lost=1, equal=2)
    assert found.share == pytest.approx(3 / 5)


def test_the_tables() -> None:
    records = [
        record("one", "ours", 0.9),
        record("one", "flaml", 0.8, fits=90),
        record("two", "ours", 3.0, metric="rmse", wall=120.0),
        record("two", "flaml", 2.0, metric="rmse"),
        record("two", "h2o", None, metric="rmse", status="killed", message="it took too long", fits=None),
    ]
    text = automl_report.report(records, ["ours", "flaml", "h2o", "catboost"])
    assert "| one | auc ↑ | **0.9** (1) | 0.8 (2) |  |" in text
    assert "| two | rmse ↓ | 3 (2) | **2** (1) | killed (3) |" in text
    assert "| ours | 2 | 1.50 | 0.500 |  | 20.0 | 90 / 120 | 0 |" in text
    assert "| flaml | 2 | 1.50 | 0.500 | 1 : 1, 50% | 60.0 | 60 / 60 | 0 |" in text
    assert "| h2o | 1 | 3.00 | 0.000 | 1 : 0, 100% | 0.0 | 60 / 60 | 1 |" in text
    assert "Not every system has run one;" in text
    assert "- two, h2o: killed: it took too long" in text
    assert "catboost" not in text
    assert automl_report.report([], ["ours"]) == "No results."


# ---- what is run again ----


def test_only_ours_has_versions() -> None:
    one, other = setting(version="abc"), setting(version="def")
    assert automl.key(one.about("t", "ours")) != automl.key(other.about("t", "ours"))
    assert automl.key(one.about("t", "flaml")) == automl.key(other.about("t", "flaml"))
    for changed in (setting(seconds=6), setting(cores=2), setting(seed=1)):
        assert automl.key(one.about("t", "flaml")) != automl.key(changed.about("t", "flaml"))


def test_results_outlive_a_cut_line_and_the_last_counts(tmp_path: Path) -> None:
    out = tmp_path / "results" / "all.jsonl"
    automl.append(out, record(score=1.0))
    automl.append(out, record(system="flaml", score=3.0))
    with out.open("a") as file:
        file.write(json.dumps(record(score=7.0))[:40])
    automl.append(out, record(score=2.0))
    found = automl.read_results(out)
    assert [(one["system"], one["score"]) for one in found.values()] == [("flaml", 3.0), ("ours", 2.0)]
    assert automl.read_results(tmp_path / "none.jsonl") == {}


def test_what_is_there_is_not_run_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_task(tmp_path)
    ran: list[str] = []

    def run_one(task: BenchTask, system: str, setting: Setting) -> dict[str, Any]:
        ran.append(system)
        return {**record(), **setting.about(task.name, system)}

    monkeypatch.setattr(automl, "run_one", run_one)
    monkeypatch.setattr(automl, "make_environment", lambda venv: Path(sys.executable))

    def bench(*more: str) -> list[str]:
        ran.clear()
        given = ["automl", "--data", str(tmp_path), "--cores", "1", "--out", str(tmp_path / "out.jsonl")]
        monkeypatch.setattr(sys, "argv", [*given, "--systems", "ours,flaml", *more])
        automl.main()
        return list(ran)

    assert bench("--report") == []
    assert bench() == ["ours", "flaml"]
    assert bench() == []
    assert bench("--again", "flaml") == ["flaml"]
    assert bench("--ours-options=--folds 3") == ["ours"]
    assert bench("--seed", "1") == ["ours", "flaml"]


def test_h2o_is_left_out_without_java(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(automl_runs, "java_version", lambda: None)
    assert automl_runs.without_java(["ours", "h2o"]) == ["ours"]
    assert "H2O is skipped" in capsys.readouterr().err
    assert automl_runs.without_java(["ours"]) == ["ours"]
    monkeypatch.setattr(automl_runs, "java_version", lambda: 17)
    assert automl_runs.without_java(["ours", "h2o"]) == ["ours", "h2o"]


# ---- processes ----


def test_a_process_is_killed_with_its_children_after_the_limit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Setting, "limit", 1.0)
    child = "import time; time.sleep(60)"
    script = f"""
import os, subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", {child!r}], start_new_session=True)
print(child.pid, len(os.sched_getaffinity(0)), flush=True)
time.sleep(60)
"""
    ended = automl_runs.call([sys.executable, "-c", script], tmp_path, setting(), tmp_path / "log")
    pid, cores = ended.tail.split()
    assert ended.code is None
    assert ended.wall < 30
    assert cores == "1"
    for _ in range(100):
        if not is_alive(int(pid)):
            return
        time.sleep(0.05)
    pytest.fail("the child lives on")


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
        return "Z" not in Path(f"/proc/{pid}/stat").read_text().split(")")[1].split()[0]
    except (ProcessLookupError, FileNotFoundError):
        return False


def test_a_run_that_fails_is_recorded_with_its_last_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    task = make_task(tmp_path, metric="auc")
    monkeypatch.setitem(automl_runs.SCRIPTS, "flaml", "no_such_script")
    found = automl_runs.run_one(task, "flaml", setting())
    assert (found["status"], found["score"]) == ("failed", None)
    assert "no_such_script" in found["message"]
    json.dumps(found)
