"""Models are examined by ordinary short runs: counted in SQL, ended and gone on with, and out of the way of searches."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from aide_local.errors import SettingsError
from aide_local.home import Home
from aide_local.llm.protocol import LanguageModel
from aide_local.llm.registry import ModelEntry
from aide_local.llm.scripted import ScriptedModel
from aide_local.run.exam import examine, settings_of
from aide_local.run.loop import Run
from aide_local.store.cookbook import QUERIES
from aide_local.store.exams import last_exam
from aide_local.store.prune import choose
from aide_local.store.read import list_runs
from aide_local.store.run_store import find_run
from aide_local.store.sql import SqlReader
from aide_local.store.verify import verify
from aide_local.types import RunSettings, Sampling
from tests.runs import reply_with
from tests.store.making import NODE, new

MODEL = ModelEntry(name="scripted", path=Path("scripted"))
SETTINGS = replace(settings_of(steps=5, drafts=4, minutes=None), folds=2, sandbox="limits", timeout=60.0)
TASKS = ("diabetes", "breast_cancer")

_BEGIN = """
import json
import numpy as np
import pandas as pd
task = json.load(open("input/task.json"))
train, test = pd.read_csv("input/train.csv"), pd.read_csv("input/test.csv")
submission = pd.DataFrame({task["id"]: test[task["id"]]})
names = task["numeric"]
"""
_END = 'submission.to_csv("working/submission.csv", index=False)'
_GOOD = f"""{_BEGIN}
truth = train[task["target"]]
truth = truth if task["kind"] == "regression" else (truth == task["classes"][1]).astype(float)
known, asked = (np.c_[np.ones(len(table)), table[names]] for table in (train, test))
guess = asked @ np.linalg.lstsq(known, truth, rcond=None)[0]
guess = guess if task["kind"] == "regression" else np.clip(guess, 0.05, 0.95)
submission[task["outputs"][0]] = guess
{_END}
"""
_CONSTANT = f'{_BEGIN}\nsubmission[task["outputs"][0]] = 0.5\n{_END}'
_WORSE = _GOOD.replace("= guess\n", "= 1 - guess\n")


def engine(settings: RunSettings) -> LanguageModel:
    """Four drafts: a good one, one that fails, a constant, no code; then a fix, or an improvement, that works."""
    replies: Iterator[str] = iter(
        [
            reply_with(_GOOD), reply_with("raise KeyError('x')"), reply_with(_CONSTANT), "I cannot.", "I cannot.",
            reply_with(_WORSE),
        ]
    )  # fmt: skip

    def reply(prompt: str, sampling: Sampling) -> str:
        return next(replies)

    return ScriptedModel(reply)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """A search, then an exam on two tasks."""
    home = Home(tmp_path_factory.mktemp("exam"))
    search = new(home.root)
    search.put_node(NODE)
    search.set_state("finished")
    search.publish()
    search.close()
    for _, run in examine(MODEL, home, tasks=TASKS, settings=SETTINGS, make_model=engine):
        list(run.events())
    return home


def test_sql_counts_how_far_the_scripts_came(home: Home) -> None:
    asked = next(saved.query for saved in QUERIES if "examination" in saved.title)
    with SqlReader(home) as reader:
        assert reader.execute(asked).table.num_rows == 2
        rows = reader.execute("FROM exam_tasks ORDER BY created").table.to_pylist()
        (whole,) = reader.execute("FROM model_exams").table.to_pylist()
    assert [row["task"] for row in rows] == list(TASKS)
    for row in rows:
        assert (row["scripts"], row["with_code"], row["ran"], row["obeyed"], row["beat_constant"]) == (
            5,
            4,
            3,
            2,
            1,
        )
        assert (row["debugs"], row["fixed"]) in {(0, 0), (1, 1)}
        assert row["solved"]
        assert row["best"] < row["constant_score"]
        assert row["reply_tokens"] > 0
    assert (whole["model"], whole["tasks"], whole["tasks_wanted"], whole["solved"]) == ("scripted", 2, 2, 2)
    assert (whole["code_percent"], whole["ran_percent"], whole["obeyed_percent"]) == (80.0, 60.0, 40.0)
    assert whole["beat_constant_percent"] == 20.0


def test_the_last_exam_says_what_sql_says(home: Home) -> None:
    exam = last_exam(home, "scripted")
    assert exam is not None
    assert [task.task for task in exam.tasks] == list(TASKS)
    assert (
        "tasks solved: 2 of 2; of 10 scripts 80 % held code, 60 % ran, 40 % obeyed the contract, 20 % beat"
        in (exam.sentence())
    )
    assert "another file" in exam.sentence("a" * 64)
    assert last_exam(home, "never-examined") is None


def test_exams_are_out_of_the_way_of_searches(home: Home) -> None:
    (search,) = list_runs(home)
    assert find_run(home, "latest") == search.id
    parts = list_runs(home, exams=True)
    assert [info.task for info in parts] == list(reversed(TASKS))
    assert find_run(home, "diabetes") == parts[1].id
    assert verify(home, parts[0].id).problems == ()
    with SqlReader(home) as reader:
        for view in ("leaderboard", "gains", "tasks", "task_similarity"):
            assert not set(reader.execute(f"SELECT task FROM {view}").table.column(0).to_pylist()) & set(
                TASKS
            )
    assert choose(home, [], older_than=None, keep=0) == (search.id,)
    assert set(choose(home, [], older_than=0.0, keep=None)) == {search.id, *(info.id for info in parts)}


def test_an_exam_that_was_ended_goes_on(tmp_path: Path) -> None:
    home = Home(tmp_path)

    def asked() -> Run:
        ((name, run),) = itertools.islice(
            examine(MODEL, home, tasks=["diabetes"], settings=replace(SETTINGS, steps=2), make_model=engine),
            1,
        )
        assert name == "diabetes"
        return run

    def left(run: Run) -> list[tuple[str, int]]:
        """(exam, nodes) of all parts, the last first."""
        list(run.events())
        return [(info.extra["exam"], info.nodes) for info in list_runs(home, exams=True)]

    first = asked()
    first.stop(now=True)
    ((exam, nodes),) = left(first)
    assert nodes == 0
    assert left(asked()) == [(exam, 2)]
    another = asked()  # that one is over
    another.stop(now=True)
    assert [nodes for _, nodes in left(another)] == [0, 2]


def test_a_task_that_is_not_among_the_samples_is_told(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="no sample task 'diabets'"):
        next(examine(MODEL, Home(tmp_path), tasks=["diabets"], settings=SETTINGS, make_model=engine))
