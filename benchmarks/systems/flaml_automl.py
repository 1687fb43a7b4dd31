"""FLAML's AutoML with its defaults, its split by groups or time where the task says so."""

from __future__ import annotations

import contextlib
from typing import Any

from flaml import AutoML  # type: ignore[import-not-found, import-untyped, unused-ignore]

from benchmarks.systems.shared import Found, Given, main, typed

METRICS = {"auc": "roc_auc", "accuracy": "accuracy", "rmse": "rmse", "mae": "mae"}


def solve(given: Given) -> Found:
    """Search for the seconds that are given."""
    train, test = typed(given)
    y = given.y
    options: dict[str, Any] = {}
    if given.group is not None:
        options = {"split_type": "group", "groups": given.folds(len(train))}
    elif given.time is not None:
        order = given.train[given.time].astype(str).argsort(kind="stable")
        train, y = train.iloc[order].reset_index(drop=True), y.iloc[order].reset_index(drop=True)
        options = {"split_type": "time"}
    log = given.work / "trials.log"
    automl = AutoML()
    automl.fit(
        X_train=train,
        y_train=y,
        task="regression" if given.kind == "regression" else "classification",
        metric=METRICS[given.metric],
        time_budget=given.seconds,
        n_jobs=given.cores,
        seed=given.seed,
        log_file_name=str(log),
        log_type="all",
        verbose=1,
        **options,
    )
    fits = 0
    with contextlib.suppress(FileNotFoundError), log.open() as lines:
        fits = sum(1 for line in lines if '"record_id"' in line)
    if given.metric == "auc":
        return Found(automl.predict_proba(test)[:, 1], fits, str(automl.best_estimator))
    return Found(automl.predict(test), fits, str(automl.best_estimator))


if __name__ == "__main__":
    main(solve)
