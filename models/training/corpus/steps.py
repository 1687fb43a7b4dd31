"""The table of steps: for each its name, its part of the script, when it fits, its lines, and the settings that it may have.

To add a step, add a row: drafts, changes, plans, thoughts and scripts all follow from this table. The order of the rows is
the order in which a script takes its steps, so that the plan is read from left to right while the script is written.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from enum import Enum, auto

from aide_local.task import Kind, Predict
from models.training.corpus.estimators import FAMILIES, is_linear
from models.training.corpus.facts import Facts
from models.training.corpus.recipe import Recipe

Fits = Callable[[Recipe, Facts], bool]
Lines = Callable[[str, Recipe, Facts], Sequence[str]]


class Part(Enum):
    """The part of the script that a step's lines belong to."""

    FEATURES = auto()  # inside ``features(data)``
    SCALING = auto()  # of the numeric columns
    NUMBERS = auto()  # further columns made of the numeric ones
    CODING = auto()  # of the categorical columns
    COLUMNS = auto()  # on the output of the column transformer
    ESTIMATOR = auto()  # an argument of the estimator: the step has a title and no lines
    BOOSTING = auto()  # settings of XGBoost alone
    WRAP = auto()  # around the estimator
    PIPELINE = auto()  # around the whole pipeline
    TARGET = auto()  # around the whole pipeline: the target on another scale


@dataclass(frozen=True, slots=True)
class Step:
    """One row of the table."""

    part: Part
    fits: Fits
    lines: Lines
    settings: tuple[str, ...] = ()


def _always(*lines: str) -> Lines:
    return lambda setting, recipe, facts: lines


def _number(transformer: str) -> Lines:
    """Return the line of a scaling."""
    return _always(f"number = make_pipeline(number, {transformer})")


def _further(transformer: str) -> Lines:
    """Return the line that puts further columns beside the numeric ones; ``{}`` stands for the setting."""
    return lambda setting, recipe, facts: (
        f'number = make_union(number, make_pipeline(SimpleImputer(strategy="median"), {transformer.format(setting)}))',
    )


def _beside(variable: str, transformer: str) -> Lines:
    """Return the lines that put what a transformer finds beside the prepared columns; ``{}`` stands for the setting."""
    return lambda setting, recipe, facts: (
        f"{variable} = make_pipeline(StandardScaler(), {transformer.format(setting)})",
        f"prepare = make_pipeline(prepare, make_union(FunctionTransformer(), {variable}))",
    )


def _target(arguments: str) -> Lines:
    return _always(f"model = TransformedTargetRegressor(model, {arguments})")


# ---- when a step fits, if that takes more than a line ----


def _only(recipe: Recipe, *names: str) -> bool:
    """Whether every estimator is one of these."""
    return recipe.estimator_names <= {*names}


def _xgboost_alone(recipe: Recipe) -> bool:
    return recipe.single and _only(recipe, "xgboost")


def _target_fits(recipe: Recipe, facts: Facts) -> bool:
    return facts.regression and not facts.multi and not recipe.has("search", "early stopping")


def _further_fits(recipe: Recipe, facts: Facts) -> bool:
    plain = recipe.estimator_names & {"linear", "svm", "gaussian process", "neighbors"}
    return is_linear(recipe) and facts.numeric >= 1 and not plain


def _many_numbers(recipe: Recipe, facts: Facts) -> bool:
    return facts.numeric >= 6 and not recipe.has("native categories")


def _balanced_fits(recipe: Recipe, facts: Facts) -> bool:
    balanceable = ("logistic", "random forest", "extra trees", "hist boosting", "svm")
    labels = not facts.regression and facts.predict is Predict.LABEL
    return labels and recipe.single and _only(recipe, *balanceable)


