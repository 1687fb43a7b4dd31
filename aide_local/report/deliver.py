"""The files that the person receives at the end, beside the submissions: a report and a summary."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from aide_local.basics.files import write_whole
from aide_local.report.markdown import markdown
from aide_local.search.tree import Tree
from aide_local.task import Task

# (tree, reason why the run ended, wall seconds used) -> the keys of summary.json
Deliver = Callable[[Tree, str, float], dict[str, object]]


def write_files(out: Path, task: Task, tree: Tree, summary: dict[str, object]) -> None:
    """Write ``summary.json`` and ``report.md`` beside the submissions that the evaluator wrote."""
    out.mkdir(parents=True, exist_ok=True)
    write_whole(out / "summary.json", json.dumps(summary, indent=2) + "\n")
    write_whole(out / "report.md", markdown(task, tree, summary))
