"""The table of metrics, and the search for one by any of the names that people give it."""

from __future__ import annotations

import re
from difflib import get_close_matches

from aide_local.errors import TaskError
from aide_local.metrics.metric import Metric
from aide_local.task import Direction, Kind, Predict

_UP, _DOWN = Direction.MAXIMIZE, Direction.MINIMIZE
_VALUE, _PROBABILITY, _LABEL = Predict.VALUE, Predict.PROBABILITY, Predict.LABEL
_REGRESSION = frozenset({Kind.REGRESSION})
_BINARY = frozenset({Kind.BINARY})
_ONE_OF_SEVERAL = frozenset({Kind.BINARY, Kind.MULTICLASS})
_YES_NO = frozenset({Kind.BINARY, Kind.MULTILABEL})
_MULTILABEL = frozenset({Kind.MULTILABEL})
_CLASSES = frozenset({Kind.BINARY, Kind.MULTICLASS, Kind.MULTILABEL})

# name, title, direction, what is predicted, kinds, best constant, bounded
_TABLE = (
    Metric("rmse", "root mean squared error", _DOWN, _VALUE, _REGRESSION, "mean", False),
    Metric("mse", "mean squared error", _DOWN, _VALUE, _REGRESSION, "mean", False),
    Metric("mcrmse", "mean column-wise root mean squared error", _DOWN, _VALUE, _REGRESSION, "mean", False),
    Metric("rmsle", "root mean squared logarithmic error", _DOWN, _VALUE, _REGRESSION, "log_mean", False),
    Metric("mae", "mean absolute error", _DOWN, _VALUE, _REGRESSION, "median", False),
    Metric("medae", "median absolute error", _DOWN, _VALUE, _REGRESSION, "shortest_half", False),
    Metric("mape", "mean absolute percentage error", _DOWN, _VALUE, _REGRESSION, "relative_median", False),
    Metric("smape", "symmetric mean absolute percentage error", _DOWN, _VALUE, _REGRESSION, "median", False),
    Metric("r2", "coefficient of determination", _UP, _VALUE, _REGRESSION, "mean", True),
    Metric("auc", "area under the ROC curve", _UP, _PROBABILITY, _BINARY, "rate", True),
    Metric("gini", "normalised Gini coefficient", _UP, _PROBABILITY, _BINARY, "rate", True),
    Metric("logloss", "log loss", _DOWN, _PROBABILITY, _YES_NO, "rate", False),
    Metric("average_precision", "average precision", _UP, _PROBABILITY, _YES_NO, "rate", True),
    Metric("brier", "Brier score", _DOWN, _PROBABILITY, _YES_NO, "rate", True),
    Metric("mean_columnwise_auc", "mean column-wise ROC AUC", _UP, _PROBABILITY, _MULTILABEL, "rate", True),
    Metric(
        "multiclass_logloss",
        "multi-class log loss",
        _DOWN,
        _PROBABILITY,
        frozenset({Kind.MULTICLASS}),
        "frequencies",
        False,
    ),
    Metric(
        "multiclass_auc",
        "ROC AUC, one class against the rest, mean over classes",
        _UP,
        _PROBABILITY,
        frozenset({Kind.MULTICLASS}),
        "frequencies",
        True,
    ),
    Metric("accuracy", "accuracy", _UP, _LABEL, _CLASSES, "most_frequent", True),
    Metric("balanced_accuracy", "balanced accuracy", _UP, _LABEL, _ONE_OF_SEVERAL, "most_frequent", True),
    Metric("f1", "F1 of the positive class", _UP, _LABEL, _BINARY, "positive", True),
    Metric("macro_f1", "F1, mean over classes", _UP, _LABEL, _CLASSES, "positive_or_most_frequent", True),
    Metric("weighted_f1", "F1, weighted by class", _UP, _LABEL, _ONE_OF_SEVERAL, "most_frequent", True),
    Metric("mcc", "Matthews correlation coefficient", _UP, _LABEL, _ONE_OF_SEVERAL, "most_frequent", True),
    Metric("qwk", "quadratic weighted kappa", _UP, _LABEL, _ONE_OF_SEVERAL, "middle_class", True),
)
_METRICS = {metric.name: metric for metric in _TABLE}

