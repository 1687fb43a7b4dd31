"""From a recipe to its script: parts in one fixed order, one line for each choice, each step, and each estimator of several,
under its words in the plan.

Scripts take every name from ``input/task.json``, so nothing of the task is retyped but its shape
(kind, what is predicted, several targets or one). The lines of steps and estimators stand in their tables.
"""

from __future__ import annotations

from aide_local.task import Kind, Predict
from models.training.corpus.estimators import constructor
from models.training.corpus.facts import Facts
from models.training.corpus.imports import imports
from models.training.corpus.recipe import Estimator, Recipe
from models.training.corpus.steps import CODINGS, Part, titled_lines

_READ = [
    "",
    'task = json.load(open("input/task.json"))',
    'train = pd.read_csv("input/train.csv")',
    'test = pd.read_csv("input/test.csv")',
    'numeric, categorical = task["numeric"], task["categorical"]',
]


def script(recipe: Recipe, facts: Facts) -> str:
    """Return the whole script, formatted, ending in a newline."""
    body = [
        _target(facts),
        *feature_lines(recipe, facts),
        *prepare_lines(recipe, facts),
        *model_lines(recipe, facts),
        *_predict(facts),
    ]
    text = "\n".join(body) + "\n"
    return "\n".join([*imports(text), *_READ, text])


def _target(facts: Facts) -> str:
    if facts.multi:
        return 'y = train[task["targets"]]'
    if facts.regression:
        return 'y = train[task["target"]]'
    return 'y = train[task["target"]].astype(str).map(task["classes"].index)'


def feature_lines(recipe: Recipe, facts: Facts) -> list[str]:
    """Return the function that makes the features, and its use."""
    return [
        "",
        "",
        "def features(data):",
        "    X = data[numeric].astype(float)",
        '    X[categorical] = data[categorical].astype(str).fillna("none")',
        *(f"    {line}" for line in titled_lines(recipe, facts, Part.FEATURES)),
        "    return X",
        "",
        "",
        "X, X_test = features(train), features(test)",
    ]


def prepare_lines(recipe: Recipe, facts: Facts) -> list[str]:
    """Return the column transformer, then what works on its output."""
    text = recipe.has("text")
    dropped = 'categorical + ["text"]' if text else "categorical"
    lines = [
        "",
        f"numbers = X.columns.drop({dropped})",
        f"number = {_number(recipe, facts)}",
        *titled_lines(recipe, facts, Part.SCALING, Part.NUMBERS),
        *titled_lines(recipe, facts, Part.CODING),
    ]
    parts = ["(coder, categorical)"] if recipe.has(*CODINGS) else []
    parts.append("(number, numbers)")
    if text:
        lines.append(
            "words = make_pipeline(HashingVectorizer(n_features=4096, ngram_range=(1, 2)), TruncatedSVD(20))"
        )
        parts.append('(words, "text")')
    lines.append(f"prepare = make_column_transformer({', '.join(parts)})")
    return [*lines, *titled_lines(recipe, facts, Part.COLUMNS)]


def _number(recipe: Recipe, facts: Facts) -> str:
    """Return the transformer that fills the gaps of numeric columns, or leaves them to estimators that can."""
    if any(titled_lines(recipe, facts, Part.SCALING, Part.NUMBERS)):
        return 'SimpleImputer(strategy="median")'
    if recipe.estimator_names <= {"hist boosting", "xgboost"} and not recipe.has(
        "clusters", "pca", "selection"
    ):
        return '"passthrough"'
    return 'SimpleImputer(strategy="median", add_indicator=True)'


def estimator_line(estimator: Estimator, recipe: Recipe, facts: Facts, variable: str = "model") -> str:
    return f"{variable} = {constructor(estimator, recipe, facts)}"


def model_lines(recipe: Recipe, facts: Facts) -> list[str]:
    """Return the model, all that wraps it, and its fit."""
    lines = ["", *titled_lines(recipe, facts, Part.ESTIMATOR)]
    if recipe.single:
        lines.append(estimator_line(recipe.estimators[0], recipe, facts))
    else:
        lines += _combination(recipe, facts)
    lines += titled_lines(recipe, facts, Part.BOOSTING, Part.WRAP)
    if facts.multi:
        lines.append(f"model = MultiOutput{facts.suffix}(model)")
    lines.append("model = make_pipeline(prepare, model)")
    return [*lines, *titled_lines(recipe, facts, Part.PIPELINE, Part.TARGET), "model.fit(X, y)"]


def _combination(recipe: Recipe, facts: Facts) -> list[str]:
    """Return each estimator under its words, so that no value is written into another's line; then all together."""
    lines = []
    variables = ("first", "second", "third")[: len(recipe.estimators)]
    for estimator, variable in zip(recipe.estimators, variables, strict=True):
        lines += [f"# {estimator.words()}", estimator_line(estimator, recipe, facts, variable)]
    pairs = ", ".join(f'("{variable}", {variable})' for variable in variables)
    if recipe.combine == "voting":
        labels = facts.predict is Predict.LABEL and "svm" in recipe.estimator_names
        soft = "" if facts.regression or labels else ', voting="soft"'
        return [*lines, f"model = Voting{facts.suffix}([{pairs}]{soft})"]
    last = "Ridge()" if facts.regression else "LogisticRegression()"
    return [*lines, f"model = Stacking{facts.suffix}([{pairs}], {last})"]


def _predict(facts: Facts) -> list[str]:
    """Return the lines of the submission: labels, values or probabilities, in one column or in several."""
    one, several = 'submission[task["outputs"][0]]', 'submission[task["outputs"]]'
    if facts.multi and (facts.predict is Predict.LABEL or facts.regression):
        line = f"{several} = model.predict(X_test)"
    elif facts.predict is Predict.LABEL:
        line = f'{one} = np.array(task["classes"])[model.predict(X_test)]'
    elif facts.regression and facts.metric == "rmsle":
        line = f"{one} = np.clip(model.predict(X_test), 0, None)"
    elif facts.regression:
        line = f"{one} = model.predict(X_test)"
    elif facts.kind is Kind.MULTILABEL:
        line = f"{several} = np.array(model.predict_proba(X_test))[:, :, 1].T"
    elif facts.kind is Kind.BINARY:
        line = f"{one} = model.predict_proba(X_test)[:, 1]"
    else:
        line = f"{several} = model.predict_proba(X_test)"
    return [
        'submission = pd.DataFrame({task["id"]: test[task["id"]]})',
        line,
        'submission.to_csv("working/submission.csv", index=False)',
    ]
