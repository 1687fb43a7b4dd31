"""Bugs that models make, put into a working script: each with the words of its fix.

A bug is a small edit of a script that :mod:`render` made. Most are one replaced piece of text; the
rest work on whole lines or on the names of the script. What a bug leads to is not written here: the
error is got by running the script (:mod:`bank`).
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from dataclasses import dataclass

from models.training.corpus.facts import Facts

Edit = Callable[[random.Random, str, Facts], str | None]


@dataclass(frozen=True, slots=True)
class Bug:
    """``fix`` is the first sentence of the plan that fixes it; ``edit`` returns None if it does not apply. A ``weight`` of 0 is
    for bugs that are only put in by name: one more weight would give every seed of the bank another bug."""

    name: str
    fix: str
    edit: Edit
    weight: float = 1.0


def _swap(old: str, new: str) -> Edit:
    """Replace the first place of ``old``."""

    def edit(rng: random.Random, code: str, facts: Facts) -> str | None:
        return code.replace(old, new, 1) if old in code else None

    return edit


def _pattern(old: str, new: str) -> Edit:
    """Replace one random match of the pattern ``old``."""

    def edit(rng: random.Random, code: str, facts: Facts) -> str | None:
        matches = list(re.finditer(old, code))
        if not matches:
            return None
        match = rng.choice(matches)
        return code[: match.start()] + match.expand(new) + code[match.end() :]

    return edit


def _drop_line(pattern: str) -> Edit:
    def edit(rng: random.Random, code: str, facts: Facts) -> str | None:
        lines = code.split("\n")
        places = [n for n, line in enumerate(lines) if re.search(pattern, line)]
        if not places:
            return None
        del lines[rng.choice(places)]
        return "\n".join(lines)

    return edit


def _drop_name_of_import(rng: random.Random, code: str, facts: Facts) -> str | None:
    """Drop one name of a from-import, or the whole line if it is the only one."""
    lines = code.split("\n")
    places = [n for n, line in enumerate(lines) if line.startswith("from ")]
    place = rng.choice(places)
    head, names = lines[place].split(" import ")
    kept = names.split(", ")
    kept.remove(rng.choice(kept))
    lines[place : place + 1] = [f"{head} import {', '.join(kept)}"] if kept else []
    return "\n".join(lines)


def _other_estimator(rng: random.Random, code: str, facts: Facts) -> str | None:
    """Write the constructor of one estimator under the import of another, as small models do."""
    known = (
        "RandomForest", "ExtraTrees", "HistGradientBoosting", "GradientBoosting", "XGB", "KNeighbors", "MLP",
    )  # fmt: skip
    kind = "Regressor" if facts.regression else "Classifier"
    used = [name for name in known if re.search(rf"\b{name}{kind}\(", code)]
    if not used:
        return None
    name = rng.choice(used)
    other = rng.choice([one for one in known if one != name])
    return re.sub(rf"\b{name}{kind}\(", f"{other}{kind}(", code)


def _wrong_kind(rng: random.Random, code: str, facts: Facts) -> str | None:
    """Write regressor for classifier or the reverse, import included: a wrong idea, not a typo."""
    old, new = ("Regressor", "Classifier") if facts.regression else ("Classifier", "Regressor")
    names = set(
        re.findall(
            rf"\b((?:RandomForest|ExtraTrees|HistGradientBoosting|GradientBoosting|XGB|KNeighbors|MLP){old})\b",
            code,
        )
    )
    if not names:
        return None
    name = rng.choice(sorted(names))
    return re.sub(rf"\b{name}\b", name.replace(old, new), code)


def _typo(rng: random.Random, code: str, facts: Facts) -> str | None:
    """Misspell one use of a name: a letter dropped, doubled or two swapped."""
    words = [
        m
        for m in re.finditer(r"\b[A-Za-z_]{5,}\b", code)
        if not _in_word_list(m.group()) and "# " not in code[code.rfind("\n", 0, m.start()) : m.start()]
    ]
    if not words:
        return None
    match = rng.choice(words)
    word = match.group()
    at = rng.randrange(1, len(word) - 1)
    wrong = rng.choice(
        [word[:at] + word[at + 1 :], word[:at] + word[at] + word[at:], word[: at - 1] + word[at] + word[at - 1] + word[at + 1 :]]
    )  # fmt: skip
    if wrong == word:
        return None
    return code[: match.start()] + wrong + code[match.end() :]


def _in_word_list(word: str) -> bool:
    return word in {"import", "return", "lambda", "False", "range", "index"}


def _misspelt_parameter(rng: random.Random, code: str, facts: Facts) -> str | None:
    names = list(re.finditer(r"\b([a-z_]{4,})=(?!=)", code))
    if not names:
        return None
    match = rng.choice(names)
    word = match.group(1)
    wrong = rng.choice([word + "s", word[:-1], word.replace("_", ""), "n_" + word, word.split("_")[-1]])
    if wrong == word:
        return None
    return code[: match.start(1)] + wrong + code[match.end(1) :]


def _lose_character(characters: str) -> Edit:
    def edit(rng: random.Random, code: str, facts: Facts) -> str | None:
        places = [n for n, c in enumerate(code) if c in characters]
        if not places:
            return None
        place = rng.choice(places)
        return code[:place] + code[place + 1 :]

    return edit


def _indent(rng: random.Random, code: str, facts: Facts) -> str | None:
    lines = code.split("\n")
    places = [n for n, line in enumerate(lines) if line.startswith("    ")]
    if not places:
        return None
    place = rng.choice(places)
    lines[place] = rng.choice([lines[place].strip(), "  " + lines[place]])
    return "\n".join(lines)


def _swap_lines(rng: random.Random, code: str, facts: Facts) -> str | None:
    """Put a line of the model's part before the line that it needs."""
    lines = code.split("\n")
    places = [
        n
        for n in range(len(lines) - 1)
        if " = " in lines[n] and lines[n + 1].startswith(("model", "prepare", "number"))
    ]
    if not places:
        return None
    place = rng.choice(places)
    lines[place], lines[place + 1] = lines[place + 1], lines[place]
    return "\n".join(lines)


