"""From a recipe to its script: blocks in one fixed order, one line for each choice, each step, and each estimator of several,
under its words in the plan.

Scripts take every name from ``input/task.json``, so nothing of the task is retyped but its shape
(kind, what is predicted, several targets or one).
"""

from __future__ import annotations

import re
from collections.abc import Callable

from aide_local.task import Kind, Predict
from models.training.corpus.recipes import Estimator, Facts, Recipe

_MODULES: dict[str, tuple[str, ...]] = {
    "sklearn.base": ("clone",),
    "sklearn.calibration": ("CalibratedClassifierCV",),
    "sklearn.cluster": ("KMeans",),
    "sklearn.compose": ("TransformedTargetRegressor", "make_column_transformer"),
    "sklearn.decomposition": ("PCA", "TruncatedSVD"),
    "sklearn.discriminant_analysis": ("LinearDiscriminantAnalysis",),
    "sklearn.ensemble": (
        "BaggingClassifier", "BaggingRegressor", "ExtraTreesClassifier", "ExtraTreesRegressor",
        "GradientBoostingClassifier", "GradientBoostingRegressor", "HistGradientBoostingClassifier",
        "HistGradientBoostingRegressor", "RandomForestClassifier", "RandomForestRegressor", "StackingClassifier",
        "StackingRegressor", "VotingClassifier", "VotingRegressor",
    ),
    "sklearn.feature_extraction": ("FeatureHasher",),
    "sklearn.feature_extraction.text": ("HashingVectorizer",),
    "sklearn.feature_selection": ("SelectPercentile", "f_classif", "f_regression"),
    "sklearn.gaussian_process": ("GaussianProcessClassifier", "GaussianProcessRegressor"),
    "sklearn.gaussian_process.kernels": ("RBF", "WhiteKernel"),
    "sklearn.impute": ("SimpleImputer",),
    "sklearn.kernel_approximation": ("Nystroem",),
    "sklearn.linear_model": ("ElasticNetCV", "HuberRegressor", "Lasso", "LinearRegression", "LogisticRegression", "Ridge"),
    "sklearn.model_selection": ("RandomizedSearchCV", "TunedThresholdClassifierCV", "train_test_split"),
    "sklearn.multioutput": ("MultiOutputClassifier", "MultiOutputRegressor"),
    "sklearn.naive_bayes": ("GaussianNB",),
    "sklearn.neighbors": ("KNeighborsClassifier", "KNeighborsRegressor"),
    "sklearn.neural_network": ("MLPClassifier", "MLPRegressor"),
    "sklearn.pipeline": ("make_pipeline", "make_union"),
    "sklearn.preprocessing": (
        "FunctionTransformer", "KBinsDiscretizer", "OneHotEncoder", "OrdinalEncoder", "PolynomialFeatures",
        "PowerTransformer", "QuantileTransformer", "RobustScaler", "SplineTransformer", "StandardScaler", "TargetEncoder",
    ),
    "sklearn.svm": ("SVC", "SVR"),
    "xgboost": ("XGBClassifier", "XGBRegressor"),
}  # fmt: skip

_SCALERS = {
    "scaled": "StandardScaler()",
    "robust scaled": "RobustScaler()",
    "quantile scaled": 'QuantileTransformer(n_quantiles=100, output_distribution="normal")',
    "power scaled": "PowerTransformer()",
}

# estimator -> parameter grid of its search, by the name of the parameter in scikit-learn
_GRIDS = {
    "ridge": ("alpha", "np.logspace(-2, 4, 30)"),
    "lasso": ("alpha", "np.logspace(-4, 1, 30)"),
    "elastic net": ("l1_ratio", "np.linspace(0.1, 1, 10)"),
    "huber": ("epsilon", "np.linspace(1.05, 3, 10)"),
    "logistic": ("C", "np.logspace(-3, 2, 20)"),
    "neighbors": ("n_neighbors", "np.arange(3, 60, 3)"),
    "svm": ("C", "np.logspace(-1, 2, 10)"),
    "mlp": ("alpha", "np.logspace(-4, 1, 10)"),
    "random forest": ("min_samples_leaf", "np.arange(1, 20)"),
    "extra trees": ("min_samples_leaf", "np.arange(1, 20)"),
    "hist boosting": ("l2_regularization", "np.logspace(-2, 2, 10)"),
    "xgboost": ("min_child_weight", "np.arange(1, 30, 3)"),
    "gradient boosting": ("min_samples_leaf", "np.arange(1, 30, 3)"),
}


