"""Refusing scripts before they run."""

from __future__ import annotations

from pathlib import Path

import pytest

from aide_local.home import Home
from aide_local.llm.scripted import ScriptedModel
from aide_local.run.assemble import start
from aide_local.run.precheck import ast_hash, modules_of, screen
from aide_local.task import Task
from aide_local.tasks.load import load_task
from aide_local.types import RunSettings
from tests.runs import SCRIPT, make_csvs, nodes_of, reply_with

MODULES = frozenset({"json", "pandas", "sklearn"})


def test_layout_comments_and_docstrings_do_not_make_a_script_new() -> None:
    assert ast_hash("import json\nx = 1\n") == ast_hash('"""Doc."""\nimport json  # why\n\n\nx = (1)\n')
    assert ast_hash("x = 1\n") != ast_hash("x = 2\n")


def test_a_script_that_does_not_parse_is_refused_with_its_line() -> None:
    _, error = screen("x = 1\ny = (\n", MODULES, {})
    assert error is not None
    assert (error.kind, error.type, error.line) == ("syntax", "SyntaxError", 2)


def test_a_null_byte_is_a_syntax_error_and_not_a_crash() -> None:
    _, error = screen("x = 1\0", MODULES, {})
    assert error is not None
    assert error.kind == "syntax"


def test_an_import_that_is_not_installed_is_refused() -> None:
    _, error = screen("import json\nfrom lightgbm.sklearn import LGBMClassifier\n", MODULES, {})
    assert error is not None
    assert (error.kind, error.line) == ("import", 2)
    assert "lightgbm" in error.message


def test_an_import_guarded_by_try_is_let_through() -> None:
    code = "try:\n    import lightgbm\nexcept ImportError:\n    lightgbm = None\n"
    assert screen(code, MODULES, {})[1] is None


@pytest.mark.parametrize("code", ["import kernel\n", "from package.part import run\n", "import fast\n"])
def test_modules_that_the_task_shows_are_known(tmp_path: Path, code: str) -> None:
    (tmp_path / "package").mkdir()
    extra = tuple(
        tmp_path / name
        for name in ("kernel.py", "package", "fast.cpython-312-x86_64-linux-gnu.so", "lgbm.csv")
    )
    task = Task(name="faster", root=tmp_path, extra=extra)
    assert screen(code, MODULES, {})[1] is not None
    assert screen(code, MODULES | modules_of(task), {})[1] is None
    assert "lgbm" not in modules_of(task)


@pytest.mark.parametrize(
    "code",
    [
        "import __main__\n",
        "from input import kernel\n",
        "import sys\nsys.path.insert(0, 'working')\nimport written_before\n",
        "import sys\nsys.path += ['working']\nimport written_before\n",
        "from sys import path\npath.append('working')\nimport written_before\n",
        "import site\nsite.addsitedir('working')\nimport written_before\n",
    ],
)
def test_what_a_script_may_find_on_its_path_is_let_through(code: str) -> None:
    assert screen(code, MODULES | {"sys", "site"}, {})[1] is None


def test_a_run_executes_a_script_that_imports_what_its_task_shows(tmp_path: Path) -> None:
    folder = make_csvs(tmp_path / "task")
    (folder / "kernel.py").write_text("SLOPE = 3\n")
    (folder / "task.toml").write_text('extra = ["kernel.py"]\n')
    path = "import os\nhere = os.getcwd()\nos.chdir('input')\nimport kernel\nos.chdir(here)\n"
    script = reply_with(path + SCRIPT.format(slope="kernel.SLOPE"))
    (node,) = nodes_of(
        start(
            load_task(folder),
            RunSettings.paper(steps=1, seed=1, folds=2, sandbox="limits", timeout=60.0),
            home=Home(tmp_path / "home"),
            make_model=lambda settings: ScriptedModel([script]),
        ).events()
    )
    assert node.error is None
    assert node.metric is not None


def test_a_repeated_script_is_refused_naming_the_earlier_node() -> None:
    digest, error = screen("x = 1", MODULES, {ast_hash("x = 1  # again"): 7})
    assert error is not None
    assert error.kind == "repeat"
    assert "node 7" in error.message
    assert digest
