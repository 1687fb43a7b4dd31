"""Refuse a script before it costs an execution: it does not parse, cannot import, or was tried already."""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Mapping

from aide_local.task import Task
from aide_local.types import NodeError

# Importable in every script: itself, and its two folders, which lie in its current folder.
_OF_EVERY_SCRIPT = frozenset({"__main__", "input", "working"})


def modules_of(task: Task) -> frozenset[str]:
    """Top-level names of what the task shows to scripts and a script that puts it on its path can import."""
    names = (path.name.split(".")[0] for path in task.extra if path.is_dir() or path.suffix in _MODULES)
    return frozenset(name for name in names if name.isidentifier())


_MODULES = (".py", ".pyc", ".so", ".pyd")


def ast_hash(code: str) -> str:
    """Hash of the script's syntax tree without docstrings, comments, layout and positions.

    Raises:
        SyntaxError: ``code`` does not parse.
    """
    tree = ast.parse(code)
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            first = node.body[0] if node.body else None
            if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
                node.body = node.body[1:] or [ast.Pass()]
    return hashlib.sha256(ast.dump(tree, include_attributes=False).encode()).hexdigest()[:16]


def screen(code: str, modules: frozenset[str], tried: Mapping[str, int]) -> tuple[str, NodeError | None]:
    """Return ``(ast hash, error)``; the error is None where the script may run.

    ``modules`` are the importable top-level names; ``tried`` maps the hash of an earlier script to
    its node. Imports inside ``try`` are the script's own business and are let through; so are all of a
    script that handles ``sys.path``, for what it will find there is not known.
    """
    try:
        digest = ast_hash(code)
        tree = ast.parse(code)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        line = getattr(error, "lineno", None)
        text = (getattr(error, "text", "") or "").strip()
        message = getattr(error, "msg", None) or str(error) or "the script does not parse"
        return "", NodeError("syntax", type(error).__name__, f"{message}: {text}" if text else message, line)
    if digest in tried:
        return digest, NodeError(
            "repeat", "RepeatedScript", f"the same script as node {tried[digest]}; propose something else"
        )
    missing = _missing_import(tree, modules | _OF_EVERY_SCRIPT) if not _handles_path(tree) else None
    if missing is not None:
        name, line = missing
        return digest, NodeError(
            "import", "ModuleNotFoundError", f"No module named {name!r}; it is not installed here", line
        )
    return digest, None


def _handles_path(tree: ast.Module) -> bool:
    """``sys.path`` or ``site.addsitedir`` stands in the script, in one of its spellings."""
    handles = {("sys", "path"), ("site", "addsitedir")}
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            if (node.value.id, node.attr) in handles:
                return True
        elif isinstance(node, ast.ImportFrom) and any(
            (node.module, one.name) in handles for one in node.names
        ):
            return True
    return False


def _missing_import(tree: ast.Module, modules: frozenset[str]) -> tuple[str, int] | None:
    guarded = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.Try)
        for statement in node.body
        for inner in ast.walk(statement)
    }
    for node in ast.walk(tree):
        if id(node) in guarded:
            continue
        names: list[str] = []
        line = 0
        if isinstance(node, ast.Import):
            names, line = [alias.name for alias in node.names], node.lineno
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            names, line = [node.module], node.lineno
        for name in names:
            if name.split(".")[0] not in modules:
                return name.split(".")[0], line
    return None
