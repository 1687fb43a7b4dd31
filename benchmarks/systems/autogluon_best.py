"""AutoGluon's ``best_quality`` without neural networks, which need torch and take hours on a CPU."""

from __future__ import annotations

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
    """Fit for the seconds that are given."""
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
        path=str(given.work / "models"),
        verbosity=1,
        **options,
    )
    predictor.fit(
        train,
        presets="best_quality",
        time_limit=given.seconds,
        excluded_model_types=["NN_TORCH", "FASTAI"],
        num_cpus=given.cores,
        num_gpus=0,
    )
    fits = count_fits(predictor)
    if given.metric == "auc":
        chances = predictor.predict_proba(given.test)
        return Found(chances[max(chances.columns)], fits, predictor.model_best)
    return Found(predictor.predict(given.test), fits, predictor.model_best)


def count_fits(predictor: Any) -> int:
    """Models that were fitted, a bagged one once for each fold; ensembles of weights are none."""
    board = predictor.leaderboard(extra_info=True)
    own = board[~board["model"].str.startswith("WeightedEnsemble")]
    return int(own["num_models"].sum()) if "num_models" in own else len(own)


if __name__ == "__main__":
    main(solve)
