"""Templates and what they say: a person's own go before ours, and each task is told what it needs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from aide_local.errors import SettingsError
from aide_local.prompts.build import Request, Templates, error_text, system_message, user_message
from aide_local.task import Kind, Mode, Predict, Task
from aide_local.types import NodeError, Operator
from tests.factories import buggy, churn_task, valid

NEW = "python 3.12, numpy 2.4, pandas 3.1, scikit-learn 1.9, xgboost 3.2"
OLD = "python 3.11, numpy 1.26, pandas 2.2"


def system(task: Task, packages: str = NEW, profile: str = "standard") -> str:
    return system_message(Templates(profile), task, packages, "60 s").content


def user(request: Request, templates: Templates | None = None) -> str:
    return user_message(templates or Templates("standard"), churn_task(), request).content


def test_a_template_of_the_person_s_goes_before_ours_file_by_file(tmp_path: Path) -> None:
    (tmp_path / "standard").mkdir()
    (tmp_path / "standard" / "draft.md.j2").write_text("Mine for {{ task.name }}: {{ digest }}")
    templates = Templates("standard", tmp_path)
    assert user(Request(Operator.DRAFT, ("#0 draft",)), templates) == "Mine for churn: #0 draft"
    assert "exactly one atomic change" in user(Request.of(Operator.IMPROVE, [], valid(0, 0.5)), templates)


@pytest.mark.parametrize(
    ("content", "words"), [("{% if %}", "line 1"), ("{{ no_such_name }}", "no_such_name")]
)
def test_a_template_that_does_not_work_is_named_with_its_mend(
    tmp_path: Path, content: str, words: str
) -> None:
    (tmp_path / "standard").mkdir()
    (tmp_path / "standard" / "draft.md.j2").write_text(content)
    with pytest.raises(SettingsError, match=r"standard/draft\.md\.j2") as told:
        user(Request(Operator.DRAFT), Templates("standard", tmp_path))
    assert words in told.value.message
    assert "delete the file" in told.value.fix


def test_an_unknown_profile_names_the_known_ones() -> None:
    with pytest.raises(SettingsError, match="standard, starter"):
        Templates("other")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, "Predict the probability of the class `yes`"),
        ({"predict": Predict.LABEL, "metric": "accuracy"}, "Predict classes, spelled as in train.csv"),
        ({"kind": Kind.MULTICLASS, "outputs": ("a", "b", "c")}, "each row sums to 1"),
        ({"kind": Kind.MULTILABEL, "classes": ()}, "for each label column"),
        ({"outputs": ("a", "b")}, 'submission[task["outputs"]] = predictions  # (rows of test.csv, 2)'),
        ({"mode": Mode.COMMAND}, "a grader of the task scores what it left"),
        ({"mode": Mode.REPORTED}, "validation auc: <number>"),
    ],
)
def test_the_static_part_says_what_is_to_be_predicted(changes: dict[str, object], words: str) -> None:
    assert words in system(replace(churn_task(), **changes))  # type: ignore[arg-type]


def test_what_changed_in_libraries_is_told_where_they_are_the_new_ones() -> None:
    for words in ("pandas 3 is not pandas 2", "sparse_output=False", "arguments of the constructor"):
        assert words in system(churn_task(), NEW)
        assert words not in system(churn_task(), OLD)


def test_the_error_comes_with_its_line_s_source_and_without_places_of_this_machine() -> None:
    code = "import json\nx = json.loads(1)\n"
    node = buggy(3, code=code, error=NodeError("exception", "TypeError", "no text (/home/me/lib/json.py)", 2))
    assert error_text(node) == "TypeError: no text (line 2)\nline 2: x = json.loads(1)"


def test_the_first_draft_is_not_told_to_differ_from_nothing() -> None:
    assert "differs" not in user(Request(Operator.DRAFT))
    assert "differs" in user(Request(Operator.DRAFT, ("#0 draft: 0.5 plan",)))


@pytest.mark.parametrize("operator", [one for one in Operator if one not in (Operator.HUMAN, Operator.TUNE)])
def test_a_hint_of_the_person_s_is_in_every_operator_s_prompt(operator: Operator) -> None:
    request = Request.of(operator, [], buggy(0), valid(1, 0.5), hint="try  the\nlogs")
    assert "try the logs" in user(request)
