"""Functions, classes and files stay small enough to be read at once (CONTRIBUTING.md, style)."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent
FOLDERS = ("aide_local", "tui", "models", "benchmarks", "docs")
LONG_FOR_A_REASON = {"aide_local/search/tuner/ranges.py": "one table: what each hyperparameter may become"}


def too_long(path: Path) -> Iterator[str]:
    """Yield each function over 60 lines, each class over 250, and the file if it is over 400."""
    text = path.read_text("utf-8")
    name = str(path.relative_to(ROOT))
    if text.count("\n") > 400 and name not in LONG_FOR_A_REASON:
        yield f"{name}: {text.count(chr(10))} lines"
    for part in ast.walk(ast.parse(text)):
        if isinstance(part, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            lines = (part.end_lineno or part.lineno) - part.lineno + 1
            if lines > (250 if isinstance(part, ast.ClassDef) else 60):
                yield f"{name}: {part.name} has {lines} lines"


def test_nothing_is_too_long_to_be_read_at_once() -> None:
    files = [path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py")]
    assert len(files) > 200
    assert [problem for path in files for problem in too_long(path)] == []
