"""Golden prompts: what a prompt says is pinned, word by word; how the code that says it is written is not."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

import pytest

from aide_local.prompts import build, golden, overview
from aide_local.prompts.build import PROFILES
from aide_local.search import digest
from aide_local.task import Kind, SplitKind
from aide_local.types import Operator

GOLDEN = Path(__file__).parent / "golden"


@pytest.mark.parametrize("profile", PROFILES)
def test_every_prompt_says_what_it_said(profile: str) -> None:
    """To accept a change: python -m tests.prompts.test_golden; the starter is then trained again."""
    assert golden.rendered(profile) == (GOLDEN / f"{profile}.txt").read_text("utf-8")


def test_the_moments_cover_every_operator_kind_and_split() -> None:
    found = list(golden.moments())
    assert {one.request.operator for one in found} == set(Operator) - {Operator.TUNE}  # which asks no model
    assert {one.task.kind for one in found} == set(Kind)
    assert {one.task.split.kind for one in found} == set(SplitKind)
    assert {bool(one.request.hint) for one in found} == {True, False}
    assert len({one.name for one in found}) == len(found)


def test_moving_and_renaming_code_leaves_the_fingerprint(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same functions under other names, in another module, with other private parts."""
    before = golden.fingerprint("starter")
    monkeypatch.setattr(digest, "shortened", digest.first_sentence, raising=False)
    monkeypatch.setattr(digest, "first_sentence", lambda plan: digest.shortened(plan))  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "aide_local.prompts.columns", overview)
    moved = importlib.import_module("aide_local.prompts.columns")
    monkeypatch.setattr(build, "describe_columns", lambda task, most: moved.describe_columns(task, most))
    assert golden.fingerprint("starter") == before


@pytest.mark.parametrize(
    ("module", "name", "other"),
    [
        (digest, "format_metric", lambda value: f"{value:.3g}" if value is not None else "none"),
        (digest, "PLAN_WIDTH", 20),
        (build, "error_text", lambda node: "it failed"),
    ],
)
def test_a_changed_word_changes_the_fingerprint(
    monkeypatch: pytest.MonkeyPatch, module: object, name: str, other: object
) -> None:
    before = golden.fingerprint("starter")
    monkeypatch.setattr(module, name, other)
    assert golden.fingerprint("starter") != before


def test_a_changed_template_changes_the_fingerprint(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    before = golden.fingerprint("starter")
    (tmp_path / "starter").mkdir()
    (tmp_path / "starter" / "reask.md.j2").write_text("Answer with a plan, then the script.")
    monkeypatch.setattr(golden, "Templates", lambda profile: build.Templates(profile, tmp_path))
    assert golden.fingerprint("starter") != before


if __name__ == "__main__":
    for each in PROFILES:
        (GOLDEN / f"{each}.txt").write_text(golden.rendered(each), "utf-8")
