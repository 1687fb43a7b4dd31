"""Reports beside the page: Markdown, the notebook, and the command that writes them."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
from dataclasses import replace
from importlib import resources
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from aide_local.cli.main import app
from aide_local.errors import SettingsError
from aide_local.home import Home
from aide_local.report.markdown import escape, fence_code, markdown
from aide_local.report.notebook import notebook, split
from aide_local.report.scores import summary_of
from aide_local.search.tree import Tree
from aide_local.store.record import RunRecord
from aide_local.task import Mode
from aide_local.types import Summary
from tests.factories import churn_task, valid
from tests.runs import SCRIPT


def cells(record: RunRecord) -> list[dict[str, Any]]:
    content = json.loads(notebook(record))
    found: list[dict[str, Any]] = content["cells"]
    return found


# ---- Markdown ----


def test_the_markdown_report_says_the_same_as_the_delivered_one(record: RunRecord) -> None:
    assert record.view.info.folder is not None
    delivered = (record.view.info.folder / "deliverables" / "report.md").read_text("utf-8")
    assert markdown(record.view.task, record.view.tree, summary_of(record)) == delivered
    assert "**UNCONFINED**" in delivered


def test_what_a_model_wrote_is_neither_image_nor_markup_in_markdown(record: RunRecord) -> None:
    text = markdown(record.view.task, record.view.tree, summary_of(record))
    outside = re.sub(r"^(`{3,})\w*\n.*?^\1$", "", text, flags=re.S | re.M)
    assert not re.search(r"(?<!\\)!\[|(?<!\\)<img|(?<!\\)<script", outside)


@given(st.text())
def test_a_fence_is_longer_than_any_within(text: str) -> None:
    first, *_, last = fence_code(text + "\n````\n```").splitlines()
    assert len(first) >= 5
    assert first == last


def test_escaped_text_is_one_line_with_its_words() -> None:
    assert escape("a\n# b *c* <d>") == r"a \# b \*c\* \<d\>"


def test_a_run_without_an_end_is_reported_too(record: RunRecord) -> None:
    view = replace(record.view, summary=None, info=replace(record.view.info, state="running", stop_reason=""))
    text = markdown(view.task, view.tree, summary_of(replace(record, view=view)))
    assert "has not ended yet" in text
    assert "Nothing has been delivered yet" in text


def test_a_task_without_folds_claims_neither_folds_nor_a_submission() -> None:
    task = replace(churn_task(), mode=Mode.COMMAND)
    tree = Tree.of([valid(0, 0.7)], task.direction)
    summary = Summary(
        run_id="r", task="t", metric="auc", direction="maximize", model="m", stop_reason="all steps done",
        sandbox="strict", best_node=0, best_score=0.7, ensemble={"0": 1.0}, wall_seconds=3.0,
    )  # fmt: skip
    text = markdown(task, tree, summary)
    assert "by the task's grader" in text
    assert "out-of-fold" not in text
    assert "submission.csv" not in text
    without_test = markdown(replace(task, mode=Mode.FOLDS, test=None), tree, summary)
    assert "no test rows" in without_test


# ---- the notebook ----


def test_the_notebook_is_valid_by_the_format_of_version_4_5(record: RunRecord) -> None:
    content = json.loads(notebook(record))
    assert set(content) == {"cells", "metadata", "nbformat", "nbformat_minor"}
    assert (content["nbformat"], content["nbformat_minor"]) == (4, 5)
    assert content["metadata"]["kernelspec"].keys() >= {"name", "display_name"}
    names = [cell["id"] for cell in content["cells"]]
    assert len(set(names)) == len(names)
    for cell in content["cells"]:
        assert re.fullmatch(r"[a-zA-Z0-9_-]{1,64}", cell["id"])
        wanted = {"id", "cell_type", "metadata", "source"}
        if cell["cell_type"] == "code":
            wanted |= {"execution_count", "outputs"}
            assert cell["execution_count"] is None
            assert cell["outputs"] == []
        else:
            assert cell["cell_type"] == "markdown"
        assert set(cell) == wanted
        assert all(isinstance(line, str) for line in cell["source"])


def test_the_notebook_shows_the_lineage_from_the_root(record: RunRecord) -> None:
    tree = record.view.tree
    assert tree.best is not None
    told = ["".join(cell["source"]) for cell in cells(record) if cell["cell_type"] == "markdown"]
    path = [int(found[1]) for text in told if (found := re.match(r"### \\#(\d+) ", text))]
    assert path == [node.id for node in tree.lineage(tree.best.id)][::-1]
    assert not any(re.search(r"(?<!\\)!\[|(?<!\\)<", text) for text in told)


def test_the_notebook_runs_beside_input_and_predicts(record: RunRecord, tmp_path: Path) -> None:
    assert record.view.info.folder is not None
    (tmp_path / "input").symlink_to(record.view.info.folder / "folds" / "0" / "input")
    code = "\n".join("".join(cell["source"]) for cell in cells(record) if cell["cell_type"] == "code")
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=True, timeout=120, capture_output=True)
    assert (tmp_path / "working" / "submission.csv").read_text().startswith("id,y")


def test_a_script_is_split_between_statements_and_loses_nothing() -> None:
    code = 'import json\nimport os\n\ntext = """a\n\nb"""\n\n\n@staticmethod\ndef f(x):\n\n    return x\n\n\n'
    code += "print(f(text))\n# end\n"
    parts = split(code)
    assert parts[0] == "import json\nimport os"
    assert len(parts) == 4
    assert all(ast.parse(part) for part in parts)
    assert ast.dump(ast.parse("\n".join(parts))) == ast.dump(ast.parse(code))


@pytest.mark.parametrize(
    "code", ["def broken(:\n", "", "x = 1\n\x0c\ny = 2\n", "x = 1\r\n\r\ny = 2\r\n", "a = 1; b = 2"]
)
def test_any_script_becomes_cells_that_do_the_same(code: str) -> None:
    assert "".join("".join(split(code)).split()) == "".join(code.split())


def test_long_scripts_become_several_cells() -> None:
    assert len(split(SCRIPT.format(slope=1))) >= 2


def test_a_run_without_a_valid_node_has_no_notebook(record: RunRecord) -> None:
    empty = replace(record, view=replace(record.view, tree=Tree.of([], record.view.task.direction)))
    with pytest.raises(SettingsError, match="no valid node"):
        notebook(empty)


# ---- the command ----


def test_the_command_writes_each_form_to_the_named_file(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    command = ["--home", str(home.root), "report"]
    for name, begin in (("r.html", "<!doctype html>"), ("r.md", "# task"), ("r.ipynb", "{")):
        done = CliRunner().invoke(app, [*command, "latest", "--out", name])
        assert done.exit_code == 0, done.output
        assert (tmp_path / name).read_text("utf-8").startswith(begin)
    assert CliRunner().invoke(app, command).exit_code == 0
    assert [path.suffix for path in tmp_path.glob("*-task-*")] == [".html"]
    shown = CliRunner().invoke(app, [*command, "latest", "--format", "markdown", "--out", "-"])
    assert shown.stdout.startswith("# task")


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["--format", "pdf"], "'pdf'"),
        (["--format", "html", "--notebook"], "Leave out"),
        (["--out", "no/such/folder/x.html"], "no/such/folder"),
    ],
)
def test_what_the_command_cannot_do_is_reported(home: Home, arguments: list[str], word: str) -> None:
    done = CliRunner().invoke(app, ["--home", str(home.root), "report", "latest", *arguments])
    assert isinstance(done.exception, SettingsError)
    assert word in str(done.exception)


def test_the_templates_travel_with_the_package() -> None:
    shipped = [path.name for path in (resources.files("aide_local") / "report" / "templates").iterdir()]
    assert {"page.html.j2", "page.css", "text.js", "tree.js", "node.js", "course.js", "begin.js"} <= set(
        shipped
    )
