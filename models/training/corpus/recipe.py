"""A recipe: what a script does, as a value. The plan puts it into words, and the script is a function of it.

Everything random about a script is in its recipe, and the recipe is what the plan says. A small model that writes
the plan first has then nothing left to guess: the script follows.

This module knows the form of a recipe only. The tables say what it may consist of: :mod:`estimators` and :mod:`steps`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

COMBINES = ("voting", "stacking")


@dataclass(frozen=True, slots=True)
class Estimator:
    """A named model with the parameters that a recipe varies, as (word, value) in order."""

    name: str
    params: tuple[tuple[str, str], ...] = ()

    def words(self) -> str:
        return " ".join([self.name, *(f"{word} {value}" for word, value in self.params)])

    def with_param(self, word: str, value: str) -> Estimator:
        return replace(self, params=tuple((w, value if w == word else v) for w, v in self.params))


@dataclass(frozen=True, slots=True)
class Recipe:
    """``steps`` pairs a step with its setting ("" if it has none), in the order of the table of steps."""

    estimators: tuple[Estimator, ...]
    steps: tuple[tuple[str, str], ...] = ()
    combine: str = ""

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the steps, in their order."""
        return tuple(name for name, _ in self.steps)

    @property
    def single(self) -> bool:
        """Whether there is one estimator."""
        return len(self.estimators) == 1

    @property
    def estimator_names(self) -> frozenset[str]:
        return frozenset(estimator.name for estimator in self.estimators)

    def has(self, *steps: str) -> bool:
        """Whether any of the steps is part of it."""
        return any(name in steps for name, _ in self.steps)

    def setting(self, step: str) -> str:
        return dict(self.steps)[step]

    def without(self, *steps: str) -> Recipe:
        return replace(self, steps=tuple(pair for pair in self.steps if pair[0] not in steps))

    @property
    def step_words(self) -> tuple[str, ...]:
        """Each step with its setting: "logs", "pca 10"."""
        return tuple(f"{name} {setting}".strip() for name, setting in self.steps)

    def words(self) -> str:
        """The recipe as plans say it; :func:`recipes.recipe_of` reads it back."""
        models = " + ".join(estimator.words() for estimator in self.estimators)
        if self.combine:
            models += f" {self.combine}"
        steps = ", ".join(self.step_words)
        return f"{models} with {steps}" if steps else models