def _monotone_fits(recipe: Recipe, facts: Facts) -> bool:
    """It fits unless a part of the rows is prepared again: that part may have other columns than those constrained."""
    ordered = facts.kind in (Kind.REGRESSION, Kind.BINARY) and not facts.multi
    return _xgboost_alone(recipe) and ordered and not recipe.has("calibrated", "threshold")


def _early_stopping_fits(recipe: Recipe, facts: Facts) -> bool:
    """It fits unless the target is put on another scale: boosting stops by the target as it is."""
    return _xgboost_alone(recipe) and not facts.multi and facts.rows >= 300 and not recipe.has(*TARGETS)


def _bagged_fits(recipe: Recipe, facts: Facts) -> bool:
    slow = {"gaussian process", "random forest", "extra trees", "gradient boosting", "svm"}
    return (
        recipe.single
        and not recipe.has("search")
        and facts.rows <= 20_000
        and not recipe.estimator_names & slow
    )


def _search_fits(recipe: Recipe, facts: Facts) -> bool:
    varied = recipe.single and bool(FAMILIES[recipe.estimators[0].name].values)
    free = not recipe.has("bagged", "balanced", "threshold", "calibrated", *TARGETS)
    return varied and free and not facts.multi and facts.rows <= 20_000


def _calibrated_fits(recipe: Recipe, facts: Facts) -> bool:
    measured = facts.predict is Predict.PROBABILITY and facts.metric in (
        "logloss",
        "brier",
        "multiclass_logloss",
    )
    free = not recipe.has("search", "monotone") and "svm" not in recipe.estimator_names
    return measured and not facts.multi and recipe.single and free


def _threshold_fits(recipe: Recipe, facts: Facts) -> bool:
    measured = facts.kind is Kind.BINARY and facts.metric in ("f1", "mcc", "balanced_accuracy", "macro_f1")
    free = not recipe.has("balanced", "search", "monotone") and "svm" not in recipe.estimator_names
    return measured and recipe.single and free


# ---- lines that depend on the recipe or the task ----


def _target_encoding(setting: str, recipe: Recipe, facts: Facts) -> list[str]:
    kind = 'target_type="continuous", ' if facts.regression else ""  # whole numbers are not classes
    lines = [f"coder = TargetEncoder({kind}random_state=0)"]
    return [*lines, "coder = make_pipeline(coder, StandardScaler())"] if is_linear(recipe) else lines


def _selection(setting: str, recipe: Recipe, facts: Facts) -> list[str]:
    score = "f_regression" if facts.regression else "f_classif"
    return [f"prepare = make_pipeline(prepare, SelectPercentile({score}, percentile={setting}))"]


def _early_stopping(setting: str, recipe: Recipe, facts: Facts) -> list[str]:
    """Find the number of rounds on a part of the rows, then fit all of them."""
    alike = "" if facts.regression else ", stratify=y"
    return [
        f"part, held, y_part, y_held = train_test_split(prepare.fit_transform(X, y), y{alike}, random_state=0)",
        "trial = clone(model).set_params(early_stopping_rounds=30)",
        "trial.fit(part, y_part, eval_set=[(held, y_held)], verbose=False)",
        "model.set_params(n_estimators=trial.best_iteration + 1)",
    ]


def _search(setting: str, recipe: Recipe, facts: Facts) -> list[str]:
    estimator = recipe.estimators[0].name
    grid = FAMILIES[estimator].grid
    if grid is None:
        raise KeyError(f"{estimator} has no parameter to search")
    name, values = grid
    calibrated = estimator == "svm" and facts.predict is Predict.PROBABILITY
    name = f"estimator__{name}" if calibrated else name
    return [f'model = RandomizedSearchCV(model, {{"{name}": {values}}}, n_iter=6, cv=3, random_state=0)']


def _threshold(setting: str, recipe: Recipe, facts: Facts) -> list[str]:
    names = {"f1": "f1", "mcc": "matthews_corrcoef", "macro_f1": "f1_macro"}
    scoring = names.get(facts.metric, facts.metric)
    return [f'model = TunedThresholdClassifierCV(model, scoring="{scoring}", cv=3)']


