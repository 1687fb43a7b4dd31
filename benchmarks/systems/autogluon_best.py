"""AutoGluon's ``best_quality`` without neural networks, which need torch and take hours on a CPU."""

from __future__ import annotations

import time
from typing import Any

from autogluon.tabular import (  # type: ignore[import-not-found, import-untyped, unused-ignore]
    TabularPredictor,
)

from benchmarks.systems.shared import Found, Given, main

METRICS = {
    "auc": "roc_auc",
    "accuracy": "accuracy",
    "rmse": "root_mean_squared_error",
    "mae": "mean_absolute_error",
}
LABEL, FOLD = "__target", "__fold"


def solve(given: Given) -> Found:
    """Fit for the seconds that are given.

    Where its trial of stacking finds no model in its share of the time, AutoGluon ends with an error; then without the trial.
    """
    ends = time.monotonic() + given.seconds
    note = ""
    try:
        predictor = fit(given, "first", given.seconds)
    except AssertionError as error:
        if "already fit" not in str(error):
            raise
        predictor = fit(given, "second", ends - time.monotonic(), dynamic_stacking=False)
        note = ", without dynamic stacking"
    fits, note = count_fits(predictor), predictor.model_best + note
    if given.metric == "auc":
        chances = predictor.predict_proba(given.test)
        return Found(chances[max(chances.columns)], fits, note)
    return Found(predictor.predict(given.test), fits, note)


def fit(given: Given, name: str, seconds: float, **more: Any) -> Any:
    """Fit a predictor in a folder of its own."""
    train = given.train.assign(**{LABEL: given.y})
    options: dict[str, Any] = {}
    folds = given.folds(8)
    if folds is not None:
        train[FOLD] = folds
        options["groups"] = FOLD
    predictor = TabularPredictor(
        label=LABEL,
        problem_type=given.kind,
        eval_metric=METRICS[given.metric],
        path=str(given.work / name),
        verbosity=2,
        **options,
    )
    return predictor.fit(
        train,
        presets="best_quality",
        time_limit=seconds,
        excluded_model_types=["NN_TORCH", "FASTAI"],
        num_cpus=given.cores,
        num_gpus=0,
        **more,
    )


def count_fits(predictor: Any) -> int:
    """Models that were fitted, a bagged one once for each fold; ensembles of weights are none.

    The leaderboard could tell it, but measures every model's memory: 20 seconds.
    """
    names = [name for name in predictor.model_names() if not name.startswith("WeightedEnsemble")]
    return sum(int(getattr(predictor._trainer.load_model(name), "n_children", 1)) for name in names)


if __name__ == "__main__":
    main(solve)
