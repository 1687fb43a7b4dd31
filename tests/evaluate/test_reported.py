"""The paper's own way: the script prints its validation score, the model reviews it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from aide_local.evaluate.assemble import open_evaluator
from aide_local.evaluate.protocol import Evaluation
from aide_local.evaluate.reported import Review, Reviewer, occurs, printed_score, read_review, review_text
from aide_local.task import Direction, Mode
from tests.evaluate.making import SETTINGS, PlainSandbox, make_task


def evaluate(tmp_path: Path, code: str, review: Reviewer | None = None) -> Evaluation:
    task = replace(
        make_task(tmp_path / "task"), mode=Mode.REPORTED, metric="rmse", direction=Direction.MINIMIZE
    )
    opened = open_evaluator(task, SETTINGS, PlainSandbox(), tmp_path / "run", review=review)
    return opened.evaluator.evaluate(0, code)


def saying(is_bug: bool, metric: float | None, summary: str = "") -> Reviewer:
    return lambda node, code, output: Review(is_bug, metric, summary)


def test_the_line_of_the_contract_gives_the_score_without_a_model(tmp_path: Path) -> None:
    found = evaluate(tmp_path, "print('validation rmse: 9'); print('Validation RMSE: 0.25')")
    assert (found.metric, found.complete, found.error) == (0.25, True, None)


def test_without_any_score_the_node_is_buggy_and_told_the_line(tmp_path: Path) -> None:
    found = evaluate(tmp_path, "print('all well')")
    assert found.error is not None
    assert found.error.type == "NoScore"
    assert "validation rmse: <number>" in found.error.message


def test_the_model_may_find_the_number_in_other_words(tmp_path: Path) -> None:
    assert evaluate(tmp_path, "print('RMSE on held-out rows is 0.31')", saying(False, 0.31)).metric == 0.31


def test_a_number_that_was_never_printed_is_not_believed(tmp_path: Path) -> None:
    found = evaluate(tmp_path, "print('RMSE on held-out rows is 0.31')", saying(False, 0.01))
    assert found.error is not None
    assert found.error.type == "NoScore"


def test_the_contract_s_line_is_taken_before_the_model_s_number(tmp_path: Path) -> None:
    code = "print('fold 0.5'); print('validation rmse: 0.31')"
    assert evaluate(tmp_path, code, saying(False, 0.5)).metric == 0.31


def test_a_bug_that_the_model_sees_makes_the_node_buggy(tmp_path: Path) -> None:
    found = evaluate(tmp_path, "print('validation rmse: 0.0')", saying(True, 0.0, "It scores training rows."))
    assert found.error is not None
    assert found.error.message == "It scores training rows."


def test_the_model_sees_script_and_output(tmp_path: Path) -> None:
    seen: list[tuple[str, str]] = []

    def review(node: int, code: str, output: str) -> Review:
        seen.append((code, output))
        return Review(False, None, "")

    evaluate(tmp_path, "print('validation rmse: 0.25')  # mine", review)
    ((code, output),) = seen
    text = review_text(make_task(tmp_path / "other"), code, output)
    assert "# mine" in text
    assert "validation rmse: 0.25" in text


def test_without_a_review_of_the_model_s_the_printed_line_decides(tmp_path: Path) -> None:
    found = evaluate(tmp_path / "a", "print('validation rmse: 0.25')", lambda node, code, output: None)
    assert (found.metric, found.error) == (0.25, None)
    found = evaluate(tmp_path / "b", "print('about 0.25')", lambda node, code, output: None)
    assert found.error is not None
    assert found.error.type == "NoScore"


def test_the_script_sees_the_files_as_the_person_has_them(tmp_path: Path) -> None:
    code = "import os; print(sorted(os.listdir('input'))); print('validation rmse: 1')"
    assert "['task.json', 'test.csv', 'train.csv']" in evaluate(tmp_path, code).output


@pytest.mark.parametrize("text", ["nan", "inf"])
def test_a_score_that_is_not_finite_makes_the_node_buggy(tmp_path: Path, text: str) -> None:
    found = evaluate(tmp_path, f"print('validation rmse: {text}')")
    assert found.error is not None
    assert found.error.type == "NotFinite"


def test_only_a_line_of_its_own_counts() -> None:
    assert printed_score("the validation rmse: 3 was bad", "rmse") is None
    assert printed_score("  validation rmse = -1.5e-3 \nbye", "rmse") == -0.0015


def test_a_number_occurs_if_it_was_printed_to_three_digits() -> None:
    assert occurs(0.8127, "score 0.81273")
    assert not occurs(0.18727, "score 0.81273")
    assert not occurs(-0.8127, "score 0.81273")


def test_a_reply_under_the_grammar_is_a_review() -> None:
    assert read_review('{"is_bug": false, "metric": 1, "summary": "fine"}') == Review(False, 1.0, "fine")
    assert read_review('{"is_bug": true, "metric": null, "summary": ""}') == Review(True, None, "")


@pytest.mark.parametrize("reply", ["", "[]", '{"metric": 1}', '{"is_bug": "no"}'])
def test_any_other_reply_is_refused(reply: str) -> None:
    with pytest.raises(ValueError):
        read_review(reply)
