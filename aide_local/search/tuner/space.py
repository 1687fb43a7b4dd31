"""The values of the tuner: a hyperparameter of a script, where it stands, and what it may become."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TypeAlias, TypeGuard

Value: TypeAlias = "bool | int | float | str | None"


class Scale(StrEnum):
    """How the values between the ends of a domain are spaced."""

    LINEAR = "linear"
    LOG = "log"
    INT = "int"
    LOG_INT = "log_int"
    CHOICE = "choice"


@dataclass(frozen=True, slots=True)
class Domain:
    """The values that a hyperparameter may take: ``low`` to ``high``, or one of ``choices``.

    ``real``: a whole number means something else here (``max_features=1`` is one column, ``1.0`` is all), so
    that only floats are accepted and proposed. A zero on a logarithmic scale is accepted and counts as ``low``.
    """

    scale: Scale
    low: float = 0.0
    high: float = 0.0
    choices: tuple[Value, ...] = ()
    real: bool = False

    def accepts(self, value: Value) -> bool:
        """Return whether ``value`` is of this domain's type; a number may still lie outside its ends."""
        if self.scale is Scale.CHOICE:
            return any(same(value, one) for one in self.choices)
        if not is_number(value) or not math.isfinite(value) or value < 0:
            return False
        if self.real:
            return isinstance(value, float) and value > 0 and (self.scale is not Scale.LINEAR or value <= 1)
        if self.scale in (Scale.INT, Scale.LOG_INT):
            return isinstance(value, int) and value >= 1
        return True

    def widen(self, value: Value) -> Domain:
        """Return the domain, widened where ``value`` lies outside its ends."""
        if self.scale is Scale.CHOICE or not is_number(value) or (value == 0 and self.scale is Scale.LOG):
            return self
        return replace(self, low=min(self.low, value), high=max(self.high, value))

    def distance(self, one: Value, other: Value) -> float:
        """Return how far two accepted values lie apart, on the scale of the domain: 0 for the same, 1 for its ends."""
        if self.scale is Scale.CHOICE or not is_number(one) or not is_number(other):
            return 0.0 if same(one, other) else 1.0
        low, high, first, second = self.low, self.high, self.clamp(one), self.clamp(other)
        if self.scale in (Scale.LOG, Scale.LOG_INT):
            low, high, first, second = (math.log(number) for number in (low, high, first, second))
        return abs(first - second) / (high - low) if high > low else 0.0

    def clamp(self, value: float) -> float:
        """Return the nearest number between the ends."""
        return min(max(value, self.low), self.high)

    def nearest(self, value: Value) -> Value:
        """Return an accepted value as it may be proposed: numbers rounded and within the ends."""
        return value if self.scale is Scale.CHOICE or not is_number(value) else self.shorten(value)

    def shorten(self, number: float) -> Value:
        """Return ``number`` as a person would write it: two significant digits, of the domain's type, within its ends."""
        number = self.clamp(number)
        if self.scale in (Scale.INT, Scale.LOG_INT):
            whole = round(number)
            if self.scale is Scale.LOG_INT and whole >= 100:
                whole = int(_significant(whole))
            return int(self.clamp(whole))
        short = round(number, 2) if self.scale is Scale.LINEAR and self.high <= 10 else _significant(number)
        short = float(self.clamp(short))
        return int(short) if short.is_integer() and short >= 1 and not self.real else short


@dataclass(frozen=True, slots=True)
class Location:
    """Where a literal stands: lines counted from 1, columns in UTF-8 bytes from 0, as :mod:`ast` counts them."""

    line: int
    column: int
    end_line: int
    end_column: int


@dataclass(frozen=True, slots=True)
class Hyperparameter:
    """A literal of a script that the tuner may change.

    ``key`` is ``estimator.name`` with ``#2`` for the second of that name in the script, and so on: it stays the same
    while only such literals change.
    """

    key: str
    estimator: str
    name: str
    value: Value
    location: Location
    domain: Domain


def is_number(value: Value) -> TypeGuard[int | float]:
    """Return whether ``value`` is a number; ``True`` and ``False`` are not."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def same(one: Value, other: Value) -> bool:
    """Return whether two literals mean the same: ``1`` and ``1.0`` do, ``1`` and ``True`` do not."""
    if is_number(one) and is_number(other):
        return one == other
    return type(one) is type(other) and one == other


def literal(value: Value) -> str:
    """Return the Python text of ``value``; strings in double quotes, as formatters write them."""
    if isinstance(value, str):
        body = repr(value)[1:-1]
        return f'"{body}"' if '"' not in body else repr(value)
    return repr(value)


def _significant(number: float) -> float:
    return float(f"{number:.2g}")