def _log_target(setting: str, recipe: Recipe, facts: Facts) -> list[str]:
    """Take arcsinh of a target that may be negative: it is a logarithm on both sides of zero."""
    rmsle = facts.metric == "rmsle"
    pair = "np.log1p, inverse_func=np.expm1" if rmsle else "np.arcsinh, inverse_func=np.sinh"
    return [f"model = TransformedTargetRegressor(model, func={pair})"]


STEPS: dict[str, Step] = {
    "dates": Step(Part.FEATURES, lambda recipe, facts: facts.datetime > 0, _always(
        'for name in task["datetime"]:',
        "    date = pd.to_datetime(data[name]).dt",
        '    X[name + "_year"], X[name + "_month"], X[name + "_day"] = date.year, date.month, date.day',
        '    X[name + "_weekday"], X[name + "_hour"] = date.weekday, date.hour',
    )),
    "date cycles": Step(Part.FEATURES, lambda recipe, facts: facts.datetime > 0, _always(
        'for name in task["datetime"]:',
        "    date = pd.to_datetime(data[name]).dt",
        '    X[name + "_sin"] = np.sin(2 * np.pi * date.dayofyear / 365)',
        '    X[name + "_cos"] = np.cos(2 * np.pi * date.dayofyear / 365)',
        '    X[name + "_morning"] = np.sin(2 * np.pi * date.hour / 24)',
        '    X[name + "_noon"] = np.cos(2 * np.pi * date.hour / 24)',
    )),
    "text": Step(Part.FEATURES, lambda recipe, facts: facts.text > 0, _always(
        'X["text"] = data[task["text"]].fillna("").astype(str).agg(" ".join, axis=1)',
    )),
    "logs": Step(Part.FEATURES, lambda recipe, facts: facts.numeric >= 3, _always(
        "for name in numeric:",
        '    X["log_" + name] = np.sign(X[name]) * np.log1p(X[name].abs())',
    )),
    "row statistics": Step(Part.FEATURES, lambda recipe, facts: facts.numeric >= 3, _always(
        'X["row_mean"], X["row_std"] = X[numeric].mean(axis=1), X[numeric].std(axis=1)',
    )),
    "missing count": Step(Part.FEATURES, lambda recipe, facts: facts.missing >= 2, _always(
        'X["missing"] = data.isna().sum(axis=1)',
    )),
    "category counts": Step(Part.FEATURES, lambda recipe, facts: facts.categorical > 0, _always(
        "for name in categorical:",
        '    X[name + "_count"] = data[name].map(train[name].value_counts()).fillna(0).astype(float)',
    )),
    "group means": Step(Part.FEATURES, lambda recipe, facts: facts.categorical > 0 and facts.numeric > 0, _always(
        "for name in train[categorical].nunique().nlargest(2).index:",
        "    means = train.groupby(name)[numeric].mean()",
        '    X[[f"{name}_{n}" for n in numeric]] = means.reindex(data[name]).to_numpy()',
    )),
    "products": Step(Part.FEATURES, lambda recipe, facts: facts.numeric >= 3 and not facts.multi, _always(
        "top = train[numeric].corrwith(y).abs().nlargest(4).index",
        "for i, a in enumerate(top):",
        "    for b in top[:i]:",
        '        X[f"{a}*{b}"] = X[a] * X[b]',
    )),
    "ratios": Step(Part.FEATURES, lambda recipe, facts: facts.numeric >= 3 and not facts.multi, _always(
        "top = train[numeric].corrwith(y).abs().nlargest(4).index",
        "for i, a in enumerate(top):",
        "    for b in top[:i]:",
        '        X[f"{a}/{b}"] = X[a] / (X[b].abs() + 1)',
    )),
    "scaled": Step(Part.SCALING, lambda recipe, facts: is_linear(recipe), _number("StandardScaler()")),
    "robust scaled": Step(Part.SCALING, lambda recipe, facts: is_linear(recipe), _number("RobustScaler()")),
    "quantile scaled": Step(
        Part.SCALING, lambda recipe, facts: is_linear(recipe),
        _number('QuantileTransformer(n_quantiles=100, output_distribution="normal")'),
    ),
    "power scaled": Step(Part.SCALING, lambda recipe, facts: is_linear(recipe), _number("PowerTransformer()")),
    "splines": Step(Part.NUMBERS, _further_fits, _further("SplineTransformer(n_knots={})"), ("4", "6", "8")),
    "bins": Step(
        Part.NUMBERS, _further_fits,
        _further('KBinsDiscretizer(n_bins={}, encode="onehot-dense", quantile_method="linear")'), ("5", "10", "20"),
    ),
    "one-hot": Step(Part.CODING, lambda recipe, facts: facts.categorical > 0, _always(
        'coder = OneHotEncoder(handle_unknown="ignore", min_frequency=5, sparse_output=False)',
    )),
    "ordinal": Step(Part.CODING, lambda recipe, facts: facts.categorical > 0 and not is_linear(recipe), _always(
        'coder = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1)',
    )),
    "target encoding": Step(
        Part.CODING, lambda recipe, facts: facts.categorical > 0 and not facts.multi, _target_encoding
    ),
    "native categories": Step(
        Part.CODING, lambda recipe, facts: facts.categorical > 0 and _only(recipe, "hist boosting"), _always(
            'coder = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=np.nan, max_categories=200)',
        )
    ),
    "hashed": Step(Part.CODING, lambda recipe, facts: facts.categorical > 0, _always(
        'coder = make_pipeline(FunctionTransformer(lambda x: x.to_dict("records")), FeatureHasher(64))',
        "coder = make_pipeline(coder, FunctionTransformer(lambda x: x.toarray()))",
    )),
    "polynomials": Step(
        Part.COLUMNS,
        lambda recipe, facts: is_linear(recipe) and "linear" not in recipe.estimator_names and facts.numeric >= 2 and facts.narrow,
        _always("prepare = make_pipeline(prepare, PolynomialFeatures(2, interaction_only=True))"),
    ),
    "clusters": Step(Part.COLUMNS, _many_numbers, _beside("clusters", "KMeans({}, random_state=0)"), ("5", "10", "20")),
    "pca": Step(Part.COLUMNS, _many_numbers, _beside("parts", "PCA({}, random_state=0)"), ("5", "10", "20")),
    "selection": Step(
        Part.COLUMNS,
        lambda recipe, facts: facts.columns >= 8 and not recipe.has("native categories") and not facts.multi,
        _selection, ("30", "50", "70"),
    ),
    "nystroem": Step(
        Part.COLUMNS, lambda recipe, facts: _only(recipe, "ridge", "logistic", "huber", "elastic net", "lasso"),
        lambda setting, recipe, facts: (
            f"prepare = make_pipeline(prepare, Nystroem(n_components={setting}, random_state=0))",
        ),
        ("100", "300"),
    ),
    "l2": Step(
        Part.BOOSTING, lambda recipe, facts: _xgboost_alone(recipe),
        lambda setting, recipe, facts: (f"model.set_params(reg_lambda={setting})",), ("3", "10", "30"),
    ),
    "monotone": Step(Part.BOOSTING, _monotone_fits, _always(
        'told = pd.DataFrame(prepare.fit_transform(X, y)).corrwith(y, method="spearman")',
        "model.set_params(monotone_constraints=tuple(np.sign(told.where(told.abs() > 0.3, 0)).astype(int)))",
    )),
    "early stopping": Step(Part.BOOSTING, _early_stopping_fits, _early_stopping),
    "balanced": Step(Part.ESTIMATOR, _balanced_fits, _always()),
    "bagged": Step(
        Part.WRAP, _bagged_fits,
        lambda setting, recipe, facts: (
            f"model = Bagging{facts.suffix}(model, {setting}, max_samples=0.8, random_state=0)",
        ),
        ("5", "10", "20"),
    ),
    "search": Step(Part.WRAP, _search_fits, _search),
    "calibrated": Step(Part.PIPELINE, _calibrated_fits, _always(
        'model = CalibratedClassifierCV(model, method="sigmoid", cv=3)',
    )),
    "threshold": Step(Part.PIPELINE, _threshold_fits, _threshold),
    "log target": Step(Part.TARGET, _target_fits, _log_target),
    "sqrt target": Step(Part.TARGET, _target_fits, _target(  # signed, as the logarithm
        "func=lambda y: np.sign(y) * abs(y) ** 0.5, inverse_func=lambda y: np.sign(y) * y**2"
    )),
    "power target": Step(Part.TARGET, _target_fits, _target("transformer=PowerTransformer()")),
    "scaled target": Step(Part.TARGET, _target_fits, _target("transformer=StandardScaler()")),
    "normal target": Step(Part.TARGET, _target_fits, _target(
        'transformer=QuantileTransformer(n_quantiles=100, output_distribution="normal")'
    )),
}  # fmt: skip


