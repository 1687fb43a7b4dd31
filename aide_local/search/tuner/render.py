"""Write a script anew with other values for its hyperparameters, and nothing else changed."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from aide_local.search.tuner.script import hyperparameters
from aide_local.search.tuner.space import Location, Value, literal, same

# The words by which comments and plans name a hyperparameter, besides its own name.
WORDS: Mapping[str, tuple[str, ...]] = {
    "learning_rate": ("rate",),
    "n_estimators": ("rounds", "trees", "bagged"),
    "max_iter": ("rounds",),
    "iterations": ("rounds",),
    "max_depth": ("depth",),
    "max_leaf_nodes": ("leaves",),
    "num_leaves": ("leaves",),
    "min_samples_leaf": ("leaf",),
    "max_features": ("features",),
    "hidden_layer_sizes[0]": ("units",),
    "l1_ratio": ("l1",),
    "n_neighbors": ("k",),
    "reg_lambda": ("l2",),
    "l2_regularization": ("l2",),
    "l2_leaf_reg": ("l2",),
    "n_knots": ("splines", "knots"),
    "n_bins": ("bins",),
    "n_components": ("pca", "nystroem", "components"),
    "n_clusters": ("clusters",),
    "percentile": ("selection",),
}


@dataclass(frozen=True, slots=True)
class _Change:
    """Another text for the literal of the hyperparameter ``name`` at a place."""

    name: str
    location: Location
    text: str


@dataclass(frozen=True, slots=True)
class _Edit:
    """Replace the characters from ``start`` to ``end`` of the script."""

    start: int
    end: int
    text: str


def render(code: str, values: Mapping[str, Value]) -> str:
    """Return the script with the hyperparameters of ``values`` (by key) changed; keys that it lacks are ignored.

    Only those literals change, and, in comments above or beside the statement, the same number right behind its name
    (``# xgboost rate 0.05 depth 4``). A value that is already there keeps its spelling, so that rendering a script's
    own values returns it as it is.
    """
    changed = [
        _Change(one.name, one.location, literal(values[one.key]))
        for one in hyperparameters(code)
        if one.key in values and not same(one.value, values[one.key])
    ]
    if not changed:
        return code
    text = _Text(code)
    edits = [text.edit(one.location, one.text) for one in changed]
    edits += _comment_edits(text, changed)
    for edit in sorted(edits, key=lambda edit: edit.start, reverse=True):
        code = code[: edit.start] + edit.text + code[edit.end :]
    return code


class _Text:
    """A script with a way from the places of :mod:`ast` to its characters."""

    def __init__(self, code: str) -> None:
        self.code = code
        self.lines = _lines(code)
        self.starts = [0]
        for line in self.lines:
            self.starts.append(self.starts[-1] + len(line))

    def position(self, line: int, column: int) -> int:
        """Return the character at a line, from 1, and a column in UTF-8 bytes."""
        before = self.lines[line - 1].encode()[:column].decode()
        return self.starts[line - 1] + len(before)

    def edit(self, at: Location, new: str) -> _Edit:
        start, end = self.position(at.line, at.column), self.position(at.end_line, at.end_column)
        return _Edit(start, end, new)

    def source(self, at: Location) -> str:
        return self.code[self.position(at.line, at.column) : self.position(at.end_line, at.end_column)]


def _lines(code: str) -> list[str]:
    r"""Split as :mod:`ast` counts lines: at ``\n``, ``\r\n`` and ``\r``, and at no other character."""
    return re.findall(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+", code)


def _comment_edits(text: _Text, changed: Iterable[_Change]) -> Iterator[_Edit]:
    """Yield the changes of comments: where one names a hyperparameter of its statement with exactly the old number."""
    try:
        comments = _comments(text.code)
    except (tokenize.TokenError, SyntaxError):
        return
    statements = [node for node in ast.walk(ast.parse(text.code)) if isinstance(node, ast.stmt)]
    taken: set[int] = set()
    for one in changed:
        first, last = _statement(statements, one.location)
        above = first - 1
        while above in comments and text.lines[above - 1].lstrip().startswith("#"):
            above -= 1
        old = re.escape(text.source(one.location))
        words = "|".join(map(re.escape, (one.name, *WORDS.get(one.name, ()))))
        pattern = re.compile(rf"(?<![\w.])(?:{words})(?:\s+|\s*=\s*)({old})(?![\w]|\.\d)")
        found = [
            (line, match)
            for line in range(above + 1, last + 1)
            if line in comments
            for match in pattern.finditer(comments[line][1])
        ]
        if len(found) == 1:
            line, match = found[0]
            start = text.starts[line - 1] + comments[line][0] + match.start(1)
            if start not in taken:
                taken.add(start)
                yield _Edit(start, start + len(match.group(1)), one.text)


def _comments(code: str) -> dict[int, tuple[int, str]]:
    """Return line -> (column in characters, comment)."""
    tokens = tokenize.generate_tokens(io.StringIO(code).readline)
    return {
        token.start[0]: (token.start[1], token.string) for token in tokens if token.type == tokenize.COMMENT
    }


def _statement(statements: list[ast.stmt], at: Location) -> tuple[int, int]:
    """Return the first and last line of the innermost statement around a place."""
    around = [
        (node.lineno, node.end_lineno or node.lineno)
        for node in statements
        if node.lineno <= at.line and (node.end_lineno or node.lineno) >= at.end_line
    ]
    return min(
        around, key=lambda lines: lines[1] - lines[0], default=(at.line, at.end_line)
    )  # of a decorator: none
