"""A recipe: what a script does, as a value. The plan names it in words, the script is a function of it.

Everything random about a script is in its recipe, and the recipe is what the plan says. A small model
that writes the plan first has then nothing left to guess: the script follows.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, replace

from aide_local.task import ColumnKind, Kind, Predict, Task
from models.training.corpus.learnt import NOTHING, Learnt


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
class Family:
    """What may be said of an estimator: which tasks it serves and which values its parameters take."""

    values: tuple[tuple[str, tuple[str, ...]], ...] = ()
    regression: bool = True
    classes: bool = True
    linear: bool = False  # wants scaled, one-hot coded input without gaps
    weight: float = 1.0  # how often drafts choose it
    most_rows: int = 1_000_000


FAMILIES: dict[str, Family] = {
    "linear": Family((), classes=False, linear=True, weight=0.4),
    "ridge": Family((("alpha", ("0.1", "1", "10", "100")),), classes=False, linear=True),
    "lasso": Family((("alpha", ("0.001", "0.01", "0.1", "1")),), classes=False, linear=True, weight=0.6),
    "elastic net": Family((("l1", ("0.1", "0.5", "0.9")),), classes=False, linear=True, weight=0.7),
    "huber": Family((("epsilon", ("1.1", "1.35", "2")),), classes=False, linear=True, weight=0.4),
    "logistic": Family((("C", ("0.01", "0.1", "1", "10")),), regression=False, linear=True, weight=1.5),
    "discriminant": Family((), regression=False, linear=True, weight=0.5),
    "naive bayes": Family((), regression=False, linear=True, weight=0.3),
    "neighbors": Family((("k", ("5", "10", "20", "40")),), linear=True, weight=0.7, most_rows=50_000),
    "svm": Family((("C", ("0.3", "1", "3", "10")),), linear=True, weight=1.2, most_rows=5_000),
    "gaussian process": Family((), linear=True, weight=0.5, most_rows=1_000),
    "mlp": Family((("units", ("32", "64", "128")), ("alpha", ("0.001", "0.01", "0.1", "1"))), linear=True, weight=0.8),
    "random forest": Family(
        (("trees", ("200", "300", "500")), ("leaf", ("1", "2", "3", "5", "10")), ("features", ("0.3", "0.5", "0.8"))),
        weight=1.3, most_rows=100_000,
    ),
    "extra trees": Family(
        (("trees", ("200", "300", "500")), ("leaf", ("1", "2", "3", "5", "10")), ("features", ("0.3", "0.5", "0.8"))),
        weight=1.6, most_rows=100_000,
    ),
    "hist boosting": Family(
        (("rate", ("0.03", "0.05", "0.1")), ("rounds", ("100", "200", "400")), ("leaves", ("7", "15", "31"))), weight=2.0
    ),
    "xgboost": Family(
        (("rate", ("0.03", "0.05", "0.1")), ("rounds", ("150", "300", "500")), ("depth", ("3", "4", "6", "8"))), weight=2.0
    ),
    "gradient boosting": Family(
        (("rate", ("0.05", "0.1")), ("rounds", ("100", "200")), ("depth", ("2", "3", "4"))), weight=0.7, most_rows=5_000
    ),
}  # fmt: skip

CODINGS = ("one-hot", "ordinal", "target encoding", "native categories", "hashed")
SCALINGS = ("scaled", "robust scaled", "quantile scaled", "power scaled")
FEATURES = (
    "dates", "date cycles", "text", "logs", "row statistics", "missing count", "category counts", "group means",
    "products", "ratios",
)  # fmt: skip
PIPELINE = (
    "bins", "splines", "polynomials", "clusters", "pca", "nystroem", "selection",
)  # fmt: skip
BOOSTING = ("l2", "monotone", "early stopping")  # of xgboost alone
TARGETS = ("log target", "sqrt target", "power target", "scaled target", "normal target")
WRAPS = ("balanced", "bagged", "search", "calibrated", "threshold", *TARGETS)
EXTRAS = (*FEATURES, *PIPELINE, *BOOSTING, *WRAPS)  # steps that a script does without
COMBINES = ("voting", "stacking")

SETTINGS: dict[str, tuple[str, ...]] = {
    "clusters": ("5", "10", "20"),
    "pca": ("5", "10", "20"),
    "nystroem": ("100", "300"),
    "selection": ("30", "50", "70"),
    "l2": ("3", "10", "30"),
    "bagged": ("5", "10", "20"),
    "splines": ("4", "6", "8"),
    "bins": ("5", "10", "20"),
}


@dataclass(frozen=True, slots=True)
class Recipe:
    """``steps`` maps a step to its setting ("" where it has none), kept in the order of ``ORDER``."""

    estimators: tuple[Estimator, ...]
    steps: tuple[tuple[str, str], ...] = ()
    combine: str = ""

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(name for name, _ in self.steps)

    def has(self, step: str) -> bool:
        return step in self.names

    def setting(self, step: str) -> str:
        return dict(self.steps)[step]

    def with_step(self, step: str, setting: str = "") -> Recipe:
        rest = [pair for pair in self.steps if pair[0] != step]
        return replace(
            self, steps=tuple(sorted([*rest, (step, setting)], key=lambda pair: ORDER.index(pair[0])))
        )

    def without(self, *steps: str) -> Recipe:
        return replace(self, steps=tuple(pair for pair in self.steps if pair[0] not in steps))

    @property
    def linear(self) -> bool:
        """Some estimator wants scaled input without gaps."""
        return any(FAMILIES[estimator.name].linear for estimator in self.estimators)

    @property
    def step_words(self) -> tuple[str, ...]:
        """Each step with its setting: "logs", "pca 10"."""
        return tuple(f"{name} {setting}".strip() for name, setting in self.steps)

    def words(self) -> str:
        models = " + ".join(estimator.words() for estimator in self.estimators)
        if self.combine:
            models += f" {self.combine}"
        steps = ", ".join(self.step_words)
        return f"{models} with {steps}" if steps else models

    @classmethod
    def of(cls, words: str) -> Recipe:
        """The recipe that :meth:`words` put into words.

        Raises:
            ValueError: there is none; the message holds the part that is not understood.
        """
        models, _, steps = words.partition(" with ")
        combine = next((one for one in COMBINES if models.endswith(f" {one}")), "")
        estimators = tuple(_estimator(part) for part in models.removesuffix(f" {combine}").split(" + "))
        recipe = cls(estimators, combine=combine)
        for part in steps.split(", ") if steps else ():
            name = part if part in ORDER else part.rpartition(" ")[0]
            if name not in ORDER:
                raise ValueError(f"{part!r} is no step")
            recipe = recipe.with_step(name, part.removeprefix(name).strip())
        return recipe


def _estimator(words: str) -> Estimator:
    name = next((one for one in FAMILIES if words == one or words.startswith(f"{one} ")), None)
    if name is None:
        raise ValueError(f"{words!r} names no estimator")
    rest = words.removeprefix(name).split()
    return Estimator(name, tuple(zip(rest[::2], rest[1::2], strict=True)))


SLOW = frozenset(
    {"gaussian process", "random forest", "extra trees", "gradient boosting", "svm"}
)  # to be bagged
# In which a script takes its steps, so that the plan is read from left to right while the script is written.
ORDER = (
    *FEATURES, *SCALINGS, "splines", "bins", *CODINGS, "polynomials", "clusters", "pca", "selection", "nystroem", *BOOSTING,
    *WRAPS
)  # fmt: skip


_KINDS = tuple(
    kind for kind in ColumnKind if kind is not ColumnKind.CONSTANT
)  # of columns, as the prompt lists them


@dataclass(frozen=True, slots=True)
class Facts:
    """What a recipe's choice depends on; all of it is in the prompt."""

    kind: Kind
    predict: Predict
    metric: str
    rows: int
    targets: int
    classes: int
    numeric: int
    categorical: int
    datetime: int
    text: int
    missing: int
    kinds: str  # as the prompt lists them: "5 numeric, 2 categorical, 1 boolean"

    @classmethod
    def of(cls, task: Task) -> Facts:
        def count(*kinds: ColumnKind) -> int:
            return sum(1 for column in task.columns if column.kind in kinds)

        return cls(
            task.kind,
            task.predict,
            task.metric,
            task.n_train,
            len(task.targets),
            len(task.classes),
            count(ColumnKind.NUMERIC),
            count(ColumnKind.CATEGORICAL, ColumnKind.BOOLEAN),
            count(ColumnKind.DATETIME),
            count(ColumnKind.TEXT),
            sum(1 for column in task.columns if column.missing),
            ", ".join(f"{count(kind)} {kind}" for kind in _KINDS if count(kind)),
        )

    @property
    def regression(self) -> bool:
        return self.kind is Kind.REGRESSION

    @property
    def multi(self) -> bool:
        """Several target columns."""
        return self.targets > 1

    @property
    def columns(self) -> int:
        return self.numeric + self.categorical + self.datetime + self.text

    @property
    def narrow(self) -> bool:
        """Few columns, also when coded."""
        return self.columns <= 15 and self.categorical <= 3


