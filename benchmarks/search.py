"""Does the search find something? The starter's tree of 20 nodes, 20 drafts, and XGBoost as it comes, on the sample tasks.

    python -m benchmarks.search                  # about 20 minutes on two cores
    python -m benchmarks.search --model FILE.gguf --steps 40

All on the same folds, by the same harness: the out-of-fold score that a run chooses by, and the report slice, which nothing
was chosen by. XGBoost gets its defaults, missing values as they are and categories as numbers: what a person tries first.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from dataclasses import replace
from pathlib import Path

from aide_local.engine import MakeEngine, llama, start
from aide_local.events import RunFinished
from aide_local.home import Home
from aide_local.llm.scripted import ScriptedModel
from aide_local.tasks.load import load_task
from aide_local.types import RunSettings

TASKS = Path(__file__).parent.parent / "sample_tasks"
XGBOOST = """XGBoost with its defaults.
```python
import json

import pandas as pd
from xgboost import XGBClassifier, XGBRegressor

task = json.load(open("input/task.json"))
train, test = pd.read_csv("input/train.csv"), pd.read_csv("input/test.csv")
numeric, categorical = task["numeric"], task["categorical"]


def features(data):
    X = data[numeric].astype(float)
    for name in categorical:
        levels = sorted(train[name].dropna().astype(str).unique())
        X[name] = pd.Categorical(data[name].astype(str), categories=levels).codes
    for name in task["datetime"]:
        date = pd.to_datetime(data[name]).dt
        X[name + "_month"], X[name + "_weekday"], X[name + "_hour"] = date.month, date.weekday, date.hour
    return X


X, X_test = features(train), features(test)
submission = pd.DataFrame({task["id"]: test[task["id"]]})
if task["kind"] == "regression":
    prediction = XGBRegressor(random_state=0).fit(X, train[task["target"]]).predict(X_test)
    submission[task["outputs"][0]] = prediction.clip(min=0) if task["metric"] == "rmsle" else prediction
else:
    classes = task["classes"]
    y = train[task["target"]].astype(str).map({name: at for at, name in enumerate(classes)})
    model = XGBClassifier(random_state=0).fit(X, y)
    if task["predict"] == "probability":
        chances = model.predict_proba(X_test)
        columns = chances[:, 1:] if len(task["outputs"]) == 1 else chances
        for at, name in enumerate(task["outputs"]):
            submission[name] = columns[:, at]
    else:
        submission[task["outputs"][0]] = [classes[at] for at in model.predict(X_test)]
submission.to_csv("working/submission.csv", index=False)
```"""


def search(name: str, settings: RunSettings, engine: MakeEngine, home: Home) -> dict[str, object]:
    """The summary of a run, and the seconds it took."""
    began = time.monotonic()
    run = start(load_task(TASKS / name), settings, home=home, engine=engine)
    summary: dict[str, object] = {}
    for event in run.events():
        if isinstance(event, RunFinished):
            summary = event.summary
    return {**summary, "seconds": time.monotonic() - began}


def shown(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else "–"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", default=None)
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--json", type=Path, default=None, help="write every summary here")
    given = parser.parse_args()
    every: list[dict[str, object]] = []
    print("| task | metric | way | best single | ensemble | report slice | valid | seconds |")
    print("|---|---|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as place:
        home = Home(Path(place))
        for name in sorted(path.parent.name for path in TASKS.glob("*/task.toml")):
            for seed in range(given.seeds):
                tree = RunSettings(steps=given.steps, seed=seed, folds=5)
                ways: dict[str, tuple[RunSettings, MakeEngine]] = {
                    "tree": (tree, llama(given.model, home)),
                    "drafts only": (replace(tree, num_drafts=given.steps), llama(given.model, home)),
                    "XGBoost": (replace(tree, steps=1), lambda settings: ScriptedModel([XGBOOST])),
                }
                for way, (settings, engine) in ways.items():
                    one = search(name, settings, engine, home)
                    every.append({"task": name, "seed": seed, "way": way, **one})
                    cells = [name, str(one.get("metric")), way]
                    cells += [shown(one.get(key)) for key in ("best_score", "ensemble_score", "report_score")]
                    cells += [f"{one.get('valid_nodes')}/{one.get('nodes')}", f"{one['seconds']:.0f}"]
                    print("| " + " | ".join(cells) + " |", flush=True)
    if given.json:
        given.json.write_text(json.dumps(every, indent=1, default=str))


if __name__ == "__main__":
    main()
