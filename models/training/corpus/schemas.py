"""Random tasks as the product sees them: shape, kind, metric, columns; no data."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

from aide_local.metrics import get
from aide_local.task import Column, ColumnKind, Kind, Predict, SplitKind, SplitRule, Task

# metric -> weight, for each kind of task
_METRICS: dict[Kind, dict[str, float]] = {
    Kind.REGRESSION: {"rmse": 4, "mae": 2, "r2": 2, "rmsle": 1.5, "mape": 0.5, "medae": 0.3, "smape": 0.3, "mse": 0.5},
    Kind.BINARY: {
        "auc": 4, "logloss": 2, "accuracy": 2, "f1": 1.5, "balanced_accuracy": 1, "mcc": 1, "average_precision": 0.6,
        "brier": 0.6, "macro_f1": 0.5, "gini": 0.3,
    },
    Kind.MULTICLASS: {
        "multiclass_logloss": 3, "accuracy": 3, "macro_f1": 1.5, "balanced_accuracy": 1, "multiclass_auc": 0.7, "qwk": 1,
        "weighted_f1": 0.4, "mcc": 0.4,
    },
    Kind.MULTILABEL: {"mean_columnwise_auc": 2, "logloss": 1, "average_precision": 0.5, "brier": 0.3},
}  # fmt: skip


def random_task(rng: random.Random) -> Task:
    """Return a task that could come from a person's folder."""
    kind = rng.choices(list(_METRICS), (4, 3.6, 2.6, 0.5))[0]
    multi = kind is Kind.MULTILABEL or (kind is Kind.REGRESSION and rng.random() < 0.08)
    name_of = _naming(rng)
    targets = tuple(name_of("target") for _ in range(rng.randint(2, 6) if multi else 1))
    metrics = _METRICS[kind]
    if kind is Kind.REGRESSION and multi:
        metrics = {"mcrmse": 3, "rmse": 1, "mae": 1}
    name = rng.choices(list(metrics), list(metrics.values()))[0]
    metric = get(name)
    count = {Kind.BINARY: 2, Kind.MULTICLASS: rng.choice([3, 3, 4, 5, 6, 7, 10, 20])}.get(kind, 0)
    predict = metric.predict
    rows = int(10 ** rng.uniform(2, 4.7))
    split = SplitKind.RANDOM if kind is Kind.REGRESSION or multi else SplitKind.STRATIFIED
    if rng.random() < 0.12:
        split = rng.choice([SplitKind.TIME, SplitKind.GROUP])
    classes = _classes(rng, count)
    return Task(
        name="task",
        root=Path("task"),
        id=name_of("id") if rng.random() < 0.7 else None,
        kind=kind,
        targets=targets,
        classes=classes,
        predict=predict,
        outputs=classes if kind is Kind.MULTICLASS and predict is Predict.PROBABILITY else targets,
        metric=name,
        direction=metric.direction,
        split=SplitRule(split, "when" if split is SplitKind.TIME else None),
        columns=_columns(rng, name_of),
        n_train=rows,
        n_test=int(rows * rng.uniform(0.1, 1)) if rng.random() < 0.95 else 0,
    )


_WORDS = [
    "age",
    "income",
    "price",
    "area",
    "rooms",
    "weight",
    "height",
    "status",
    "city",
    "region",
    "country",
    "code",
    "type",
    "level",
    "score",
    "rate",
    "amount",
    "balance",
    "count",
    "duration",
    "speed",
    "pressure",
    "temperature",
    "humidity",
    "wind",
    "season",
    "weekday",
    "channel",
    "product",
    "brand",
    "store",
    "segment",
    "plan",
    "visits",
    "clicks",
    "calls",
    "latency",
    "voltage",
    "current",
    "length",
    "width",
    "depth",
    "sugar",
    "protein",
    "dose",
    "visit",
    "stage",
    "grade",
    "sex",
    "smoker",
    "cholesterol",
    "glucose",
    "insulin",
    "bmi",
    "latitude",
    "longitude",
    "distance",
    "mileage",
    "engine",
    "fuel",
    "year",
    "color",
    "cut",
    "clarity",
    "carat",
]


