"""Headers, offers, and a person's own folder."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from aide_local.errors import SettingsError
from aide_local.playbook.library import BUNDLED, Playbook, read_script
from aide_local.task import Column, ColumnKind, Kind, Mode, Predict, SplitKind, SplitRule, Task

ALL = frozenset({"numpy", "pandas", "sklearn", "xgboost", "lightgbm", "catboost"})

TASK = Task(
    name="homes",
    root=Path(),
    kind=Kind.BINARY,
    targets=("sold",),
    classes=("no", "yes"),
    predict=Predict.PROBABILITY,
    metric="auc",
    columns=(Column("size", ColumnKind.NUMERIC, missing=0.1), Column("city", ColumnKind.CATEGORICAL)),
    n_train=1000,
)


def write(folder: Path, name: str, header: str, body: str = "import numpy as np\n") -> Path:
    path = folder / f"{name}.py"
    path.write_text(f'"""Try it.\n\n{header}\n"""\n{body}', encoding="utf-8")
    return path


def names(playbook: Playbook, task: Task = TASK, modules: frozenset[str] = ALL) -> list[str]:
    return [script.name for script in playbook.offers(task, modules)]


def test_a_header_says_plan_family_worth_and_when_the_script_fits(tmp_path: Path) -> None:
    header = "family: linear\nworth: 70\nfits: kind binary; rows 50..2000\nplan: logistic with one-hot."
    script = read_script(write(tmp_path, "mine", header))
    assert (script.name, script.plan, script.family, script.worth) == (
        "mine",
        "logistic with one-hot",
        "linear",
        70,
    )
    assert script.fits(TASK)
    assert not script.fits(replace(TASK, n_train=2001))
    assert not script.fits(replace(TASK, kind=Kind.REGRESSION))


def test_a_plan_alone_is_a_header(tmp_path: Path) -> None:
    script = read_script(write(tmp_path, "mine", "plan: my own idea"))
    assert (script.family, script.worth, script.conditions) == ("mine", 50, ())


def test_the_plan_of_a_node_names_kind_and_metric_as_the_plans_of_the_starter_do(tmp_path: Path) -> None:
    script = read_script(write(tmp_path, "mine", "plan: ridge alpha 1 with one-hot"))
    assert script.plan_for(TASK) == "binary auc: ridge alpha 1 with one-hot."


def test_what_a_script_needs_is_read_from_its_imports(tmp_path: Path) -> None:
    body = "import json, os.path\nfrom sklearn.svm import SVC\ndef f():\n    import torch.nn\n"
    assert read_script(write(tmp_path, "mine", "plan: x", body)).needs == {"sklearn", "torch"}


@pytest.mark.parametrize(
    ("fits", "task", "expected"),
    [
        ("any", TASK, True),
        ("", TASK, True),
        ("predict label", TASK, False),
        ("metric auc gini", TASK, True),
        ("metric rmse", TASK, False),
        ("rows ..999", TASK, False),
        ("rows 1000..", TASK, True),
        ("columns 2; targets 1", TASK, True),
        ("classes 3..", TASK, False),
        ("has categories missing; no text", TASK, True),
        ("has text", TASK, False),
        ("has group/time", TASK, False),
        ("has group/time", replace(TASK, split=SplitRule(SplitKind.TIME, "when")), True),
        ("no group/time", replace(TASK, split=SplitRule(SplitKind.GROUP, "who")), False),
        ("has categories", replace(TASK, columns=(replace(TASK.columns[1], in_test=False),)), False),
    ],
)
def test_a_script_fits_when_every_clause_holds(tmp_path: Path, fits: str, task: Task, expected: bool) -> None:
    assert read_script(write(tmp_path, "mine", f"fits: {fits}\nplan: x")).fits(task) is expected


@pytest.mark.parametrize(
    ("header", "told"),
    [
        ("family: linear", "no plan"),
        ("plan:", "no plan"),
        ("plan: x\ncost: 3", "'cost'"),
        ("plan: x\nworth: much", "'much'"),
        ("plan: x\nworth: 101", "'101'"),
        ("plan: x\nfits: rows many", "`rows many`"),
        ("plan: x\nfits: rows ..", "`rows ..`"),
        ("plan: x\nfits: kind ranking", "`kind ranking`"),
        ("plan: x\nfits: has images", "`has images`"),
        ("plan: x\nfits: has", "`has`"),
        ("plan: x\nfits: when it rains", "`when it rains`"),
    ],
)
def test_a_header_that_is_not_understood_is_named_with_its_file(
    tmp_path: Path, header: str, told: str
) -> None:
    with pytest.raises(SettingsError) as error:
        read_script(write(tmp_path, "mine", header))
    assert told in error.value.message
    assert "mine.py" in error.value.message
    assert error.value.fix


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"def f(:\n", "line 1"),
        (b"x = 1\x00", "mine.py"),
        (b"# \xff\n", "cannot be read"),
        (b"x = 1\n", "no plan"),
    ],
)
def test_a_file_that_is_no_script_is_named(tmp_path: Path, content: bytes, told: str) -> None:
    path = tmp_path / "mine.py"
    path.write_bytes(content)
    with pytest.raises(SettingsError, match=r"mine\.py") as error:
        read_script(path)
    assert told in error.value.message


def test_the_three_boosters_come_first_and_then_other_families() -> None:
    offered = Playbook.load().offers(TASK, ALL)
    assert {script.family for script in offered[:3]} == {"catboost", "lightgbm", "xgboost"}
    families = [script.family for script in offered]
    firsts = len(set(families))
    assert len(set(families[:firsts])) == firsts, "no family has its second before every other has its first"


def test_a_dozen_scripts_are_bundled_and_each_has_a_plan_of_its_own() -> None:
    scripts = Playbook.load().scripts
    assert len(scripts) >= 12
    assert len({script.plan for script in scripts}) == len(scripts)


def test_a_script_that_needs_a_module_which_the_interpreter_lacks_is_not_offered() -> None:
    offered = Playbook.load().offers(TASK, ALL - {"catboost", "lightgbm"})
    assert offered
    assert not any({"catboost", "lightgbm"} & script.needs for script in offered)


def test_a_task_without_folds_is_offered_nothing() -> None:
    assert Playbook.load().offers(replace(TASK, mode=Mode.COMMAND), ALL) == ()


def test_a_folder_replaces_scripts_of_the_same_name_and_adds_others(tmp_path: Path) -> None:
    bundled = Playbook.load()
    name = bundled.scripts[0].name
    write(tmp_path, name, "plan: in its place")
    write(tmp_path, "zz_mine", "worth: 100\nplan: beside the others")
    found = {script.name: script for script in Playbook.load(tmp_path).scripts}
    assert set(found) == {*(script.name for script in bundled.scripts), "zz_mine"}
    assert found[name].plan == "in its place"
    assert names(Playbook.load(str(tmp_path)))[0] == "zz_mine"


def test_off_offers_nothing() -> None:
    assert names(Playbook.load("off")) == []


def test_a_playbook_that_is_no_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="nowhere"):
        Playbook.load(tmp_path / "nowhere")


def test_an_empty_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"no file that ends in \.py"):
        Playbook.load(tmp_path)


def test_what_the_scripts_share_is_the_same_in_all_of_them() -> None:
    """A step that has the same title in two scripts has the same lines, so that who knows one knows all."""
    steps: dict[str, set[str]] = {}
    for path in BUNDLED.glob("*.py"):
        text = path.read_text(encoding="utf-8")
        for step in text.split("\n# ")[1:]:
            title, _, lines = step.partition("\n")
            if title.startswith(
                ("read:", "target:", "features:", "parts to hold out:", "bagged:", "threshold:", "write")
            ):
                steps.setdefault(title, set()).add(lines.split("\n\n\n")[0].strip())
    assert len(steps) >= 7
    assert all(len(versions) == 1 for versions in steps.values()), {
        title for title, versions in steps.items() if len(versions) > 1
    }