def script(recipe: Recipe, facts: Facts) -> str:
    """The whole script, formatted, ending in a newline."""
    body = [
        *_target(facts),
        *feature_lines(recipe, facts),
        *prepare_lines(recipe, facts),
        *model_lines(recipe, facts),
    ]
    body += _predict(facts)
    text = "\n".join(body) + "\n"
    return "\n".join([*imports(text), *_READ, text])


_READ = [
    "",
    'task = json.load(open("input/task.json"))',
    'train = pd.read_csv("input/train.csv")',
    'test = pd.read_csv("input/test.csv")',
    'numeric, categorical = task["numeric"], task["categorical"]',
]


def imports(body: str) -> list[str]:
    """The import lines that ``body`` needs."""
    lines = ["import json", ""]
    if "np." in body:
        lines.append("import numpy as np")
    lines.append("import pandas as pd")
    for module, names in _MODULES.items():
        used = [name for name in names if re.search(rf"\b{name}[(,]", body)]
        if used:
            lines.append(f"from {module} import {', '.join(used)}")
    return lines


def _target(facts: Facts) -> list[str]:
    if facts.multi:
        return ['y = train[task["targets"]]']
    if facts.regression:
        return ['y = train[task["target"]]']
    return ['y = train[task["target"]].astype(str).map(task["classes"].index)']


def feature_lines(recipe: Recipe, facts: Facts) -> list[str]:
    lines = ["", "", "def features(data):", "    X = data[numeric].astype(float)"]
    lines.append('    X[categorical] = data[categorical].astype(str).fillna("none")')
    for step in recipe.names:
        if step in _FEATURE_LINES:
            lines += ["    " + line for line in (_title(recipe, step), *_FEATURE_LINES[step])]
    return [*lines, "    return X", "", "", "X, X_test = features(train), features(test)"]


def _title(recipe: Recipe, step: str) -> str:
    """The comment above the lines of a step: its words in the plan."""
    return f"# {step} {recipe.setting(step)}".rstrip()


_FEATURE_LINES: dict[str, tuple[str, ...]] = {
    "dates": (
        'for name in task["datetime"]:',
        "    date = pd.to_datetime(data[name]).dt",
        '    X[name + "_year"], X[name + "_month"], X[name + "_day"] = date.year, date.month, date.day',
        '    X[name + "_weekday"], X[name + "_hour"] = date.weekday, date.hour',
    ),
    "date cycles": (
        'for name in task["datetime"]:',
        "    date = pd.to_datetime(data[name]).dt",
        '    X[name + "_sin"] = np.sin(2 * np.pi * date.dayofyear / 365)',
        '    X[name + "_cos"] = np.cos(2 * np.pi * date.dayofyear / 365)',
        '    X[name + "_morning"] = np.sin(2 * np.pi * date.hour / 24)',
        '    X[name + "_noon"] = np.cos(2 * np.pi * date.hour / 24)',
    ),
    "text": (
        'X["text"] = data[task["text"]].fillna("").astype(str).agg(" ".join, axis=1)',
    ),
    "logs": (
        "for name in numeric:",
        '    X["log_" + name] = np.sign(X[name]) * np.log1p(X[name].abs())',
    ),
    "row statistics": (
        'X["row_mean"], X["row_std"] = X[numeric].mean(axis=1), X[numeric].std(axis=1)',
    ),
    "missing count": (
        'X["missing"] = data.isna().sum(axis=1)',
    ),
    "category counts": (
        "for name in categorical:",
        '    X[name + "_count"] = data[name].map(train[name].value_counts()).fillna(0).astype(float)',
    ),
    "group means": (
        "for name in train[categorical].nunique().nlargest(2).index:",
        "    means = train.groupby(name)[numeric].mean()",
        '    X[[f"{name}_{n}" for n in numeric]] = means.reindex(data[name]).to_numpy()',
    ),
    "products": (
        "top = train[numeric].corrwith(y).abs().nlargest(4).index",
        "for i, a in enumerate(top):",
        "    for b in top[:i]:",
        '        X[f"{a}*{b}"] = X[a] * X[b]',
    ),
    "ratios": (
        "top = train[numeric].corrwith(y).abs().nlargest(4).index",
        "for i, a in enumerate(top):",
        "    for b in top[:i]:",
        '        X[f"{a}/{b}"] = X[a] / (X[b].abs() + 1)',
    ),
}  # fmt: skip

_CODERS = {
    "one-hot": 'OneHotEncoder(handle_unknown="ignore", min_frequency=5, sparse_output=False)',
    "ordinal": 'OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1)',
    "target encoding": "TargetEncoder(random_state=0)",
    "native categories": (
        'OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=np.nan, max_categories=200)'
    ),
    "hashed": 'make_pipeline(FunctionTransformer(lambda x: x.to_dict("records")), FeatureHasher(64))',
}


