"""The files that the person receives at the end, beside the submissions: a report and a summary."""

from __future__ import annotations

import json
from pathlib import Path

from aide_local.basics.files import write_whole
from aide_local.report.markdown import markdown
from aide_local.search.tree import Tree
from aide_local.task import Task
from aide_local.types import Summary


def write_files(out: Path, task: Task, tree: Tree, summary: Summary) -> None:
    """Write ``summary.json`` and ``report.md`` beside the submissions that the evaluator wrote."""
    out.mkdir(parents=True, exist_ok=True)
    write_whole(out / "summary.json", json.dumps(summary.as_dict(), indent=2) + "\n")
    write_whole(out / "report.md", markdown(task, tree, summary))
