"""CatBoost as it comes: 1000 trees, text columns as its categories, dates as numbers."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
from catboost import (  # type: ignore[import-not-found, import-untyped, unused-ignore]
    CatBoostClassifier,
    CatBoostRegressor,
)

from benchmarks.systems.shared import Found, Given, main, typed


class Stop:
    """Ends training when the time is up."""

    def __init__(self, seconds: float) -> None:
        self.ends = time.monotonic() + seconds
        self.stopped = False

    def after_iteration(self, info: Any) -> bool:
        self.stopped = time.monotonic() > self.ends
        return not self.stopped


def solve(given: Given) -> Found:
    """Fit once."""
    train, test = typed(given, dates_as_numbers=True)
    categories = list(train.select_dtypes("category").columns)
    for one in (train, test):
        for name in categories:
            one[name] = one[name].astype(object).where(one[name].notna(), "missing").astype(str)
    stop = Stop(given.seconds)
    options = {
        "thread_count": given.cores,
        "random_seed": given.seed,
        "cat_features": categories,
        "verbose": False,
        "train_dir": str(given.work),
    }
    if given.kind == "regression":
        loss = "MAE" if given.metric == "mae" else "RMSE"
        model = CatBoostRegressor(loss_function=loss, **options).fit(train, given.y, callbacks=[stop])
        predictions = model.predict(test)
    else:
        chances = CatBoostClassifier(**options).fit(train, given.y, callbacks=[stop]).predict_proba(test)
        predictions = chances[:, 1] if given.metric == "auc" else np.argmax(chances, axis=1)
    return Found(predictions, 1, "stopped by the time limit" if stop.stopped else "")


if __name__ == "__main__":
    main(solve)