def serves(name: str, facts: Facts) -> bool:
    family = FAMILIES[name]
    if not (family.regression if facts.regression else family.classes):
        return False
    if name == "gradient boosting" and facts.classes > 10:
        return False
    if name == "neighbors" and facts.metric in ("logloss", "multiclass_logloss"):
        return False  # the probability of a class that no neighbor has is 0, whose logarithm no average makes up for
    if name == "linear" and not facts.narrow:
        return False  # nothing keeps its coefficients small: many columns want ridge
    return facts.rows <= family.most_rows


def random_estimator(
    rng: random.Random, facts: Facts, avoid: frozenset[str] = frozenset(), known: Learnt = NOTHING
) -> Estimator:
    """One that serves the task; names in ``avoid`` are ten times rarer, what is known to do well is more frequent."""
    names = [name for name in FAMILIES if serves(name, facts)]
    weights = [
        FAMILIES[name].weight * known.estimator(name, facts) * (0.1 if name in avoid else 1.0)
        for name in names
    ]
    name = rng.choices(names, weights)[0]
    params = tuple((word, value_of(rng, values, known)) for word, values in FAMILIES[name].values)
    return Estimator(name, params)


def value_of(rng: random.Random, values: tuple[str, ...], known: Learnt) -> str:
    """One of ``values``; or, half of the time where ``known`` says so, one between two of them."""
    if len(values) == 1 or not known.between or rng.random() < 0.5:
        return rng.choice(values)
    at = rng.randrange(len(values) - 1)
    low, high = float(values[at]), float(values[at + 1])
    value = low * (high / low) ** rng.random()
    if values[at].isdigit() and values[at + 1].isdigit():
        return str(round(value, -1 if value >= 100 else 0)).removesuffix(".0")
    return str(float(f"{value:.2g}")).removesuffix(".0")


