"""Find the hyperparameters of a script: the literals that are arguments of estimators and of preprocessing.

Only the syntax tree is read; nothing is imported or executed. What is found depends on names and types and never on
the size of a value, so that a script in which the tuner has changed some values has the same hyperparameters.
"""

from __future__ import annotations

import ast
import hashlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache

from aide_local.search.tuner.bindings import Bindings
from aide_local.search.tuner.ranges import MOST_ROUNDS, ROUNDS, domain_of, table_with
from aide_local.search.tuner.space import Domain, Hyperparameter, Location, Value, is_number

_KEPT = 2048  # scripts whose hyperparameters stay in memory: those of a long run


def hyperparameters(code: str) -> tuple[Hyperparameter, ...]:
    """Return the hyperparameters of a script, in the order in which they stand in it; none if it cannot be read."""
    return _read(code)[0]


def skeleton(code: str) -> str:
    """Return the hash of the script's syntax tree without docstrings and with every hyperparameter blanked.

    Scripts with the same skeleton differ in hyperparameters only: they have the same search space. The hash of a
    script that cannot be read is empty.
    """
    return _read(code)[1]


@lru_cache(_KEPT)
def _read(code: str) -> tuple[tuple[Hyperparameter, ...], str]:
    """Return the hyperparameters and the skeleton; nothing for a script that does not parse or is nested too deep."""
    try:
        found = _Reader(code).hyperparameters
        tree = _Blank({one.location for one in found}).visit(ast.parse(code))
        return found, hashlib.sha256(ast.dump(tree).encode()).hexdigest()[:16]
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return (), ""


@dataclass(frozen=True, slots=True)
class _Argument:
    """An expression that is an argument of an estimator; ``beside`` are the names of all arguments of that call."""

    estimator: str
    name: str
    expression: ast.expr
    beside: frozenset[str]


class _Reader:
    """One script, read once."""

    def __init__(self, code: str) -> None:
        self.tree = ast.parse(code)
        self.bindings = Bindings(self.tree)
        self.stops_early = _stops_early(self.tree)
        arguments = [*self._arguments()]
        self.used = Counter(
            one.expression.id for one in arguments if isinstance(one.expression, ast.Name)
        )  # name -> how often it is an argument of an estimator
        found: dict[Location, Hyperparameter] = {}
        for argument in arguments:
            for name, constant in self._literals(argument):
                one = self._hyperparameter(argument, name, constant)
                if one is not None:
                    found.setdefault(one.location, one)
        ordered = sorted(found.values(), key=lambda one: (one.location.line, one.location.column))
        numbers: Counter[str] = Counter()
        named = []
        for one in ordered:
            numbers[one.key] += 1
            number = numbers[one.key]
            named.append(one if number == 1 else replace(one, key=f"{one.key}#{number}"))
        self.hyperparameters = tuple(named)

    def _arguments(self) -> Iterator[_Argument]:
        """Yield the arguments of all calls of estimators, those in dictionaries that are passed to them included."""
        for call in (node for node in ast.walk(self.tree) if isinstance(node, ast.Call)):
            target = self.bindings.estimator(call)
            if target is None:
                continue
            pairs = [*self.bindings.pairs(call, target)]
            beside = frozenset(name for _, name, _ in pairs)
            for estimator, name, expression in pairs:
                yield _Argument(estimator, name, expression, beside)

    def _literals(self, argument: _Argument) -> Iterator[tuple[str, ast.Constant]]:
        """Yield the literals that an argument consists of, with its name, or ``name[0]`` for those of a tuple."""
        match argument.expression:
            case ast.Constant() as constant:
                yield argument.name, constant
            case ast.Tuple(elts=parts) | ast.List(elts=parts):
                for place, part in enumerate(parts):
                    if isinstance(part, ast.Constant):
                        yield f"{argument.name}[{place}]", part
            case ast.Name(id=name):
                named = self.bindings.constants.get(name)
                if named is not None and self.bindings.loads[name] == self.used[name]:
                    yield argument.name, named

    def _hyperparameter(
        self, argument: _Argument, name: str, constant: ast.Constant
    ) -> Hyperparameter | None:
        value = constant.value
        if not (value is None or isinstance(value, bool | int | float | str)):
            return None
        domain = self._domain(argument, name, value)
        if domain is None:
            return None
        key = f"{argument.estimator}.{name}"
        return Hyperparameter(key, argument.estimator, name, value, location_of(constant), domain)

    def _domain(self, argument: _Argument, name: str, value: Value) -> Domain | None:
        if argument.estimator:
            domain = domain_of(argument.estimator, name, value, argument.beside)
        else:
            alternatives = table_with(name).get(name, ())
            domain = next((one.widen(value) for one in alternatives if one.accepts(value)), None)
        if domain is not None and name in ROUNDS and is_number(value):
            low = value if self.stops_early else domain.clamp(round(value / MOST_ROUNDS))
            return replace(domain, low=low, high=MOST_ROUNDS * value)
        return domain


def location_of(node: ast.expr) -> Location:
    """Return where an expression stands."""
    assert node.end_lineno is not None
    assert node.end_col_offset is not None
    return Location(node.lineno, node.col_offset, node.end_lineno, node.end_col_offset)


class _Blank(ast.NodeTransformer):
    """Replaces the literals at some places by a name that no script can have, and leaves docstrings out."""

    def __init__(self, places: set[Location]) -> None:
        self.places = places

    def visit_Constant(self, node: ast.Constant) -> ast.expr:
        return ast.Name("?", ast.Load()) if location_of(node) in self.places else node

    def generic_visit(self, node: ast.AST) -> ast.AST:
        if isinstance(node, ast.Module | ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            first = node.body[0] if node.body else None
            if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
                node.body = node.body[1:] or [ast.Pass()]
        return super().generic_visit(node)


_STOPS = frozenset(
    {
        "early_stopping_rounds",
        "early_stopping_round",
        "early_stopping",
        "od_wait",
        "od_type",
        "use_best_model",
    }
)
_STOPPERS = frozenset({"early_stopping", "EarlyStopping"})
_STOPPED = frozenset(
    {"best_iteration", "best_iteration_", "best_ntree_limit", "staged_predict", "staged_predict_proba"}
)


def _stops_early(tree: ast.Module) -> bool:
    """Return whether some number of rounds in the script is found by early stopping."""
    for node in ast.walk(tree):
        match node:
            case ast.keyword(arg=str(name), value=value) if name in _STOPS:
                off = isinstance(value, ast.Constant) and (value.value is None or value.value is False)
                if not off:
                    return True
            case ast.Dict(keys=keys) if any(
                isinstance(key, ast.Constant) and key.value in _STOPS for key in keys
            ):
                return True
            case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name)) if name in _STOPPERS:
                return True
            case ast.Attribute(attr=name) if name in _STOPPED:
                return True
    return False
