"""What the names of a script stand for: imported estimators, dictionaries of parameters, numbers with a name."""

from __future__ import annotations

import ast
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias

from aide_local.search.tuner.ranges import POSITIONAL, TABLES, stem_of

_LIBRARIES = ("sklearn", "xgboost", "lightgbm", "catboost")
_NOT_ESTIMATORS = (
    "sklearn.model_selection", "sklearn.metrics", "sklearn.datasets", "sklearn.inspection", "sklearn.pipeline",
    "sklearn.compose", "sklearn.utils",
)  # fmt: skip
_TRAINERS = ("train", "cv", "CatBoost")  # of the boosting libraries; their first argument is a dictionary
_DATA = ("DMatrix", "QuantileDMatrix", "Dataset", "Pool", "Booster")  # of those libraries, and no estimators
_DEEPEST = 4  # dictionaries made of dictionaries

_Place: TypeAlias = tuple[int, int]
_Items: TypeAlias = Iterator[tuple[str, ast.expr]]


@dataclass(frozen=True, slots=True)
class Target:
    """What a call configures; ``estimator`` is empty if it is not known (``set_params`` of some variable)."""

    estimator: str
    setter: bool = False  # set_params: a name may lead through a pipeline, ``step__name``
    trainer: bool = False  # train(params, …)