def _of(*parts: Part) -> tuple[str, ...]:
    return tuple(name for name, step in STEPS.items() if step.part in parts)


FEATURES, SCALINGS, CODINGS, TARGETS = (
    _of(part) for part in (Part.FEATURES, Part.SCALING, Part.CODING, Part.TARGET)
)
# Of these a script has two at most. Seeds draw them in this order, which is not that of scripts.
PIPELINE = ("bins", "splines", "polynomials", "clusters", "pca", "nystroem", "selection")
# The steps that a script does without.
EXTRAS = (
    *FEATURES, *PIPELINE, *_of(Part.BOOSTING, Part.ESTIMATOR, Part.WRAP, Part.PIPELINE, Part.TARGET),
)  # fmt: skip
_PLACES = {name: place for place, name in enumerate(STEPS)}


def with_step(recipe: Recipe, step: str, setting: str = "") -> Recipe:
    """Return the recipe with the step, at its place; a step that it has gets the new setting."""
    rest = [pair for pair in recipe.steps if pair[0] != step]
    return replace(recipe, steps=tuple(sorted([*rest, (step, setting)], key=lambda pair: _PLACES[pair[0]])))


def fits_step(step: str, recipe: Recipe, facts: Facts) -> bool:
    """Whether the step makes sense, and runs, in this recipe on this task."""
    return STEPS[step].fits(recipe, facts)