def prepare_lines(recipe: Recipe, facts: Facts) -> list[str]:
    """The column transformer, then what works on its output."""
    text = '["text"]' if recipe.has("text") else ""
    numbers = f"numbers = X.columns.drop(categorical{' + ' + text if text else ''})"
    gaps = {estimator.name for estimator in recipe.estimators} <= {"hist boosting", "xgboost"}
    if gaps and not any(name in recipe.names for name in ("clusters", "pca", "selection")):
        number = '"passthrough"'
    else:
        number = 'SimpleImputer(strategy="median", add_indicator=True)'
    scaling = next((name for name in recipe.names if name in _SCALERS), "")
    extra = {}
    if recipe.has("splines"):
        extra["splines"] = f"SplineTransformer(n_knots={recipe.setting('splines')})"
    if recipe.has("bins"):
        extra["bins"] = (
            f'KBinsDiscretizer(n_bins={recipe.setting("bins")}, encode="onehot-dense", quantile_method="linear")'
        )
    if scaling or extra:
        number = 'SimpleImputer(strategy="median")'
    lines = ["", numbers, f"number = {number}"]
    if scaling:
        lines += [_title(recipe, scaling), f"number = make_pipeline(number, {_SCALERS[scaling]})"]
    for step, one in extra.items():
        lines.append(_title(recipe, step))
        lines.append(f'number = make_union(number, make_pipeline(SimpleImputer(strategy="median"), {one}))')
    coding = next((name for name in recipe.names if name in _CODERS), "")
    parts = []
    if coding:
        coder = _CODERS[coding]
        if coding == "target encoding" and facts.regression:
            coder = 'TargetEncoder(target_type="continuous", random_state=0)'  # whole numbers are not classes
        lines += [_title(recipe, coding), f"coder = {coder}"]
        if coding == "target encoding" and recipe.linear:
            lines.append("coder = make_pipeline(coder, StandardScaler())")
        if coding == "hashed":
            lines.append("coder = make_pipeline(coder, FunctionTransformer(lambda x: x.toarray()))")
        parts.append("(coder, categorical)")
    parts.append("(number, numbers)")
    if text:
        lines.append(
            "words = make_pipeline(HashingVectorizer(n_features=4096, ngram_range=(1, 2)), TruncatedSVD(20))"
        )
        parts.append('(words, "text")')
    lines.append(f"prepare = make_column_transformer({', '.join(parts)})")
    return [*lines, *_titled(recipe, _after_columns, facts)]


def _titled(recipe: Recipe, lines_of: Callable[[str, Recipe, Facts], list[str]], facts: Facts) -> list[str]:
    """The lines of each step that ``lines_of`` knows, in their order, each step under its title."""
    found = []
    for step in recipe.names:
        if lines := lines_of(step, recipe, facts):
            found += [_title(recipe, step), *lines]
    return found


def _after_columns(step: str, recipe: Recipe, facts: Facts) -> list[str]:
    """The lines of a step that works on the output of the column transformer; none for any other."""
    match step:
        case "polynomials":
            return ["prepare = make_pipeline(prepare, PolynomialFeatures(2, interaction_only=True))"]
        case "clusters":
            return [
                f"clusters = make_pipeline(StandardScaler(), KMeans({recipe.setting(step)}, random_state=0))",
                "prepare = make_pipeline(prepare, make_union(FunctionTransformer(), clusters))",
            ]
        case "pca":
            return [
                f"parts = make_pipeline(StandardScaler(), PCA({recipe.setting(step)}, random_state=0))",
                "prepare = make_pipeline(prepare, make_union(FunctionTransformer(), parts))",
            ]
        case "selection":
            score = "f_regression" if facts.regression else "f_classif"
            chosen = f"SelectPercentile({score}, percentile={recipe.setting(step)})"
            return [f"prepare = make_pipeline(prepare, {chosen})"]
        case "nystroem":
            kernel = f"Nystroem(n_components={recipe.setting(step)}, random_state=0)"
            return [f"prepare = make_pipeline(prepare, {kernel})"]
    return []


def estimator_line(estimator: Estimator, recipe: Recipe, facts: Facts, variable: str = "model") -> str:
    return f"{variable} = {_constructor(estimator, recipe, facts)}"


