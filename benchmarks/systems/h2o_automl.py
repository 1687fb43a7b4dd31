"""H2O's AutoML with its defaults, on a server of its own that ends with the script."""

from __future__ import annotations

import socket
from typing import Any

import h2o  # type: ignore[import-not-found, import-untyped, unused-ignore]
import pandas as pd
from h2o.automl import H2OAutoML  # type: ignore[import-not-found, import-untyped, unused-ignore]

from benchmarks.systems.shared import Found, Given, main, typed

METRICS = {"auc": "AUC", "accuracy": "AUTO", "rmse": "RMSE", "mae": "MAE"}
LABEL, FOLD, ROW, FOLDS = "__target", "__fold", "__row", 5


def solve(given: Given) -> Found:
    """Start the server, search for the seconds that are given, and stop the server."""
    h2o.init(
        url=None,
        ip="127.0.0.1",
        port=free_port(),
        start_h2o=True,
        bind_to_localhost=True,
        nthreads=given.cores,
        max_mem_size="4G",
        ice_root=str(given.work),
        log_dir=str(given.work),
        verbose=False,
    )
    try:
        h2o.no_progress()
        return search(given)
    finally:
        h2o.cluster().shutdown()


def search(given: Given) -> Found:
    features, unseen = typed(given)  # H2O knows few forms of dates
    train = features.assign(**{LABEL: given.y})
    options: dict[str, Any] = {}
    folds = given.folds(FOLDS)
    if folds is not None:
        train[FOLD] = folds
        options["fold_column"] = FOLD
    frame = upload(given, train, "train.csv")
    test = upload(given, unseen, "test.csv", frame.types)
    if given.kind != "regression":
        frame[LABEL] = frame[LABEL].asfactor()
    automl = H2OAutoML(
        max_runtime_secs=round(given.seconds), seed=given.seed, sort_metric=METRICS[given.metric]
    )
    automl.train(x=list(given.train.columns), y=LABEL, training_frame=frame, **options)
    if automl.leader is None:
        raise RuntimeError("no model was finished in the time")
    names = [row[0] for row in automl.leaderboard["model_id"].as_data_frame(use_pandas=False)[1:]]
    single = [name for name in names if not name.startswith("StackedEnsemble")]
    found = automl.leader.predict(test).as_data_frame()
    predictions = found["p1"] if given.metric == "auc" else found["predict"]
    return Found(predictions.to_numpy(), len(single) * (FOLDS + 1), automl.leader.model_id)


def upload(given: Given, table: pd.DataFrame, name: str, types: dict[str, str] | None = None) -> Any:
    """Give a table to the server, through a file: columns get the types that H2O finds, or those of ``types``."""
    path = given.work / name
    table = table.copy()
    table.insert(0, ROW, range(len(table)))  # H2O leaves out lines that begin with a # or @
    for text in table.select_dtypes("category").columns:  # H2O ends a row at every line end, quoted or not
        table[text] = table[text].astype(object).str.replace(r"[\r\n]+", " ", regex=True)
    table.to_csv(path, index=False)
    known = {column: types[column] for column in table.columns} if types else None
    frame = h2o.upload_file(str(path), header=1, sep=",", col_types=known)
    if frame.nrow != len(table):
        raise ValueError(f"H2O reads {frame.nrow} of the {len(table)} rows")
    return frame


def free_port() -> int:
    """A port that has a free neighbour: H2O takes two."""
    while True:
        with socket.socket() as one, socket.socket() as two:
            one.bind(("127.0.0.1", 0))
            port = int(one.getsockname()[1])
            try:
                two.bind(("127.0.0.1", port + 1))
            except OSError:
                continue
            return port


if __name__ == "__main__":
    main(solve)
