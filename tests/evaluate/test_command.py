"""Tasks with a grader command: it runs apart, after the script, on plain files only."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path
from threading import Event, Timer

import pytest

from aide_local.errors import Cancelled, TaskError
from aide_local.evaluate.assemble import open_evaluator
from aide_local.evaluate.command import GraderError, score_in
from aide_local.evaluate.protocol import Evaluation
from aide_local.search.tree import Tree
from aide_local.task import Direction, Mode, Task
from aide_local.types import Node, NodeState, Operator
from tests.evaluate.making import SETTINGS, PlainSandbox

GRADER = """
import json, os, pathlib
words = pathlib.Path(os.environ["AIDE_LOCAL_WORKING"], "answer.txt").read_text().split()
truth = pathlib.Path("secret.txt").read_text().split()
print("grading 3 words")
print(json.dumps({"score": sum(a == b for a, b in zip(words, truth))}))
"""
ANSWER = "open('working/answer.txt', 'w').write(open('input/question.txt').read().upper())"


def command_task(tmp_path: Path, grader: str = GRADER) -> Task:
    root = tmp_path / "task"
    root.mkdir()
    (root / "question.txt").write_text("a b c")
    (root / "secret.txt").write_text("A B X")
    (root / "grade.py").write_text(grader)
    return Task(
        name="words",
        root=root,
        mode=Mode.COMMAND,
        metric="words met",
        direction=Direction.MAXIMIZE,
        extra=(root / "question.txt",),
        grader=(sys.executable, "grade.py"),
    )


def evaluate(tmp_path: Path, code: str, grader: str = GRADER, **more: object) -> Evaluation:
    opened = open_evaluator(command_task(tmp_path, grader), SETTINGS, PlainSandbox(), tmp_path / "run")
    return opened.evaluator.evaluate(0, code, **more)  # type: ignore[arg-type]


def test_the_grader_scores_what_the_script_left(tmp_path: Path) -> None:
    found = evaluate(tmp_path, ANSWER)
    assert found.error is None
    assert (found.metric, found.complete) == (2.0, True)
    assert [fold.score for fold in found.folds] == [2.0]


def test_the_script_sees_the_task_s_files_but_not_the_grader_s(tmp_path: Path) -> None:
    found = evaluate(tmp_path, "import os; print(sorted(os.listdir('input')))\n" + ANSWER)
    assert found.output.strip() == "['question.txt', 'task.json']"


def test_a_script_that_fails_is_not_graded(tmp_path: Path) -> None:
    found = evaluate(tmp_path, ANSWER + "\nraise ValueError('no')")
    assert found.error is not None
    assert found.error.type == "ValueError"


def test_a_grader_that_fails_on_the_files_makes_the_node_buggy_with_its_words(tmp_path: Path) -> None:
    found = evaluate(tmp_path, "print('nothing')")
    assert found.error is not None
    assert (found.error.kind, found.error.type) == ("score", "GraderFailed")
    assert "answer.txt" in found.error.message


@pytest.mark.parametrize("way", ["os.symlink", "os.link"])
def test_a_link_cannot_lead_the_grader_to_its_own_answers(tmp_path: Path, way: str) -> None:
    secret = tmp_path / "task" / "secret.txt"
    found = evaluate(tmp_path, f"import os; {way}({str(secret)!r}, 'working/answer.txt')")
    assert found.error is not None
    assert found.error.type == "UnsafeFile"


def test_a_grader_that_hangs_is_ended_with_all_its_processes(tmp_path: Path) -> None:
    task = command_task(tmp_path, "import time; time.sleep(99)")
    opened = open_evaluator(task, replace(SETTINGS, timeout=1.0), PlainSandbox(), tmp_path / "run")
    found = opened.evaluator.evaluate(0, ANSWER)
    assert found.error is not None
    assert found.error.type == "GraderTimeout"


def test_cancel_ends_the_grader(tmp_path: Path) -> None:
    cancel = Event()
    timer = Timer(2.0, cancel.set)
    timer.start()
    with pytest.raises(Cancelled):
        evaluate(tmp_path, ANSWER, "import time; time.sleep(99)", cancel=cancel)
    timer.join()


def test_a_program_that_is_not_there_is_an_error_of_the_task(tmp_path: Path) -> None:
    task = replace(command_task(tmp_path), grader=("no-such-program",))
    opened = open_evaluator(task, SETTINGS, PlainSandbox(), tmp_path / "run")
    with pytest.raises(TaskError, match="no-such-program"):
        opened.evaluator.evaluate(0, ANSWER)


def test_the_best_script_is_what_is_delivered(tmp_path: Path) -> None:
    task = command_task(tmp_path)
    opened = open_evaluator(task, SETTINGS, PlainSandbox(), tmp_path / "run")
    node = Node(id=3, operator=Operator.DRAFT, state=NodeState.VALID, code=ANSWER, metric=2.0, complete=True)
    final = opened.finalise(Tree.of([node], task.direction), tmp_path / "out", 0.0)
    assert final is not None
    assert (final.best, final.best_score, final.weights) == (3, 2.0, ((3, 1.0),))
    assert (tmp_path / "out" / "solution.py").read_text() == ANSWER


@pytest.mark.parametrize(
    ("text", "score"),
    [
        ('{"score": 0.5}', 0.5),
        ('{"score": 0.5, "more": 7}\n3 files removed', 0.5),
        ("speed-up x2: 1.5 s, score -3e-2", -0.03),
        ("v2 accuracy=.25", 0.25),
        ("12", 12.0),
        (json.dumps({"score": 0.93, "seconds": 12.5}, indent=2), 0.93),
        (
            "case 1 of 2\n" + json.dumps({"n": {"cases": 2}, "score": 1}, indent=2) + "\n3 files {removed}",
            1.0,
        ),
        ('{"score": 0.5}\n{"score": 0.25, "folds": [{"score": 0.75}]}', 0.25),
        ('result: {"score": 0.5, "cases": 7}', 0.5),
        ('{"accuracy": 0.25}', 0.25),
    ],
)
def test_the_score_is_the_json_s_or_the_last_number(text: str, score: float) -> None:
    assert score_in(text) == score


@pytest.mark.parametrize("text", ["", "no score", '{"score": NaN}', '{"score": Infinity}'])
def test_no_finite_number_is_a_named_error(text: str) -> None:
    with pytest.raises(GraderError):
        score_in(text)


@pytest.mark.parametrize(
    ("score", "name"),
    [
        ("null", "NoScore"),
        ('"0.93"', "NoScore"),
        ("true", "NoScore"),
        ("[0.93]", "NoScore"),
        ("NaN", "NotFinite"),
        ("1" + "0" * 400, "NotFinite"),
    ],
)
def test_an_answer_whose_score_is_no_number_is_never_scored_by_another(score: str, name: str) -> None:
    for layout in (
        f'{{"score": {score}, "seconds": 30}}',
        f'12\n{{\n  "score": {score},\n  "seconds": 30\n}}',
    ):
        with pytest.raises(GraderError, match=r"as the score|is not a number") as caught:
            score_in(layout)
        assert caught.value.error.type == name
