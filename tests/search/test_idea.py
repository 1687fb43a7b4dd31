"""What a node is called in lists."""

from __future__ import annotations

import pytest

from aide_local.search.digest import PLAN_WIDTH, idea


@pytest.mark.parametrize(
    ("plan", "shown"),
    [
        ("regression rmsle, 2688 rows, 3 numeric: xgboost depth 4, dates.", "xgboost depth 4, dates."),
        ("add dates. regression rmsle: xgboost depth 4.", "add dates."),
        ("Encode the target: out of fold. Then bag.", "Encode the target: out of fold."),
        (": odd", ": odd"),
        ("", ""),
    ],
)
def test_an_idea_is_shown_without_the_task_said_again(plan: str, shown: str) -> None:
    assert idea(plan) == shown


def test_a_long_idea_is_cut_after_the_task_is_left_out() -> None:
    shown = idea("binary auc, 5 rows: " + "word " * 100)
    assert shown.startswith("word")
    assert len(shown) == PLAN_WIDTH
