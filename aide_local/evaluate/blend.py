"""Put the predictions of several nodes together: weights, the scale they are averaged on, and offsets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

import numpy as np

from aide_local.evaluate.ensemble import average
from aide_local.evaluate.form import Floats

_NEAREST = 1e-4  # that a probability comes to 0 and 1 before its logarithm is taken


class Combination(StrEnum):
    """Kinds of putting nodes together, the simplest first."""

    SINGLE = "single"
    GREEDY = "greedy"  # a weighted average
    LINEAR = "linear"  # values: positive weights whose sum is free, and an offset
    LOG_ODDS = "log-odds"  # probabilities: a weighted average of their log-odds
    CLASS_OFFSETS = "class offsets"  # labels: a weighted vote with a handicap for each class


class Scale(StrEnum):
    """The scale that the weights are applied on."""

    PLAIN = "plain"
    LOG1P = "log1p"  # of values, if the metric is of their logarithms
    LOG_ODDS = "log-odds"  # of probabilities in columns of their own
    LOG_SHARES = "log-shares"  # of probabilities that sum to 1

    def of(self, soft: Floats) -> Floats:
        """Return predictions (…, width) on this scale."""
        match self:
            case Scale.LOG1P:
                return np.log1p(np.clip(soft, 0.0, None))
            case Scale.LOG_ODDS:
                near = np.clip(soft, _NEAREST, 1.0 - _NEAREST)
                return np.log(near / (1.0 - near))
            case Scale.LOG_SHARES:
                return np.log(np.clip(soft, _NEAREST, None))
        return soft

    def back(self, scaled: Floats) -> Floats:
        """Return predictions from this scale."""
        match self:
            case Scale.LOG1P:
                return np.expm1(scaled)
            case Scale.LOG_ODDS:
                return np.asarray(1.0 / (1.0 + np.exp(-scaled)))
            case Scale.LOG_SHARES:
                share = np.exp(scaled - scaled.max(axis=-1, keepdims=True))
                return np.asarray(share / share.sum(axis=-1, keepdims=True))
        return scaled


@dataclass(frozen=True, slots=True)
class Blend:
    """``weights`` are not negative, one for each model; ``offsets`` (width,) are added on the scale, if any."""

    combination: Combination
    weights: tuple[float, ...]
    scale: Scale = Scale.PLAIN
    offsets: tuple[float, ...] = ()

    @property
    def shares(self) -> tuple[float, ...]:
        """The weights as parts of 1."""
        total = sum(self.weights)
        return tuple(weight / total for weight in self.weights)

    def apply(self, parts: Sequence[Floats]) -> Floats:
        """Put together the predictions (n, width) of the models; those without weight are not looked at."""
        used = [at for at, weight in enumerate(self.weights) if weight > 0]
        mixed = average([self.scale.of(parts[at]) for at in used], [self.weights[at] for at in used])
        if self.offsets:
            mixed = mixed + np.asarray(self.offsets)
        return self.scale.back(mixed)

    def of_models(self, order: Sequence[int]) -> Blend:
        """Return the blend of some of the models, in another order; the others must have no weight."""
        return replace(self, weights=tuple(self.weights[at] for at in order))

    def without(self, model: int) -> Blend:
        """Return the blend of the other models, with their weights raised to the same sum."""
        rest = [0.0 if at == model else weight for at, weight in enumerate(self.weights)]
        grown = sum(self.weights) / sum(rest)
        return replace(self, weights=tuple(weight * grown for weight in rest))

    def values(self) -> dict[str, object]:
        """Return what JSON can hold; :meth:`of_values` reads it."""
        return {
            "combination": self.combination.value,
            "weights": list(self.weights),
            "scale": self.scale.value,
            "offsets": list(self.offsets),
        }

    @classmethod
    def of_values(cls, values: Mapping[str, Any]) -> Blend:
        """Raises KeyError or ValueError if ``values`` are not those of a blend."""
        return cls(
            Combination(values["combination"]),
            tuple(float(weight) for weight in values["weights"]),
            Scale(values["scale"]),
            tuple(float(offset) for offset in values["offsets"]),
        )
