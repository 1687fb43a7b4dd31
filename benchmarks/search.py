"""Does the search find something? The starter's tree of 20 nodes, 20 drafts, and XGBoost as it comes, on the sample tasks.

    python -m benchmarks.search --seeds 3        # about 20 minutes a seed on two cores
    python -m benchmarks.search --model FILE.gguf --steps 40 --task churn --task diabetes
    python -m benchmarks.search --first-seed 1 --seeds 2 --earlier seed0.json --json all.json

All on the same folds, by the same harness: the out-of-fold score that a run chooses by, and the report slice, which nothing
was chosen by. XGBoost gets its defaults, missing values as they are and categories as numbers: what a person tries first.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from dataclasses import replace
from pathlib import Path

from aide_local.events import RunFinished
from aide_local.home import Home
from aide_local.llm.scripted import ScriptedModel
from aide_local.run.assemble import ModelMaker, llama, start
from aide_local.tasks.load import load_task
from aide_local.types import RunSettings

TASKS = Path(__file__).parent.parent / "sample_tasks"
WAYS = ("tree", "drafts only", "XGBoost")
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


def search(name: str, settings: RunSettings, make_model: ModelMaker, home: Home) -> dict[str, object]:
    """Return the summary of a run, and the seconds it took."""
    began = time.monotonic()
    run = start(load_task(TASKS / name), settings, home=home, make_model=make_model)
    summary = None
    for event in run.events():
        if isinstance(event, RunFinished):
            summary = event.summary
    made = summary.as_dict() if summary is not None else {}
    return {**made, "seconds": time.monotonic() - began}


def medians(every: list[dict[str, object]]) -> str:
    """A table: for each task the median over the seeds of what each way delivered.

    Scored on the report slice; tasks too small for one by the out-of-fold score of what was delivered, marked with ``*``.
    """
    lines = ["| task | metric | " + " | ".join(WAYS) + " | best |", "|---|---|" + "---|" * (len(WAYS) + 1)]
    for name in sorted({str(one["task"]) for one in every}):
        ours = [one for one in every if one["task"] == name]
        scores = {
            way: statistics.median(
                float(str(one.get("report_score") or one.get("ensemble_score")))
                for one in ours
                if one["way"] == way
            )
            for way in WAYS
        }
        sign = load_task(TASKS / name).direction.sign
        best = max(scores, key=lambda way: sign * scores[way])
        small = "" if ours[0].get("report_score") else " *"
        cells = [name + small, str(ours[0]["metric"]), *(shown(scores[way]) for way in WAYS), best]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def shown(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else "–"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", default=None)
    parser.add_argument(
        "--task", action="append", default=None, help="only this sample task; may be repeated"
    )
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument(
        "--earlier",
        type=Path,
        default=None,
        help="summaries of an earlier call: what they hold is not run again",
    )
    parser.add_argument("--json", type=Path, default=None, help="write every summary here")
    given = parser.parse_args()
    every: list[dict[str, object]] = json.loads(given.earlier.read_text()) if given.earlier else []
    done = {(one["task"], one["seed"], one["way"]) for one in every}
    print("| task | metric | way | best single | ensemble | report slice | valid | seconds |")
    print("|---|---|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as place:
        home = Home(Path(place))
        for name in given.task or sorted(path.parent.name for path in TASKS.glob("*/task.toml")):
            for seed in range(given.first_seed, given.first_seed + given.seeds):
                tree = RunSettings.paper(steps=given.steps, seed=seed, folds=given.folds)
                ways: tuple[tuple[RunSettings, ModelMaker], ...] = (
                    (tree, llama(given.model, home)),
                    (replace(tree, num_drafts=given.steps), llama(given.model, home)),
                    (replace(tree, steps=1), lambda settings: ScriptedModel([XGBOOST])),
                )
                for way, (settings, make_model) in zip(WAYS, ways, strict=True):
                    if (name, seed, way) in done:
                        continue
                    one = search(name, settings, make_model, home)
                    every.append({"task": name, "seed": seed, "way": way, **one})
                    cells = [name, str(one.get("metric")), way]
                    cells += [shown(one.get(key)) for key in ("best_score", "ensemble_score", "report_score")]
                    cells += [f"{one.get('valid_nodes')}/{one.get('nodes')}", f"{one['seconds']:.0f}"]
                    print("| " + " | ".join(cells) + " |", flush=True)
                    if given.json:
                        given.json.write_text(json.dumps(every, indent=1, default=str))
    print(f"\nMedians over the seeds:\n\n{medians(every)}")


if __name__ == "__main__":
    main()
