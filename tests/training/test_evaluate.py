"""The examination of plans: the corpus' own answers pass it, and what differs from them in one thing does not."""

from __future__ import annotations

from dataclasses import replace

import pytest

from aide_local.screen import ast_hash
from aide_local.types import Operator
from models.training.corpus.cases import Case
from models.training.evaluate import Answer, judge_plan
from tests.training.test_corpus import targets


def judged(case: Case, plan: str, code: str) -> Answer:
    answer = Answer(case.operator.value, "", "", "", hash=ast_hash(code))
    judge_plan(answer, case, plan)
    return answer


@pytest.fixture(scope="module")
def moments() -> list[Case]:
    return list(targets(11, 150))


def test_the_corpus_own_answers_hold_suit_and_match(moments: list[Case]) -> None:
    for case in moments:
        answer = judged(case, case.plan, case.code)
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
        assert not judged(case, f"{other}. {rest}", case.code).plan_holds
        assert not judged(case, announced, case.code).plan_holds  # names no recipe


def test_a_script_that_is_the_parents_does_not_match(moments: list[Case]) -> None:
    for case in moments:
        if case.parent is not None:
            answer = judged(case, case.plan, case.parent.code)
            assert (answer.plan_holds, answer.plan_matches) == (True, False)


def test_a_recipe_without_a_parameter_matches_nothing(moments: list[Case]) -> None:
    case = next(one for one in moments if one.operator is Operator.DRAFT)
    case = replace(case, plan="regression rmse: ridge with scaled.")
    assert not judged(case, case.plan, case.code).plan_matches