def _constructor(estimator: Estimator, recipe: Recipe, facts: Facts) -> str:
    p = dict(estimator.params)
    kind = "Regressor" if facts.regression else "Classifier"
    balanced = ', class_weight="balanced"' if recipe.has("balanced") else ""
    absolute = facts.metric in ("mae", "mape", "medae", "smape")
    match estimator.name:
        case "linear":
            return "LinearRegression()"
        case "ridge":
            return f"Ridge(alpha={p['alpha']})"
        case "lasso":
            return f"Lasso(alpha={p['alpha']}, max_iter=5000)"
        case "elastic net":
            return f"ElasticNetCV(l1_ratio={p['l1']}, max_iter=5000)"
        case "huber":
            return f"HuberRegressor(epsilon={p['epsilon']}, max_iter=1000)"
        case "logistic":
            return f"LogisticRegression(C={p['C']}, max_iter=2000{balanced})"
        case "discriminant":
            return 'LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto")'
        case "naive bayes":
            return "GaussianNB(var_smoothing=0.01)"
        case "neighbors":
            return f'KNeighbors{kind}({p["k"]}, weights="distance")'
        case "svm":
            if facts.regression:
                return f"SVR(C={p['C']})"
            if facts.predict is Predict.PROBABILITY:
                return f"CalibratedClassifierCV(SVC(C={p['C']}), ensemble=False)"
            return f"SVC(C={p['C']}{balanced})"
        case "gaussian process":
            if facts.regression:
                return (
                    "GaussianProcessRegressor(RBF(5.0) + WhiteKernel(0.5), normalize_y=True, random_state=0)"
                )
            return "GaussianProcessClassifier(RBF(5.0), random_state=0)"
        case "mlp":
            return f"MLP{kind}(hidden_layer_sizes=({p['units']}, 32), alpha={p['alpha']}, early_stopping=True, random_state=0)"
        case "random forest" | "extra trees":
            name = "RandomForest" if estimator.name == "random forest" else "ExtraTrees"
            return (
                f"{name}{kind}({p['trees']}, min_samples_leaf={p['leaf']}, max_features={p['features']}, "
                f"n_jobs=-1, random_state=0{balanced})"
            )
        case "hist boosting":
            native = (
                ", categorical_features=range(len(categorical))" if recipe.has("native categories") else ""
            )
            loss = ', loss="absolute_error"' if facts.regression and absolute else ""
            return (
                f"HistGradientBoosting{kind}(learning_rate={p['rate']}, max_iter={p['rounds']}, "
                f"max_leaf_nodes={p['leaves']}, random_state=0{loss}{native}{balanced})"
            )
        case "xgboost":
            loss = ', objective="reg:absoluteerror"' if facts.regression and absolute else ""
            return (
                f"XGB{kind}(learning_rate={p['rate']}, n_estimators={p['rounds']}, max_depth={p['depth']}, "
                f"subsample=0.8, colsample_bytree=0.8, random_state=0{loss})"
            )
        case "gradient boosting":
            return (
                f"GradientBoosting{kind}(learning_rate={p['rate']}, n_estimators={p['rounds']}, "
                f"max_depth={p['depth']}, subsample=0.8, random_state=0)"
            )
    raise ValueError(f"unknown estimator {estimator.name!r}")


def model_lines(recipe: Recipe, facts: Facts) -> list[str]:
    """The model, all that wraps it, and its fit."""
    kind = "Regressor" if facts.regression else "Classifier"
    lines = [""]
    if recipe.has("balanced"):
        lines.append(_title(recipe, "balanced"))
    if len(recipe.estimators) == 1:
        lines.append(estimator_line(recipe.estimators[0], recipe, facts))
    else:
        variables = ("first", "second", "third")[: len(recipe.estimators)]
        for estimator, variable in zip(recipe.estimators, variables, strict=True):
            lines += [f"# {estimator.words()}", estimator_line(estimator, recipe, facts, variable)]
        pairs = ", ".join(f'("{v}", {v})' for v in variables)
        if recipe.combine == "voting":
            soft = "" if facts.regression else ', voting="soft"'
            if facts.predict is Predict.LABEL and any(e.name == "svm" for e in recipe.estimators):
                soft = ""
            lines.append(f"model = Voting{kind}([{pairs}]{soft})")
        else:
            lines.append(
                f"model = Stacking{kind}([{pairs}], {'Ridge()' if facts.regression else 'LogisticRegression()'})"
            )
    lines += _titled(recipe, _around_estimator, facts)
    if facts.multi:
        lines.append(f"model = MultiOutput{kind}(model)")
    lines.append("model = make_pipeline(prepare, model)")
    return [*lines, *_titled(recipe, _around_pipeline, facts), "model.fit(X, y)"]