class Bindings:
    """The names of one script. Scopes are not told apart: a number whose name is bound twice is left alone."""

    def __init__(self, tree: ast.Module) -> None:
        self.loads: Counter[str] = Counter()
        self._imported: dict[str, str] = {}  # local name -> dotted path
        self._values: defaultdict[str, list[ast.expr | None]] = defaultdict(
            list
        )  # None: not a plain expression
        self._entries: defaultdict[str, list[tuple[str, ast.expr]]] = defaultdict(list)  # name["key"] = value
        for node in ast.walk(tree):
            self._note(node)
        self.constants = {
            name: values[0]
            for name, values in self._values.items()
            if len(values) == 1 and isinstance(values[0], ast.Constant)
        }

    def estimator(self, call: ast.Call) -> Target | None:
        """Return what a call configures; None if it is no estimator of the four libraries."""
        function = call.func
        if isinstance(function, ast.Attribute) and function.attr == "set_params":
            return Target(self._maker(function.value, _place(call)), setter=True)
        if isinstance(function, ast.Name | ast.Attribute) and self._path(function).endswith("partial"):
            function = call.args[0] if call.args else function
        if isinstance(function, ast.IfExp):  # (OneRegressor if regression else OneClassifier)(…)
            function = function.body
        path = self._path(function)
        library, _, name = path.rpartition(".")
        root = library.split(".")[0]
        if path.startswith(_NOT_ESTIMATORS) or name in _DATA:
            return None
        if root in _LIBRARIES[1:] and name in _TRAINERS:
            return Target(root, trainer=True)
        if root in _LIBRARIES and name[:1].isupper():
            return Target(name)
        if not library and stem_of(name) in TABLES and name not in self._values:
            return Target(name)  # from … import *
        return None

    def pairs(self, call: ast.Call, target: Target) -> Iterator[tuple[str, str, ast.expr]]:
        """Yield (estimator, name, expression) for each argument of a call, those in dictionaries included."""
        if target.trainer and call.args:
            for name, value in self._items(call.args[0]):
                yield target.estimator, name, value
            for value in call.args[2:3]:
                yield target.estimator, "num_boost_round", value
        elif not target.setter:
            names = POSITIONAL.get(stem_of(target.estimator), ())
            partial = call.args and self._path(call.func).endswith("partial")
            for name, value in zip(names, call.args[1:] if partial else call.args, strict=False):
                yield target.estimator, name, value
        for keyword in call.keywords:
            whole = keyword.arg is None or (target.trainer and keyword.arg == "params")
            for name, value in self._items(keyword.value) if whole else [(keyword.arg or "", keyword.value)]:
                *steps, last = name.split("__")
                inner = self._step(steps[-1], _place(call)) if steps else ""
                yield inner or target.estimator, last, value

    def _note(self, node: ast.AST) -> None:
        """Remember what a node binds or reads."""
        match node:
            case ast.Import(names=names):
                for alias in names:
                    root = alias.name if alias.asname else alias.name.split(".")[0]
                    self._imported[alias.asname or root] = root
            case ast.ImportFrom(module=str(module), names=names):
                for alias in names:
                    self._imported[alias.asname or alias.name] = f"{module}.{alias.name}"
            case ast.Name(id=name, ctx=ast.Load()):
                self.loads[name] += 1
            case ast.Assign(targets=targets, value=value):
                for target in targets:
                    self._bind(target, value)
            case ast.AnnAssign(target=target, value=value) | ast.NamedExpr(target=target, value=value):
                self._bind(target, value)
            case ast.For(target=target, iter=values) | ast.comprehension(target=target, iter=values):
                many = values.elts if isinstance(values, ast.Tuple | ast.List) else [None]
                for value in many:
                    self._bind(target, value)
            case ast.AugAssign(target=target) | ast.withitem(optional_vars=ast.expr() as target):
                self._bind(target, None)
            case ast.arg(arg=name) | ast.FunctionDef(name=name) | ast.ClassDef(name=name):
                self._values[name].append(None)
            case ast.Call(
                func=ast.Attribute(value=ast.Name(id=name), attr="update"), args=args, keywords=keywords
            ):
                for argument in args:
                    self._values[name].append(argument)
                self._entries[name] += [(one.arg, one.value) for one in keywords if one.arg is not None]

    def _bind(self, target: ast.expr, value: ast.expr | None) -> None:
        match target, value:
            case ast.Name(id=name), _:
                self._values[name].append(value)
            case ast.Tuple(elts=names), ast.Tuple(elts=values) if len(names) == len(values):
                for one, part in zip(names, values, strict=True):
                    self._bind(one, part)
            case ast.Tuple(elts=names) | ast.List(elts=names), _:
                for one in names:
                    self._bind(one, None)
            case ast.Subscript(value=ast.Name(id=name), slice=ast.Constant(value=str(key))), ast.expr():
                self._entries[name].append((key, value))

    def _items(self, expression: ast.expr, depth: int = 0) -> _Items:
        """Yield the entries of a dictionary with literal keys, of what its name is bound to, of those it is made of."""
        if depth > _DEEPEST:
            return
        match expression:
            case ast.Dict(keys=keys, values=values):
                for key, value in zip(keys, values, strict=True):
                    if key is None:
                        yield from self._items(value, depth + 1)
                    elif isinstance(key, ast.Constant) and isinstance(key.value, str):
                        yield key.value, value
            case ast.Call(func=ast.Name(id="dict"), args=args, keywords=keywords):
                for argument in args:
                    yield from self._items(argument, depth + 1)
                for keyword in keywords:
                    if keyword.arg is None:
                        yield from self._items(keyword.value, depth + 1)
                    else:
                        yield keyword.arg, keyword.value
            case ast.BinOp(left=left, op=ast.BitOr(), right=right):
                yield from self._items(left, depth + 1)
                yield from self._items(right, depth + 1)
            case ast.Name(id=name):
                for bound in self._values.get(name, ()):
                    if bound is not None:
                        yield from self._items(bound, depth + 1)
                yield from self._entries.get(name, ())

    def _step(self, name: str, before: _Place) -> str:
        """Return the estimator that a pipeline's step is: its class in lower case, or the variable it was made of."""
        classes = (path.rpartition(".")[2] for path in self._imported.values())
        found = next((one for one in classes if one.lower() == name.lower()), "")
        return found or self._maker(ast.Name(name, ast.Load()), before)

    def _maker(self, expression: ast.expr, before: _Place) -> str:
        """Return the estimator that an expression makes, or that its variable was last made of above ``before``."""
        if isinstance(expression, ast.Call):
            found = self.estimator(expression)
            return found.estimator if found is not None and not found.trainer else ""
        if isinstance(expression, ast.Name):
            above = [
                one for one in self._values.get(expression.id, ()) if one is not None and _place(one) < before
            ]
            calls = [one for one in above if isinstance(one, ast.Call)]
            return self._maker(max(calls, key=_place), before) if calls else ""
        return ""

    def _path(self, function: ast.expr) -> str:
        """Return the dotted path of what is called, with imported names replaced by what they stand for."""
        if isinstance(function, ast.Name):
            return self._imported.get(function.id, function.id)
        if isinstance(function, ast.Attribute):
            before = self._path(function.value)
            return f"{before}.{function.attr}" if before else ""
        return ""


def _place(node: ast.expr) -> _Place:
    return node.lineno, node.col_offset