def base_steps(rng: random.Random, facts: Facts, estimators: tuple[Estimator, ...]) -> Recipe:
    """The steps that a script needs to run at all, and those that a sensible draft always has."""
    recipe = Recipe(estimators)
    linear = recipe.linear
    if facts.categorical:
        recipe = recipe.with_step(_coding(rng, recipe, facts))
    if linear:
        recipe = recipe.with_step(rng.choices(SCALINGS, (5, 1, 2, 1))[0])
    if facts.datetime:
        recipe = recipe.with_step(rng.choices(("dates", "date cycles"), (4, 1))[0])
    if facts.text:
        recipe = recipe.with_step("text")
    names = {estimator.name for estimator in estimators}
    if facts.regression and names & {"svm", "mlp"}:
        recipe = recipe.with_step(rng.choice(["scaled target", "normal target"]))
    if facts.metric == "rmsle" and not any(recipe.has(t) for t in TARGETS) and rng.random() < 0.8:
        recipe = recipe.with_step("log target")
    if (
        facts.metric in ("balanced_accuracy", "macro_f1")
        and fits_step("balanced", recipe, facts)
        and rng.random() < 0.6
    ):
        recipe = recipe.with_step("balanced")
    return recipe


def _coding(rng: random.Random, recipe: Recipe, facts: Facts) -> str:
    codings = [coding for coding in CODINGS if fits_step(coding, recipe, facts)]
    return rng.choices(codings, [0.3 if coding == "hashed" else 1.0 for coding in codings])[0]