def addable(step: str, recipe: Recipe, facts: Facts) -> bool:
    """Whether the step can be added as one change."""
    if recipe.has(step) or not fits_step(step, recipe, facts):
        return False
    if step in TARGETS and recipe.has(*TARGETS):
        return False
    if step in ("dates", "date cycles") and recipe.has("dates", "date cycles"):
        return step == "date cycles" and recipe.has("dates")
    return sum(1 for name in recipe.names if name in PIPELINE) < 2 or step not in PIPELINE


def settings(step: str, facts: Facts) -> tuple[str, ...]:
    """Return the settings that the step may have on this task; none if it has none. Components are fewer than columns."""
    return tuple(value for value in STEPS[step].settings if step != "pca" or int(value) < facts.numeric)


def title(recipe: Recipe, step: str) -> str:
    """Return the comment above the lines of a step: its words in the plan."""
    return f"# {step} {recipe.setting(step)}".rstrip()


def titled_lines(recipe: Recipe, facts: Facts, *parts: Part) -> Iterator[str]:
    """Yield the lines of the recipe's steps that belong to these parts, each step under its title."""
    for name, setting in recipe.steps:
        if STEPS[name].part in parts:
            yield title(recipe, name)
            yield from STEPS[name].lines(setting, recipe, facts)
