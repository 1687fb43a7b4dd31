"""Write the sample tasks: python sample_tasks/make.py

Three come from data that scikit-learn bundles, two from generators of ours whose truth is known. The answers of
the test rows go to ``.answers/``, outside every task. The same files come out every time.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits

HERE = Path(__file__).parent


def write(
    root: Path, name: str, frame: pd.DataFrame, target: str, settings: str, description: str, *, test: slice | None = None,
    classes: list[str] | None = None,
) -> None:  # fmt: skip
    """Split off the test rows (the ``test`` slice, else every fourth row of a shuffle) and write the folder."""
    rng = np.random.default_rng(20240601)
    if test is None:
        order = rng.permutation(len(frame))
        held = np.sort(order[: len(frame) // 4])
    else:
        held = np.arange(len(frame))[test]
    kept = np.setdiff1d(np.arange(len(frame)), held)
    folder = root / name
    (folder / "data").mkdir(parents=True, exist_ok=True)
    (root / ".answers").mkdir(exist_ok=True)
    options = {"index": False, "lineterminator": "\n", "float_format": "%.6g"}
    frame.iloc[kept].to_csv(folder / "data" / "train.csv", **options)
    hidden = frame.iloc[held]
    hidden.drop(columns=target).to_csv(folder / "data" / "test.csv", **options)
    hidden[["id", target]].to_csv(root / ".answers" / f"{name}.csv", **options)
    sample = hidden[["id"]].copy()
    if classes:
        for one in classes:
            sample[f"class_{one}"] = round(1 / len(classes), 6)
    else:
        sample[target] = 0.5 if "binary" in settings else round(float(frame[target].iloc[kept].mean()), 3)
    sample.to_csv(folder / "data" / "sample_submission.csv", **options)
    (folder / "task.toml").write_text(settings, encoding="utf-8", newline="\n")
    (folder / "description.md").write_text(description, encoding="utf-8", newline="\n")


def diabetes(root: Path) -> None:
    data = load_diabetes(as_frame=True, scaled=False)
    frame = data.frame.rename(
        columns={
            "target": "progression",
            "s1": "tc",
            "s2": "ldl",
            "s3": "hdl",
            "s4": "tch",
            "s5": "ltg",
            "s6": "glu",
        }
    )
    frame["sex"] = frame["sex"].map({1.0: "a", 2.0: "b"})
    frame.insert(0, "id", np.arange(1, len(frame) + 1))
    write(
        root, "diabetes", frame, "progression",
        'target = "progression"\nmetric = "rmse"\n',
        "# Diabetes progression\n\n442 patients: age, sex, body mass index, blood pressure and six blood serum values."
        " Predict a measure of disease progression one year later. Scored by RMSE.\n\nSource: Efron, Hastie,"
        " Johnstone, Tibshirani (2004), *Least Angle Regression*; bundled with scikit-learn.\n",
    )  # fmt: skip


def breast_cancer(root: Path) -> None:
    data = load_breast_cancer(as_frame=True)
    frame = data.frame.rename(columns=lambda name: name.replace(" ", "_"))
    frame["target"] = frame["target"].map({0: "malignant", 1: "benign"})
    frame = frame.rename(columns={"target": "diagnosis"})
    frame.insert(0, "id", np.arange(1, len(frame) + 1))
    write(
        root, "breast_cancer", frame, "diagnosis",
        'target = "diagnosis"\nkind = "binary"\nmetric = "logloss"\n',
        "# Breast cancer diagnosis\n\n569 images of cell nuclei, described by 30 numbers. Predict the probability that"
        " the tumour is malignant (the second class). Scored by log loss.\n\nSource: Wolberg, Street, Mangasarian (1995),"
        " UCI, CC BY 4.0; bundled with scikit-learn.\n",
    )  # fmt: skip


def digits(root: Path) -> None:
    data = load_digits(as_frame=True)
    frame = data.frame.iloc[:1200].rename(columns={"target": "digit"}).astype(int)
    frame.insert(0, "id", np.arange(1, len(frame) + 1))
    write(
        root, "digits", frame, "digit",
        'target = "digit"\nkind = "multiclass"\nmetric = "multiclass_logloss"\n',
        "# Handwritten digits\n\n1200 digits as 8 by 8 pixels of 17 grey levels. Predict the probability of each"
        " digit. Scored by multi-class log loss.\n\nSource: Alpaydin, Kaynak (1998), UCI, CC BY 4.0; bundled with"
        " scikit-learn.\n",
        classes=[str(n) for n in range(10)],
    )  # fmt: skip


def bike_demand(root: Path) -> None:
    """Counts by the hour with a daily and a weekly cycle, growth, weather and gaps; validated on later weeks."""
    rng = np.random.default_rng(7)
    when = pd.date_range("2023-01-02", periods=24 * 7 * 20, freq="h")
    hour, day = when.hour.to_numpy(), when.day_of_week.to_numpy()
    workday = day < 5
    season = np.sin(2 * np.pi * (when.day_of_year.to_numpy() - 80) / 365)
    temperature = 11 + 9 * season + 4 * np.sin(2 * np.pi * (hour - 9) / 24) + rng.normal(0, 2.5, len(when))
    rain = rng.random(len(when)) < 0.12 + 0.05 * np.sin(2 * np.pi * np.arange(len(when)) / 100)
    weather = np.where(rain, "rain", rng.choice(["clear", "cloudy"], len(when), p=[0.6, 0.4]))
    rush = np.exp(-((hour - 8) ** 2) / 4) + 1.2 * np.exp(-((hour - 17.5) ** 2) / 6)
    leisure = np.exp(-((hour - 14) ** 2) / 18)
    level = 1.6 + np.where(workday, 2.3 * rush, 1.8 * leisure) + 0.045 * temperature - 0.9 * rain
    growth = 0.5 * np.arange(len(when)) / len(when)
    count = rng.poisson(np.exp(level + growth))
    frame = pd.DataFrame(
        {
            "id": [f"h{n:05d}" for n in range(len(when))],
            "time": when.strftime("%Y-%m-%d %H:%M:%S"),
            "station": rng.choice(["north", "south", "harbour", "market"], len(when), p=[0.4, 0.3, 0.2, 0.1]),
            "weather": weather,
            "temperature": np.round(temperature, 1),
            "humidity": np.round(
                np.clip(60 - temperature + 25 * rain + rng.normal(0, 8, len(when)), 15, 100)
            ),
            "windspeed": np.round(rng.gamma(2, 6, len(when)), 1),
            "holiday": np.where(rng.random(len(when)) < 0.03, "yes", "no"),
            "count": count,
        }
    )
    frame.loc[rng.random(len(frame)) < 0.08, "humidity"] = np.nan
    frame.loc[rng.random(len(frame)) < 0.05, "weather"] = None
    write(
        root, "bike_demand", frame, "count",
        'target = "count"\nkind = "regression"\nmetric = "rmsle"\nsplit = "time"\ntime = "time"\n',
        "# Bike demand by the hour\n\nTwenty weeks of bikes rented in a town, by the hour, with weather. Predict the"
        " four weeks after. Scored by RMSLE; validated on the latest weeks, as the test rows come later.\n\nSource:"
        " made by `sample_tasks/make.py`; the truth is a Poisson rate with daily, weekly and yearly cycles.\n",
        test=slice(24 * 7 * 16, None),
    )  # fmt: skip


def churn(root: Path) -> None:
    """Customers who leave: few, with texts for categories, gaps, and a category of many values."""
    rng = np.random.default_rng(11)
    n = 2400
    tenure = np.round(rng.gamma(2.0, 12, n))
    plan = rng.choice(["basic", "plus", "family", "business"], n, p=[0.45, 0.3, 0.15, 0.1])
    town = np.array([f"town {code:03d}" for code in rng.zipf(1.4, n) % 150])
    charge = np.round(rng.normal(30, 8, n) + 12 * (plan == "plus") + 25 * (plan == "business"), 2)
    calls = rng.poisson(1.2 + 1.5 * (charge > 45), n)
    contract = rng.choice(["month", "one year", "two years"], n, p=[0.55, 0.25, 0.2])
    joined = pd.Timestamp("2024-06-01") - pd.to_timedelta(tenure * 30, unit="D")
    score = (
        -3.1 - 0.04 * tenure + 0.45 * calls + 0.05 * (charge - 30) + 1.3 * (contract == "month")
        + 0.8 * ((plan == "basic") & (charge > 35)) + 0.6 * np.isin(town, [f"town {code:03d}" for code in (1, 4, 9)])
    )  # fmt: skip
    left = rng.random(n) < 1 / (1 + np.exp(-score))
    frame = pd.DataFrame(
        {
            "id": rng.permutation(np.arange(100000, 100000 + n)),
            "joined": joined.strftime("%Y-%m-%d"),
            "tenure_months": tenure.astype(int),
            "plan": plan,
            "contract": contract,
            "town": town,
            "monthly_charge": charge,
            "support_calls": calls.astype(float),
            "paperless": rng.choice(["yes", "no"], n),
            "left": np.where(left, "yes", "no"),
        }
    )
    frame.loc[rng.random(n) < 0.1, "support_calls"] = np.nan
    frame.loc[rng.random(n) < 0.06, "plan"] = None
    write(
        root, "churn", frame, "left",
        'target = "left"\nkind = "binary"\nmetric = "auc"\n',
        "# Customers who leave\n\n2400 customers of a telephone company: contract, charges, calls to support, town."
        " Predict the probability that a customer leaves. Scored by AUC.\n\nSource: made by `sample_tasks/make.py`; the"
        " truth is a logistic rate with two interactions.\n",
    )  # fmt: skip


def make(root: Path) -> None:
    for task in (diabetes, breast_cancer, digits, bike_demand, churn):
        task(root)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--root", type=Path, default=HERE)
    make(parser.parse_args().root)
