"""The table of estimators: for each its name, the values of its parameters, when it serves, and its line in a script."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from aide_local.task import Predict
from models.training.corpus.experience import NOTHING, Experience
from models.training.corpus.facts import Facts
from models.training.corpus.recipe import Estimator, Recipe

Params = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Family:
    """One row of the table. ``call`` writes the constructor from the parameters; ``serves`` is asked beside the other limits."""

    call: Callable[[Params, Recipe, Facts], str]
    values: tuple[
        tuple[str, tuple[str, ...]], ...
    ] = ()  # of each parameter, by its word in the plan, in ascending order
    grid: tuple[str, str] | None = (
        None  # what a search varies: scikit-learn's name of the parameter, its values
    )
    regression: bool = True
    classes: bool = True
    linear: bool = False  # wants scaled, one-hot coded input without gaps
    weight: float = 1.0  # how often drafts choose it
    most_rows: int = 1_000_000
    serves: Callable[[Facts], bool] = lambda facts: True


def _balanced(recipe: Recipe) -> str:
    return ', class_weight="balanced"' if recipe.has("balanced") else ""


def _absolute(facts: Facts, loss: str) -> str:
    """Return the argument for a loss of absolute errors, if that is what the metric measures."""
    return loss if facts.regression and facts.metric in ("mae", "mape", "medae", "smape") else ""


def _svm(p: Params, recipe: Recipe, facts: Facts) -> str:
    if facts.regression:
        return f"SVR(C={p['C']})"
    if facts.predict is Predict.PROBABILITY:
        return f"CalibratedClassifierCV(SVC(C={p['C']}), ensemble=False)"
    return f"SVC(C={p['C']}{_balanced(recipe)})"


def _gaussian_process(p: Params, recipe: Recipe, facts: Facts) -> str:
    if facts.regression:
        return "GaussianProcessRegressor(RBF(5.0) + WhiteKernel(0.5), normalize_y=True, random_state=0)"
    return "GaussianProcessClassifier(RBF(5.0), random_state=0)"


def _mlp(p: Params, recipe: Recipe, facts: Facts) -> str:
    return f"MLP{facts.suffix}(hidden_layer_sizes=({p['units']}, 32), alpha={p['alpha']}, early_stopping=True, random_state=0)"


def _forest(name: str) -> Callable[[Params, Recipe, Facts], str]:
    def call(p: Params, recipe: Recipe, facts: Facts) -> str:
        return (
            f"{name}{facts.suffix}({p['trees']}, min_samples_leaf={p['leaf']}, max_features={p['features']}, "
            f"n_jobs=-1, random_state=0{_balanced(recipe)})"
        )

    return call


def _hist_boosting(p: Params, recipe: Recipe, facts: Facts) -> str:
    native = ", categorical_features=range(len(categorical))" if recipe.has("native categories") else ""
    loss = _absolute(facts, ', loss="absolute_error"')
    return (
        f"HistGradientBoosting{facts.suffix}(learning_rate={p['rate']}, max_iter={p['rounds']}, "
        f"max_leaf_nodes={p['leaves']}, random_state=0{loss}{native}{_balanced(recipe)})"
    )


def _xgboost(p: Params, recipe: Recipe, facts: Facts) -> str:
    loss = _absolute(facts, ', objective="reg:absoluteerror"')
    return (
        f"XGB{facts.suffix}(learning_rate={p['rate']}, n_estimators={p['rounds']}, max_depth={p['depth']}, "
        f"subsample=0.8, colsample_bytree=0.8, random_state=0{loss})"
    )


def _gradient_boosting(p: Params, recipe: Recipe, facts: Facts) -> str:
    return (
        f"GradientBoosting{facts.suffix}(learning_rate={p['rate']}, n_estimators={p['rounds']}, "
        f"max_depth={p['depth']}, subsample=0.8, random_state=0)"
    )


_FOREST_VALUES = (
    ("trees", ("200", "300", "500")), ("leaf", ("1", "2", "3", "5", "10")), ("features", ("0.3", "0.5", "0.8")),
)  # fmt: skip

FAMILIES: dict[str, Family] = {
    "linear": Family(
        lambda p, recipe, facts: "LinearRegression()",
        classes=False, linear=True, weight=0.4,
        serves=lambda facts: facts.narrow,  # nothing keeps its coefficients small: many columns want ridge
    ),
    "ridge": Family(
        lambda p, recipe, facts: f"Ridge(alpha={p['alpha']})",
        (("alpha", ("0.1", "1", "10", "100")),), ("alpha", "np.logspace(-2, 4, 30)"), classes=False, linear=True,
    ),
    "lasso": Family(
        lambda p, recipe, facts: f"Lasso(alpha={p['alpha']}, max_iter=5000)",
        (("alpha", ("0.001", "0.01", "0.1", "1")),), ("alpha", "np.logspace(-4, 1, 30)"),
        classes=False, linear=True, weight=0.6,
    ),
    "elastic net": Family(
        lambda p, recipe, facts: f"ElasticNetCV(l1_ratio={p['l1']}, max_iter=5000)",
        (("l1", ("0.1", "0.5", "0.9")),), ("l1_ratio", "np.linspace(0.1, 1, 10)"), classes=False, linear=True, weight=0.7,
    ),
    "huber": Family(
        lambda p, recipe, facts: f"HuberRegressor(epsilon={p['epsilon']}, max_iter=1000)",
        (("epsilon", ("1.1", "1.35", "2")),), ("epsilon", "np.linspace(1.05, 3, 10)"),
        classes=False, linear=True, weight=0.4,
    ),
    "logistic": Family(
        lambda p, recipe, facts: f"LogisticRegression(C={p['C']}, max_iter=2000{_balanced(recipe)})",
        (("C", ("0.01", "0.1", "1", "10")),), ("C", "np.logspace(-3, 2, 20)"), regression=False, linear=True, weight=1.5,
    ),
    "discriminant": Family(
        lambda p, recipe, facts: 'LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto")',
        regression=False, linear=True, weight=0.5,
    ),
    "naive bayes": Family(
        lambda p, recipe, facts: "GaussianNB(var_smoothing=0.01)", regression=False, linear=True, weight=0.3
    ),
    "neighbors": Family(
        lambda p, recipe, facts: f'KNeighbors{facts.suffix}({p["k"]}, weights="distance")',
        (("k", ("5", "10", "20", "40")),), ("n_neighbors", "np.arange(3, 60, 3)"),
        linear=True, weight=0.7, most_rows=50_000,
        # The probability of a class that no neighbor has is 0, whose logarithm no average makes up for.
        serves=lambda facts: facts.metric not in ("logloss", "multiclass_logloss"),
    ),
    "svm": Family(
        _svm, (("C", ("0.3", "1", "3", "10")),), ("C", "np.logspace(-1, 2, 10)"), linear=True, weight=1.2, most_rows=5_000
    ),
    "gaussian process": Family(_gaussian_process, linear=True, weight=0.5, most_rows=1_000),
    "mlp": Family(
        _mlp, (("units", ("32", "64", "128")), ("alpha", ("0.001", "0.01", "0.1", "1"))),
        ("alpha", "np.logspace(-4, 1, 10)"), linear=True, weight=0.8,
    ),
    "random forest": Family(
        _forest("RandomForest"), _FOREST_VALUES, ("min_samples_leaf", "np.arange(1, 20)"), weight=1.3, most_rows=100_000
    ),
    "extra trees": Family(
        _forest("ExtraTrees"), _FOREST_VALUES, ("min_samples_leaf", "np.arange(1, 20)"), weight=1.6, most_rows=100_000
    ),
    "hist boosting": Family(
        _hist_boosting, (("rate", ("0.03", "0.05", "0.1")), ("rounds", ("100", "200", "400")), ("leaves", ("7", "15", "31"))),
        ("l2_regularization", "np.logspace(-2, 2, 10)"), weight=2.0,
    ),
    "xgboost": Family(
        _xgboost, (("rate", ("0.03", "0.05", "0.1")), ("rounds", ("150", "300", "500")), ("depth", ("3", "4", "6", "8"))),
        ("min_child_weight", "np.arange(1, 30, 3)"), weight=2.0,
    ),
    "gradient boosting": Family(
        _gradient_boosting, (("rate", ("0.05", "0.1")), ("rounds", ("100", "200")), ("depth", ("2", "3", "4"))),
        ("min_samples_leaf", "np.arange(1, 30, 3)"), weight=0.7, most_rows=5_000,
        serves=lambda facts: facts.classes <= 10,
    ),
}  # fmt: skip


def serves(name: str, facts: Facts) -> bool:
    """Whether the estimator suits the task."""
    family = FAMILIES[name]
    kind = family.regression if facts.regression else family.classes
    return kind and facts.rows <= family.most_rows and family.serves(facts)


def is_linear(recipe: Recipe) -> bool:
    """Whether some estimator wants scaled input without gaps."""
    return any(FAMILIES[estimator.name].linear for estimator in recipe.estimators)


def constructor(estimator: Estimator, recipe: Recipe, facts: Facts) -> str:
    """Return the call that makes the estimator, as a step of ``recipe`` may want it.

    Raises:
        KeyError: the estimator lacks a parameter, or has one of no such name.
    """
    return FAMILIES[estimator.name].call(dict(estimator.params), recipe, facts)


def random_estimator(
    rng: random.Random, facts: Facts, avoid: frozenset[str] = frozenset(), known: Experience = NOTHING
) -> Estimator:
    """Return one that serves the task; names in ``avoid`` are ten times rarer, what is known to do well is more frequent."""
    names = [name for name in FAMILIES if serves(name, facts)]
    weights = [
        FAMILIES[name].weight * known.estimator(name, facts) * (0.1 if name in avoid else 1.0)
        for name in names
    ]
    name = rng.choices(names, weights)[0]
    params = tuple((word, value_of(rng, values, known)) for word, values in FAMILIES[name].values)
    return Estimator(name, params)


def value_of(rng: random.Random, values: tuple[str, ...], known: Experience) -> str:
    """Return one of ``values``; or, half of the time if ``known`` says so, one between two of them."""
    if len(values) == 1 or not known.between or rng.random() < 0.5:
        return rng.choice(values)
    at = rng.randrange(len(values) - 1)
    low, high = float(values[at]), float(values[at + 1])
    value = low * (high / low) ** rng.random()
    if values[at].isdigit() and values[at + 1].isdigit():
        return str(round(value, -1 if value >= 100 else 0)).removesuffix(".0")
    return str(float(f"{value:.2g}")).removesuffix(".0")