def fits_step(step: str, recipe: Recipe, facts: Facts) -> bool:
    """Whether the step makes sense, and runs, in this recipe on this task."""
    names = {estimator.name for estimator in recipe.estimators}
    single = len(recipe.estimators) == 1
    linear = recipe.linear
    if step in CODINGS and not facts.categorical:
        return False
    if step == "ordinal":
        return not linear
    if step in ("one-hot", "hashed"):
        return True
    if step == "target encoding":
        return not facts.multi
    if step == "native categories":
        return names == {"hist boosting"}
    if step in SCALINGS:
        return linear
    if step in ("dates", "date cycles"):
        return facts.datetime > 0
    if step == "text":
        return facts.text > 0
    if step == "logs" or step == "row statistics":
        return facts.numeric >= 3
    if step == "missing count":
        return facts.missing >= 2
    if step == "category counts":
        return facts.categorical > 0
    if step == "group means":
        return facts.categorical > 0 and facts.numeric > 0
    if step in ("products", "ratios"):
        return facts.numeric >= 3 and not facts.multi
    if step in ("bins", "splines"):
        return (
            linear and facts.numeric >= 1 and not ({"linear", "svm", "gaussian process", "neighbors"} & names)
        )
    if step == "polynomials":
        return linear and "linear" not in names and facts.numeric >= 2 and facts.narrow
    if step in ("clusters", "pca"):
        return facts.numeric >= 6 and not recipe.has("native categories")
    if step == "nystroem":
        return names <= {"ridge", "logistic", "huber", "elastic net", "lasso"}
    if step == "selection":
        return facts.columns >= 8 and not recipe.has("native categories") and not facts.multi
    if step == "balanced":
        balanceable = {"logistic", "random forest", "extra trees", "hist boosting", "svm"}
        return not facts.regression and facts.predict is Predict.LABEL and single and names <= balanceable
    if step == "l2":
        return names == {"xgboost"} and single
    if step == "monotone":  # counts the columns as prepared of all rows, which those of a part need not be
        return (
            names == {"xgboost"} and single and facts.kind in (Kind.REGRESSION, Kind.BINARY) and not facts.multi
            and not recipe.has("calibrated") and not recipe.has("threshold")
        )  # fmt: skip
    if step == "early stopping":  # on the target as it is
        return (
            names == {"xgboost"} and single and not facts.multi and facts.rows >= 300
            and not any(recipe.has(target) for target in TARGETS)
        )  # fmt: skip
    if step == "bagged":
        return single and not recipe.has("search") and facts.rows <= 20_000 and not (names & SLOW)
    if step == "search":
        return (
            single and bool(FAMILIES[recipe.estimators[0].name].values) and not recipe.has("bagged") and not facts.multi
            and not any(recipe.has(t) for t in ("balanced", "threshold", "calibrated", *TARGETS)) and facts.rows <= 20_000
        )  # fmt: skip
    if step == "calibrated":
        return (
            facts.predict is Predict.PROBABILITY and not facts.multi and not recipe.has("search") and single
            and facts.metric in ("logloss", "brier", "multiclass_logloss") and "svm" not in names
            and not recipe.has("monotone")
        )  # fmt: skip
    if step == "threshold":
        return (
            facts.kind is Kind.BINARY and facts.metric in ("f1", "mcc", "balanced_accuracy", "macro_f1") and single
            and not recipe.has("balanced") and not recipe.has("search") and not recipe.has("monotone")
            and "svm" not in names
        )  # fmt: skip
    if step in TARGETS:
        return (
            facts.regression and not facts.multi and not recipe.has("search") and not recipe.has("early stopping")
        )  # fmt: skip
    raise ValueError(f"unknown step {step!r}")


def fits(recipe: Recipe, facts: Facts) -> bool:
    """Whether all of the recipe makes sense on this task."""
    scaled = facts.regression and bool({estimator.name for estimator in recipe.estimators} & {"svm", "mlp"})
    return all(serves(estimator.name, facts) for estimator in recipe.estimators) and all(
        fits_step(step, recipe.without(step), facts) or (scaled and step in TARGETS) for step in recipe.names
    )


def covers(recipe: Recipe, facts: Facts) -> bool:
    """Whether no kind of column is left out."""
    return (
        (facts.categorical == 0 or any(recipe.has(step) for step in CODINGS))
        and (facts.datetime == 0 or recipe.has("dates") or recipe.has("date cycles"))
        and (facts.text == 0 or recipe.has("text"))
    )


def draft(
    rng: random.Random, facts: Facts, avoid: frozenset[str] = frozenset(), known: Learnt = NOTHING
) -> Recipe:
    """A first idea: simple, sensible, unlike the estimators in ``avoid``."""
    first = random_estimator(rng, facts, avoid, known)
    estimators, combine = (first,), ""
    if rng.random() < 0.12:
        other = random_estimator(rng, facts, avoid | {first.name}, known)
        if other.name != first.name:
            estimators, combine = (first, other), rng.choice(COMBINES)
    recipe = replace(base_steps(rng, facts, estimators), combine=combine)
    wanted = rng.choices((0, 1, 2), (5, 4, 2))[0]
    for _ in range(wanted):
        extras = [step for step in EXTRAS if addable(step, recipe, facts)]
        if extras:
            recipe = add(rng, recipe, rng.choice(extras), facts, known)
    return recipe


def addable(step: str, recipe: Recipe, facts: Facts) -> bool:
    """Whether the step can be added as one change."""
    if recipe.has(step) or not fits_step(step, recipe, facts):
        return False
    if step in TARGETS and any(recipe.has(t) for t in TARGETS):
        return False
    if step in ("dates", "date cycles") and (recipe.has("dates") or recipe.has("date cycles")):
        return step == "date cycles" and recipe.has("dates")
    return sum(1 for name in recipe.names if name in PIPELINE) < 2 or step not in PIPELINE


def settings(step: str, facts: Facts) -> tuple[str, ...]:
    """The settings that the step may have on this task; none where it has none. Components are fewer than columns."""
    values = SETTINGS.get(step, ())
    return tuple(value for value in values if step != "pca" or int(value) < facts.numeric)


def add(rng: random.Random, recipe: Recipe, step: str, facts: Facts, known: Learnt = NOTHING) -> Recipe:
    values = settings(step, facts)
    return recipe.with_step(step, value_of(rng, values, known) if values else "")