def _around_estimator(step: str, recipe: Recipe, facts: Facts) -> list[str]:
    """The lines of a step that wraps the estimator, before the columns are prepared for it; none for any other."""
    match step:
        case "l2":
            return [f"model.set_params(reg_lambda={recipe.setting(step)})"]
        case "monotone":
            return [
                'told = pd.DataFrame(prepare.fit_transform(X, y)).corrwith(y, method="spearman")',
                "model.set_params(monotone_constraints=tuple(np.sign(told.where(told.abs() > 0.3, 0)).astype(int)))",
            ]
        case "early stopping":  # the number of rounds is found on a part of the rows, then all are fitted
            alike = "" if facts.regression else ", stratify=y"
            return [
                f"part, held, y_part, y_held = train_test_split(prepare.fit_transform(X, y), y{alike}, random_state=0)",
                "trial = clone(model).set_params(early_stopping_rounds=30)",
                "trial.fit(part, y_part, eval_set=[(held, y_held)], verbose=False)",
                "model.set_params(n_estimators=trial.best_iteration + 1)",
            ]
        case "bagged":
            kind = "Regressor" if facts.regression else "Classifier"
            return [f"model = Bagging{kind}(model, {recipe.setting(step)}, max_samples=0.8, random_state=0)"]
        case "search":  # of one target only
            name, values = _GRIDS[recipe.estimators[0].name]
            calibrated = recipe.estimators[0].name == "svm" and facts.predict is Predict.PROBABILITY
            name = f"estimator__{name}" if calibrated else name
            return [
                f'model = RandomizedSearchCV(model, {{"{name}": {values}}}, n_iter=6, cv=3, random_state=0)'
            ]
    return []


def _around_pipeline(step: str, recipe: Recipe, facts: Facts) -> list[str]:
    """The lines of a step that wraps the whole pipeline; none for any other."""
    match step:
        case "calibrated":
            return ['model = CalibratedClassifierCV(model, method="sigmoid", cv=3)']
        case "threshold":
            scoring = {"f1": "f1", "mcc": "matthews_corrcoef", "macro_f1": "f1_macro"}.get(
                facts.metric, facts.metric
            )
            return [f'model = TunedThresholdClassifierCV(model, scoring="{scoring}", cv=3)']
        case "log target":
            # A target that may be negative has no logarithm; arcsinh is one on both sides of zero.
            pair = (
                "np.log1p, inverse_func=np.expm1"
                if facts.metric == "rmsle"
                else "np.arcsinh, inverse_func=np.sinh"
            )
            return [f"model = TransformedTargetRegressor(model, func={pair})"]
        case "sqrt target":  # signed, as the logarithm
            pair = "func=lambda y: np.sign(y) * abs(y) ** 0.5, inverse_func=lambda y: np.sign(y) * y**2"
            return [f"model = TransformedTargetRegressor(model, {pair})"]
        case "power target":
            return ["model = TransformedTargetRegressor(model, transformer=PowerTransformer())"]
        case "scaled target":
            return ["model = TransformedTargetRegressor(model, transformer=StandardScaler())"]
        case "normal target":
            transformer = 'QuantileTransformer(n_quantiles=100, output_distribution="normal")'
            return [f"model = TransformedTargetRegressor(model, transformer={transformer})"]
    return []


def _predict(facts: Facts) -> list[str]:
    lines = ['submission = pd.DataFrame({task["id"]: test[task["id"]]})']
    if facts.predict is Predict.LABEL:
        if facts.multi:
            lines.append('submission[task["outputs"]] = model.predict(X_test)')
        else:
            lines.append('submission[task["outputs"][0]] = np.array(task["classes"])[model.predict(X_test)]')
    elif facts.regression:
        if facts.multi:
            lines.append('submission[task["outputs"]] = model.predict(X_test)')
        elif facts.metric == "rmsle":
            lines.append('submission[task["outputs"][0]] = np.clip(model.predict(X_test), 0, None)')
        else:
            lines.append('submission[task["outputs"][0]] = model.predict(X_test)')
    elif facts.kind is Kind.MULTILABEL:
        lines.append('submission[task["outputs"]] = np.array(model.predict_proba(X_test))[:, :, 1].T')
    elif facts.kind is Kind.BINARY:
        lines.append('submission[task["outputs"][0]] = model.predict_proba(X_test)[:, 1]')
    else:
        lines.append('submission[task["outputs"]] = model.predict_proba(X_test)')
    return [*lines, 'submission.to_csv("working/submission.csv", index=False)']
