"""The examination of plans: the corpus' own answers pass it, and what differs from them in one thing does not."""

from __future__ import annotations

from dataclasses import replace

import pytest

from aide_local.llm.scripted import ScriptedModel
from aide_local.run.precheck import ast_hash
from aide_local.sandbox.interpreter import probe
from aide_local.task import Direction
from aide_local.types import Operator
from models.training.corpus.cases import Case
from models.training.examination.answer import Answer, better
from models.training.examination.examiner import Examiner
from models.training.examination.plans import judge_plan
from tests.training.test_corpus import targets


def judge_answer(case: Case, plan: str, code: str) -> Answer:
    answer = Answer(case.operator.value, "", "", "", hash=ast_hash(code))
    judge_plan(answer, case, plan)
    return answer


@pytest.fixture(scope="module")
def moments() -> list[Case]:
    return list(targets(11, 150))


def test_the_corpus_own_answers_hold_suit_and_match(moments: list[Case]) -> None:
    for case in moments:
        answer = judge_answer(case, case.plan, case.code)
        assert answer.plan_holds, case.plan
        assert answer.plan_suits, case.plan
        assert answer.plan_matches, case.plan
    assert {case.operator for case in moments} == {Operator.DRAFT, Operator.IMPROVE, Operator.MERGE}


def test_a_plan_that_announces_something_else_does_not_hold(moments: list[Case]) -> None:
    for case in moments:
        announced, _, rest = case.plan.partition(". ")
        if case.operator is not Operator.IMPROVE:
            continue
        other = "add magic" if announced != "drop pca" else "drop text"
        assert not judge_answer(case, f"{other}. {rest}", case.code).plan_holds
        assert not judge_answer(case, announced, case.code).plan_holds  # names no recipe


def test_a_script_that_is_the_parents_does_not_match(moments: list[Case]) -> None:
    for case in moments:
        if case.parent is not None:
            answer = judge_answer(case, case.plan, case.parent.code)
            assert (answer.plan_holds, answer.plan_matches) == (True, False)


def test_an_improvement_gains_if_it_scores_better_than_its_parent(moments: list[Case]) -> None:
    examiner = Examiner(ScriptedModel([]), frozenset(probe().modules))
    seen = set()
    for number, case in enumerate(one for one in moments[:40] if one.operator is Operator.IMPROVE):
        assert case.parent is not None
        answer, same = (Answer("improve", "", "", "") for _ in range(2))
        examiner.judge(answer, case, case.code, number)
        examiner.judge(same, case, case.parent.code, number)
        assert answer.gains == answer.own_gains == better(case.history.task, answer.score, same.score)
        assert not same.gains
        seen.add(answer.gains)
    assert seen == {True, False}


@pytest.mark.parametrize(
    ("direction", "one", "other", "says"),
    [
        (Direction.MAXIMIZE, 0.9, 0.8, True),
        (Direction.MAXIMIZE, 0.8, 0.8, False),
        (Direction.MINIMIZE, 0.9, 0.8, False),
        (Direction.MINIMIZE, 0.7, 0.8, True),
        (Direction.MINIMIZE, 0.7, None, True),
        (Direction.MAXIMIZE, None, 0.8, False),
        (Direction.MAXIMIZE, None, None, False),
    ],
)
def test_better(
    moments: list[Case], direction: Direction, one: float | None, other: float | None, says: bool
) -> None:
    assert better(replace(moments[0].history.task, direction=direction), one, other) is says


def test_a_recipe_without_a_parameter_matches_nothing(moments: list[Case]) -> None:
    case = next(one for one in moments if one.operator is Operator.DRAFT)
    case = replace(case, plan="regression rmse: ridge with scaled.")
    assert not judge_answer(case, case.plan, case.code).plan_matches
