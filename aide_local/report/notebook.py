"""Write the best script of a run as a Jupyter notebook (nbformat 4.5): its lineage, then the script in cells.

It runs beside the ``input/`` folder of the task, as the script does. A viewer fetches nothing for it: text of the
model is escaped, and there are no outputs.
"""

from __future__ import annotations

import ast
import json
from itertools import pairwise
from typing import Any

from aide_local.errors import SettingsError
from aide_local.report.markdown import escape
from aide_local.report.scores import better, scores, summary_of
from aide_local.search.digest import format_metric
from aide_local.search.tree import Tree
from aide_local.store.record import RunRecord
from aide_local.types import Node

_LONGEST = 12  # lines of a cell that begins no new one at a blank line


def notebook(record: RunRecord) -> str:
    """Return the notebook's file content.

    Raises:
        SettingsError: the run has no valid node yet.
    """
    view = record.view
    best = view.tree.best
    if best is None:
        raise SettingsError(
            f"The run {view.info.id} has no valid node yet.", "Let it go on: aide-local resume RUN --steps N."
        )
    cells = [_markdown(_head(record)), *(_markdown(text) for text in _lineage(view.tree, best))]
    cells.append(
        _markdown(
            "## The script\n\nIt reads `input/` beside this notebook, the layout that a candidate sees"
            " (`train.csv`, `test.csv`, `sample_submission.csv`, `task.json`), and writes `working/submission.csv`."
        )
    )
    cells.append(_code("from pathlib import Path\n\nPath('working').mkdir(exist_ok=True)"))
    cells += [_code(part) for part in split(best.code)]
    content = {
        "cells": [{"id": f"cell-{at}", **cell} for at, cell in enumerate(cells)],
        "metadata": {
            "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
            "language_info": {"name": "python", "version": record.versions.get("python", "3")},
        },
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    return json.dumps(content, indent=1, ensure_ascii=False) + "\n"


def split(code: str) -> list[str]:
    """Return the script in cells: imports first, then blocks between blank lines. Joined by newlines they are the script.

    A blank line inside a statement splits nothing. A script that does not parse stays one cell.
    """
    try:
        body = ast.parse(code).body
    except (SyntaxError, ValueError, RecursionError):
        return [code.strip("\n")]
    lines = code.splitlines()
    if not body or "\f" in code or len(lines) != len(code.split("\n")) - code.endswith("\n"):
        return [code.strip("\n")]  # line ends that Python and we may count differently
    cuts = [0]
    for before, after in pairwise(body):
        end, begin = before.end_lineno or before.lineno, _first_line(after)
        gap = next((at for at in range(end, begin - 1) if not lines[at].strip()), None)
        if gap is None:
            continue
        imports = isinstance(before, ast.Import | ast.ImportFrom)
        leaves_imports = imports and not isinstance(after, ast.Import | ast.ImportFrom)
        if leaves_imports or (not imports and gap - cuts[-1] >= _LONGEST) or _defines(before, after):
            cuts.append(gap)
    parts = ["\n".join(lines[begin:end]) for begin, end in zip(cuts, [*cuts[1:], len(lines)], strict=True)]
    return [part.strip("\n") for part in parts if part.strip()]


def _first_line(statement: ast.stmt) -> int:
    made = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
    decorators = statement.decorator_list if isinstance(statement, made) else []
    return min([statement.lineno, *(one.lineno for one in decorators)])


def _defines(before: ast.stmt, after: ast.stmt) -> bool:
    made = (ast.FunctionDef, ast.ClassDef, ast.AsyncFunctionDef)
    return isinstance(before, made) or isinstance(after, made)


def _head(record: RunRecord) -> str:
    view, summary = record.view, summary_of(record)
    lines = [
        f"# {escape(view.task.name)}: the best script of a search",
        "",
        f"Run `{view.info.id}`, model {escape(view.info.model)}, {len(view.tree)} nodes."
        f" Metric: {escape(view.task.metric)}, {better(view.task)} is better.",
        "",
        "| | score | how it was measured |",
        "|---|---|---|",
    ]
    lines += [f"| {label} | {value} | {how} |" for label, value, how in scores(view.task, summary)]
    return "\n".join(lines)


def _lineage(tree: Tree, best: Node) -> list[str]:
    """Return a text for each node from the root to the best one."""
    texts = []
    for node in reversed(list(tree.lineage(best.id))):
        result = (
            format_metric(node.metric)
            if node.complete
            else escape(f"failed, {node.error.one_line()}")
            if node.error
            else node.state.value
        )
        gain = tree.gain(node)
        gained = f", {gain:+.4g} on its parent" if gain is not None else ""
        texts.append(f"### \\#{node.id} {node.operator}: {result}{gained}\n\n{escape(node.plan)}")
    return texts


def _markdown(text: str) -> dict[str, Any]:
    return {"cell_type": "markdown", "metadata": {}, "source": text.splitlines(keepends=True)}


def _code(text: str) -> dict[str, Any]:
    return {
        "cell_type": "code",
        "execution_count": None,
        "metadata": {},
        "outputs": [],
        "source": text.splitlines(keepends=True),
    }