_FIT = "model.fit(X, y)"
_PREDICT = r"model\.predict(?:_proba)?\(X_test\)"

BUGS: tuple[Bug, ...] = (
    Bug("target name typed", 'take the target from task', _swap('train[task["target"]]', 'train["target"]')),
    Bug("target of another name", 'take the target from task', _swap('train[task["target"]]', 'train["label"]')),
    Bug("id typed", "take the id from task", _swap('{task["id"]: test[task["id"]]}', '{"id": test["id"]}')),
    Bug("id column renamed", "take the id from task", _swap('{task["id"]: test', '{"row": test')),
    Bug("no id", "keep the id in the submission", _swap('pd.DataFrame({task["id"]: test[task["id"]]})', "pd.DataFrame()")),
    Bug("output typed", "take the outputs from task", _pattern(r'submission\[task\["outputs"\](?:\[0\])?\]', 'submission["prediction"]'), 2),
    Bug("wrong key of task", "use the keys of task", _pattern(r'task\["(\w+)"\]', r'task["\1_columns"]')),
    Bug("key of task in the singular", "use the keys of task", _pattern(r'task\["(outputs|classes)"\]', r'task["output"]')),
    Bug("json without open", "open task.json", _swap('json.load(open("input/task.json"))', 'json.load("input/task.json")')),
    Bug("task in the wrong folder", "read from input", _pattern(r'"input/(task\.json|train\.csv|test\.csv)"', r'"\1"')),
    Bug("data folder", "read from input", _pattern(r'"input/(train|test)\.csv"', r'"data/\1.csv"')),
    Bug("submission in the wrong folder", "write working/submission.csv", _swap("working/submission.csv", "submission.csv")),
    Bug("submission misnamed", "write working/submission.csv", _swap("working/submission.csv", "working/submissions.csv")),
    Bug("folder that is not there", "write working/submission.csv", _swap("working/submission.csv", "working/out/submission.csv")),
    Bug("index written", "write without the index", _swap('submission[task["outputs"]] = ', 'submission = ')),
    Bug("submission not written", "write working/submission.csv", _drop_line(r"to_csv")),
    Bug("import dropped", "add the missing import", _drop_name_of_import, 4),
    Bug("numpy not imported", "import numpy", _drop_line(r"^import numpy")),
    Bug("json not imported", "import json", _drop_line(r"^import json")),
    Bug("pandas not imported", "import pandas", _drop_line(r"^import pandas")),
    Bug("estimator of another name", "import what the model uses", _other_estimator, 3),
    Bug("wrong kind of estimator", "use the right kind of estimator", _wrong_kind, 2),
    Bug("pipeline from the wrong module", "import from the right module", _swap("from sklearn.pipeline import make_pipeline", "from sklearn.preprocessing import make_pipeline")),
    Bug("imputer of old", "import from the right module", _swap("from sklearn.impute import SimpleImputer", "from sklearn.preprocessing import Imputer as SimpleImputer")),
    Bug("transformer of old", "import from the right module", _swap("from sklearn.compose import", "from sklearn.preprocessing import")),
    Bug("ensemble from the wrong module", "import from the right module", _swap("from sklearn.ensemble import", "from sklearn.tree import")),
    Bug("linear model from the wrong module", "import from the right module", _swap("from sklearn.linear_model import", "from sklearn.linear import")),
    Bug("module that is not installed", "use only installed packages", _swap("from xgboost import XGB", "from lightgbm import LGBM")),
    Bug("module of the estimator not installed", "use only installed packages", _swap("from sklearn.ensemble import", "from catboost import")),
    Bug("misspelt name", "correct the misspelt name", _typo, 6),
    Bug("misspelt parameter", "correct the parameter", _misspelt_parameter, 4),
    Bug("sparse renamed", "correct the parameter", _swap("sparse_output=False", "sparse=False")),
    Bug("parameter of another estimator", "correct the parameter", _pattern(r"(max_iter|n_estimators)=(\d+)", r"n_rounds=\2")),
    Bug("auto features", "correct the parameter", _pattern(r"max_features=[\d.]+", 'max_features="auto"')),
    Bug("value as text", "correct the parameter", _pattern(r"=(\d+\.?\d*)([,)])", r'="\1"\2')),
    Bug("negative value", "correct the parameter", _pattern(r"(C|alpha|min_samples_leaf|n_estimators|max_iter)=(\d)", r"\1=-\2")),
    Bug("random state where none is", "correct the parameter", _pattern(r"(SimpleImputer\(|StandardScaler\(|SVR\(|KNeighborsClassifier\(|KNeighborsRegressor\()", r"\1random_state=0, ")),
    Bug("strategy misspelt", "correct the parameter", _swap('strategy="median"', 'strategy="medium"')),
    Bug("unknown handling misspelt", "correct the parameter", _pattern(r'handle_unknown="\w+"', 'handle_unknown="skip"')),
    Bug("no unknown handling", "handle unknown categories", _pattern(r'handle_unknown="use_encoded_value", unknown_value=-1', "")),
    Bug("numpy float", "use float", _swap("astype(float)", "astype(np.float)")),
    Bug("frame append", "use current pandas", _swap("submission = pd.DataFrame(", "submission = pd.DataFrame().append(")),
    Bug("iteritems", "use current pandas", _pattern(r"for name in (numeric|categorical):", r"for name, _ in data[\1].iteritems():")),
    Bug("fill method", "use current pandas", _swap('.fillna("none")', '.fillna(method="ffill")')),
    Bug("imputer dropped", "fill the missing values", _pattern(r'SimpleImputer\(strategy="median"(?:, add_indicator=True)?\)', '"passthrough"'), 2),
    Bug("categories not encoded", "encode the categories", _pattern(r"\(coder, categorical\)", '("passthrough", categorical)'), 2),
    Bug("categories as numbers", "encode the categories", _swap("X = data[numeric].astype(float)", "X = data[numeric + categorical].astype(float)")),
    Bug("text not encoded", "encode the text", _swap('(words, "text")', '("passthrough", ["text"])')),
    Bug("dates not parsed", "parse the dates", _swap("pd.to_datetime(data[name]).dt", "data[name].dt")),
    Bug("labels for probabilities", "predict probabilities", _pattern(r"model\.predict_proba\(X_test\)(?:\[:, 1\])?", "model.predict(X_test)"), 2),
    Bug("both columns of probabilities", "keep the positive class", _swap("predict_proba(X_test)[:, 1]", "predict_proba(X_test)")),
    Bug("third class of two", "keep the positive class", _swap("predict_proba(X_test)[:, 1]", "predict_proba(X_test)[:, 2]")),
    Bug("one class of many", "keep all classes", _pattern(r'(task\["outputs"\]\] = model\.predict_proba\(X_test\))\n', "\\1[:, 1]\n")),
    Bug("probabilities for values", "predict values", _pattern(r"model\.predict\(X_test\)", "model.predict_proba(X_test)")),
    Bug("labels as numbers", "map back to the classes", _pattern(r'np\.array\(task\["classes"\]\)\[(model\.predict\(X_test\))\]', r"\1")),
    Bug("labels not mapped", "map the labels to numbers", _swap('.astype(str).map(task["classes"].index)', "")),
    Bug("labels mapped by a list", "map the labels to numbers", _swap('.map(task["classes"].index)', '.map(task["classes"])')),
    Bug("not fitted", "fit the model", _drop_line(re.escape(_FIT)), 2),
    Bug("fitted without target", "fit with the target", _swap(_FIT, "model.fit(X)")),
    Bug("fitted the wrong way round", "fit with X and y", _swap(_FIT, "model.fit(y, X)")),
    Bug("fitted on raw data", "fit on the features", _swap(_FIT, "model.fit(train, y)")),
    Bug("fitted on the test rows", "fit on the training rows", _swap(_FIT, "model.fit(X_test, y)")),
    Bug("predicts the training rows", "predict the test rows", _pattern(r"(model\.predict(?:_proba)?)\(X_test\)", r"\1(X)"), 2),
    Bug("predicts raw rows", "predict the test features", _pattern(r"(model\.predict(?:_proba)?)\(X_test\)", r"\1(test)")),
    Bug("class for instance", "make the estimator", _pattern(r"(StandardScaler|FunctionTransformer|RobustScaler|PowerTransformer)\(\)", r"\1")),
    Bug("test features forgotten", "make the test features", _swap("X, X_test = features(train), features(test)", "X = features(train)")),
    Bug("nothing returned", "return the features", _drop_line(r"^    return X"), 2),
    Bug("target among the features", "take the target out", _swap("data[numeric].astype(float)", 'data[numeric + [task["target"]]].astype(float)')),
    Bug("names of test", "use names that exist", _swap("X.columns.drop(categorical", "test.columns.drop(categorical")),
    Bug("lists instead of index", "use the columns of X", _swap("numbers = X.columns.drop(categorical", "numbers = X.drop(categorical")),
    Bug("line of the model dropped", "define what is used", _drop_line(r"^(number|coder|prepare|model|numbers|numeric|y|task|first|second) ?.*= "), 4),
    Bug("lines in the wrong order", "define before use", _swap_lines, 2),
    Bug("parenthesis lost", "close the parenthesis", _lose_character(")"), 2),
    Bug("bracket lost", "close the bracket", _lose_character("]"), 1),
    Bug("quote lost", "close the quote", _lose_character('"'), 1),
    Bug("colon lost", "add the colon", _pattern(r":\n", "\n"), 1),
    Bug("comma lost", "add the comma", _pattern(r", ", " "), 1),
    Bug("indentation", "correct the indentation", _indent, 2),
    Bug("log of the raw target", "keep the logarithm finite", _swap("func=np.log1p, inverse_func=np.expm1", "func=np.log, inverse_func=np.exp")),
    Bug("huge search", "make it faster", _swap("n_iter=6, cv=3", "n_iter=3000, cv=10")),
    Bug("huge forest", "make it faster", _pattern(r"(RandomForest\w+|ExtraTrees\w+)\(\d+", r"\1(200000")),
    Bug("endless boosting", "make it faster", _pattern(r"(max_iter|n_estimators)=\d+, max_(leaf_nodes|depth)", r"\1=500000, max_\2")),
    Bug("huge polynomials", "use less memory", _pattern(r"prepare = make_column_transformer\((.*)\)\n", r"prepare = make_pipeline(make_column_transformer(\1), PolynomialFeatures(9))\n")),
    Bug("division by zero", "do not divide by zero", _swap("(X[b].abs() + 1)", "(X[b] * 0)")),
    Bug("early stopping with no rows to watch", "give the rows to watch", _swap(", eval_set=[(held, y_held)]", ""), 3),
    Bug("early stopping of old", "set early_stopping_rounds on the model", _swap("verbose=False)", "verbose=False, early_stopping_rounds=30)"), 3),
    Bug("constraints of raw columns", "one constraint for each prepared column", _swap("told = pd.DataFrame(prepare.fit_transform(X, y))", "told = X"), 3),
    Bug("hashed rows as a frame", "hash one record for each row", _swap('lambda x: x.to_dict("records")', "lambda x: x.to_numpy()"), 2),
    Bug("scoring misspelt", "correct the scoring", _pattern(r'scoring="\w+"', 'scoring="score"')),
    Bug("too many parts", "use fewer parts", _pattern(r"PCA\(\d+", "PCA(5000")),
    Bug("too many neighbors", "use fewer neighbors", _pattern(r"(KNeighbors\w+)\(\d+", r"\1(100000")),
    Bug("id among the features", "leave the id out", _swap("data[numeric].astype(float)", 'data[[task["id"], *numeric]].astype(float)'), 0),
)  # fmt: skip


def break_script(rng: random.Random, code: str, facts: Facts, only: str = "") -> tuple[Bug, str] | None:
    """Put a random bug into ``code`` (the one named ``only``, if given); return it and the script, None if none applies."""
    bugs = [bug for bug in BUGS if not only or bug.name == only]
    for bug in rng.choices(bugs, None if only else [bug.weight for bug in bugs], k=20):
        wrong = bug.edit(rng, code, facts)
        if wrong is not None and wrong != code:
            return bug, wrong
    return None