def _naming(rng: random.Random) -> Callable[[str], str]:
    """Return a function that gives new column names, all in one style, as the columns of a file are."""
    style = rng.randrange(7)
    used: set[str] = set()

    def fresh(role: str) -> str:
        while True:
            words = rng.sample(_WORDS, rng.randint(1, 2))
            if role != "feature" and rng.random() < 0.6:
                words = [role]
            number = rng.randint(0, 999)
            name = (
                "_".join(words),
                "".join(word.title() for word in words),
                words[0] + "".join(word.title() for word in words[1:]),
                " ".join(word.title() for word in words),
                f"{'xfvq'[number % 4]}{number}" if role == "feature" else words[0],
                "_".join(words).upper(),
                f"{'_'.join(words)}_{number}",
            )[style]
            if len(used) > 30:
                name = f"{name}{len(used)}"
            if name not in used and name != "row_id":
                used.add(name)
                return name

    return fresh


def _classes(rng: random.Random, count: int) -> tuple[str, ...]:
    """Return class labels, sorted as text, as the product sorts them."""
    if count == 2:
        return rng.choice(
            [("0", "1"), ("0", "1"), ("no", "yes"), ("False", "True"), ("bad", "good"), ("a", "b")]
        )
    names = [f"{n}" for n in range(count)] if rng.random() < 0.4 else [f"kind {n}" for n in range(count)]
    return tuple(sorted(names))


def _columns(rng: random.Random, name_of: Callable[[str], str]) -> tuple[Column, ...]:
    """Return columns: narrow and wide, all numeric or mixed; with gaps in half of the tasks."""
    numeric = rng.choice([0, 1, 2, 3, 4, 5, 6, 8, 10, 13, 15, 20, 30, 60, 120])
    categorical = 0 if rng.random() < 0.3 else rng.choice([1, 2, 3, 4, 5, 6, 8, 12, 20])
    boolean = 0 if rng.random() < 0.7 else rng.randint(1, 4)
    datetime = 0 if rng.random() < 0.75 else rng.choice([1, 1, 1, 2])
    text = 0 if rng.random() < 0.9 else 1
    if numeric + categorical + boolean == 0:
        numeric = rng.randint(2, 8)
    gaps = rng.choice([0.0, 0.0, 0.2, 0.5, 0.9])
    kinds = (
        [ColumnKind.NUMERIC] * numeric
        + [ColumnKind.CATEGORICAL] * categorical
        + [ColumnKind.BOOLEAN] * boolean
    )
    kinds += [ColumnKind.DATETIME] * datetime + [ColumnKind.TEXT] * text
    return tuple(
        Column(
            name_of("feature"),
            kind,
            missing=round(rng.uniform(0.005, 0.4), 3) if rng.random() < gaps else 0.0,
            unique=2 if kind is ColumnKind.BOOLEAN else rng.choice([3, 5, 12, 40, 300]),
        )
        for kind in kinds
    )


def packages(rng: random.Random) -> str:
    """Return a package card: often this project's own versions, else near ones."""
    if rng.random() < 0.5:
        return "python 3.11, numpy 2.4, pandas 3.1, scipy 1.17, scikit-learn 1.9, xgboost 3.2"
    card = (
        f"python 3.{rng.randint(11, 14)}, numpy 2.{rng.randint(2, 5)}, pandas 3.{rng.randint(0, 2)}, "
        f"scipy 1.{rng.randint(15, 18)}, scikit-learn 1.{rng.randint(7, 9)}, xgboost 3.{rng.randint(0, 3)}"
    )
    return card + rng.choice(["", "", ", lightgbm 4.6", ", torch 2.13", ", statsmodels 0.14, pillow 12.0"])
