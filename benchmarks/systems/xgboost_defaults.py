"""XGBoost as it comes: 100 trees, categories and missing values as XGBoost treats them itself, dates as numbers."""

from __future__ import annotations

import time
from typing import Any

from xgboost import XGBClassifier, XGBRegressor
from xgboost.callback import TrainingCallback

from benchmarks.systems.shared import Found, Given, main, typed


class Stop(TrainingCallback):
    """Ends training when the time is up."""

    def __init__(self, seconds: float) -> None:
        super().__init__()
        self.ends = time.monotonic() + seconds
        self.stopped = False

    def after_iteration(self, model: Any, epoch: int, evals_log: Any) -> bool:
        self.stopped = time.monotonic() > self.ends
        return self.stopped


def solve(given: Given) -> Found:
    """Fit once."""
    train, test = typed(given, dates_as_numbers=True)
    stop = Stop(given.seconds)
    options = {
        "n_jobs": given.cores,
        "random_state": given.seed,
        "enable_categorical": True,
        "callbacks": [stop],
    }
    if given.kind == "regression":
        objective = "reg:absoluteerror" if given.metric == "mae" else "reg:squarederror"
        predictions = XGBRegressor(objective=objective, **options).fit(train, given.y).predict(test)
    else:
        model = XGBClassifier(**options).fit(train, given.y)
        chances = model.predict_proba(test)
        predictions = chances[:, 1] if given.metric == "auc" else chances.argmax(axis=1)
    return Found(predictions, 1, "stopped by the time limit" if stop.stopped else "")


if __name__ == "__main__":
    main(solve)