# Keys as ``_plain`` leaves them: lower case, letters and digits only.
_ALIASES = {
    "rootmeansquarederror": "rmse",
    "rootmeansquareerror": "rmse",
    "rmserror": "rmse",
    "meansquarederror": "mse",
    "meancolumnwiserootmeansquarederror": "mcrmse",
    "meancolumnwisermse": "mcrmse",
    "columnwisermse": "mcrmse",
    "rootmeansquaredlogarithmicerror": "rmsle",
    "rootmeansquaredlogerror": "rmsle",
    "meanabsoluteerror": "mae",
    "l1": "mae",
    "medianabsoluteerror": "medae",
    "meanabsolutepercentageerror": "mape",
    "symmetricmeanabsolutepercentageerror": "smape",
    "rsquared": "r2",
    "r2score": "r2",
    "coefficientofdetermination": "r2",
    "rocauc": "auc",
    "aucroc": "auc",
    "auroc": "auc",
    "rocaucscore": "auc",
    "areaundertheroccurve": "auc",
    "areaunderroc": "auc",
    "areaunderthereceiveroperatingcharacteristiccurve": "auc",
    "normalizedgini": "gini",
    "normalisedgini": "gini",
    "binarylogloss": "logloss",
    "binarycrossentropy": "logloss",
    "crossentropy": "logloss",
    "logarithmicloss": "logloss",
    "bce": "logloss",
    "meancolumnwiselogloss": "logloss",
    "mlogloss": "multiclass_logloss",
    "multilogloss": "multiclass_logloss",
    "multiclasslogarithmicloss": "multiclass_logloss",
    "categoricalcrossentropy": "multiclass_logloss",
    "rocaucovr": "multiclass_auc",
    "aucovr": "multiclass_auc",
    "multiclassrocauc": "multiclass_auc",
    "meancolumnwiserocauc": "mean_columnwise_auc",
    "columnwiseauc": "mean_columnwise_auc",
    "mcauc": "mean_columnwise_auc",
    "averageprecisionscore": "average_precision",
    "ap": "average_precision",
    "prauc": "average_precision",
    "aucpr": "average_precision",
    "brierscore": "brier",
    "brierscoreloss": "brier",
    "acc": "accuracy",
    "accuracyscore": "accuracy",
    "classificationaccuracy": "accuracy",
    "categorizationaccuracy": "accuracy",
    "microf1": "accuracy",  # of one label a row they are the same number
    "f1micro": "accuracy",
    "balancedaccuracyscore": "balanced_accuracy",
    "bacc": "balanced_accuracy",
    "f1score": "f1",
    "fscore": "f1",
    "f1macro": "macro_f1",
    "macrof1score": "macro_f1",
    "macroaveragedf1": "macro_f1",
    "f1weighted": "weighted_f1",
    "weightedf1score": "weighted_f1",
    "matthewscorrelationcoefficient": "mcc",
    "matthewscorrelation": "mcc",
    "matthewscorrcoef": "mcc",
    "phicoefficient": "mcc",
    "quadraticweightedkappa": "qwk",
    "quadratickappa": "qwk",
    "weightedkappa": "qwk",
    "cohenkappaquadratic": "qwk",
}

# The same words mean another formula with more classes or columns.
_FOR_KIND = {
    ("logloss", Kind.MULTICLASS): "multiclass_logloss",
    ("multiclass_logloss", Kind.BINARY): "logloss",
    ("auc", Kind.MULTICLASS): "multiclass_auc",
    ("multiclass_auc", Kind.BINARY): "auc",
    ("auc", Kind.MULTILABEL): "mean_columnwise_auc",
    ("mean_columnwise_auc", Kind.BINARY): "auc",
    ("mean_columnwise_auc", Kind.MULTICLASS): "multiclass_auc",
    ("f1", Kind.MULTICLASS): "macro_f1",
    ("f1", Kind.MULTILABEL): "macro_f1",
}


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower().replace("²", "2"))


_BY_PLAIN = {_plain(name): name for name in _METRICS} | _ALIASES


def names() -> tuple[str, ...]:
    """Return every metric's own name, in the table's order: values, probabilities, labels."""
    return tuple(_METRICS)


def get(name: str, kind: Kind | None = None) -> Metric:
    """Return the metric of a name or alias (``"RMSE"``, ``"roc_auc"``, ``"log loss"``); case and signs do not matter.

    With ``kind``, the form of the metric for it: ``get("auc", Kind.MULTICLASS)`` is ``multiclass_auc``.

    Raises:
        TaskError: no such metric, or it cannot score tasks of this kind.
    """
    found = _BY_PLAIN.get(_plain(name))
    if found is None:
        close = get_close_matches(_plain(name), list(_BY_PLAIN), n=3, cutoff=0.6)
        meant = list(dict.fromkeys(_BY_PLAIN[plain] for plain in close))
        hint = f"Did you mean {' or '.join(meant)}? " if meant else ""
        raise TaskError(
            f"There is no metric named {name!r}.", f"{hint}The metrics are: {', '.join(_METRICS)}."
        )
    if kind is None:
        return _METRICS[found]
    metric = _METRICS[_FOR_KIND.get((found, kind), found)]
    if kind not in metric.kinds:
        fitting = ", ".join(other.name for other in _TABLE if kind in other.kinds)
        raise TaskError(f"The metric {metric.name} does not fit a {kind} task.", f"These do: {fitting}.")
    return metric


def default_for(kind: Kind, predict: Predict | None = None, targets: int = 1) -> str:
    """Return the metric for a task that names none.

    ``predict`` is the form of the sample submission, if it is known; ``targets`` the number of target columns.
    """
    if kind is Kind.REGRESSION:
        return "rmse" if targets == 1 else "mcrmse"
    if kind is Kind.MULTILABEL:
        return "macro_f1" if predict is Predict.LABEL else "mean_columnwise_auc"
    if kind is Kind.BINARY:
        return "accuracy" if predict is Predict.LABEL else "auc"
    return "multiclass_logloss" if predict is Predict.PROBABILITY else "accuracy"
