"""Outcomes: a few thousand programs are executed on made-up data, and which of them do well is summed up.

    python -m models.training.corpus.outcomes run --first 0 --count 200   # about a second a program; can be repeated
    python -m models.training.corpus.outcomes learn                       # writes experience.json

For each data set some drafts are executed, then changes of the best three. Results lie in ``work/outcomes.duckdb``, one
row a program; ``learn`` also writes them to ``outcomes.parquet``, from which a new database begins. No sample task, and
nothing that a benchmark uses, is among the data sets.
"""

from __future__ import annotations

import argparse
import itertools
import json
import math
import os
import random
import shutil
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from dataclasses import asdict, dataclass, replace
from multiprocessing import get_context
from pathlib import Path

import duckdb
import numpy as np

from aide_local.evaluate.predictions import PredictionsError
from models.training.corpus.changes import changes
from models.training.corpus.datasets import TEST_ROWS, DataSet, data_set
from models.training.corpus.estimators import is_linear
from models.training.corpus.execution import marks, run_script, warm
from models.training.corpus.experience import FILE, place_of, sort_of
from models.training.corpus.facts import Facts
from models.training.corpus.recipe import Recipe
from models.training.corpus.recipes import draft
from models.training.corpus.render import script

DATABASE = Path(__file__).parent.parent / "work" / "outcomes.duckdb"
KEPT = Path(__file__).with_name("outcomes.parquet")
DRAFTS, CHANGES = 8, 3  # of a data set; of each of the three best drafts
SECONDS = 60.0  # of one program: what is too slow here is too slow for a search, too
_COUNTS_FOR = 6.0  # how many observations the average of all is worth: rare things stay near 1


@dataclass(frozen=True, slots=True)
class Outcome:
    """One executed program. ``skill`` is 0 for the constant guess and 1 for the best program of the data set;
    ``gain`` is the difference of skills to the parent."""

    data_set: int
    origin: str
    sort: str
    place: str
    metric: str
    rows: int
    recipe: str
    first_estimator: str
    estimators: int
    idea: str
    parent: str
    score: float | None
    constant: float | None
    seconds: float
    error: str
    skill: float | None = None
    gain: float | None = None


def execute(data: DataSet, number: int, recipe: Recipe, idea: str = "", parent: str = "") -> Outcome:
    facts = Facts.of(data.task)
    folder = Path(tempfile.mkdtemp(prefix="outcome-"))
    began = time.monotonic()
    score = constant = None
    try:
        truth = data.write(folder / "input", number)
        failure = run_script(script(recipe, facts), folder, SECONDS)
        error = failure.one_line() if failure else ""
        if not error:
            try:
                score, constant = marks(data.task, folder, truth)
            except PredictionsError as problem:
                error = problem.error.one_line()
    finally:
        shutil.rmtree(folder)
    return Outcome(
        number,
        data.origin,
        sort_of(facts),
        place_of(facts, is_linear(recipe)),
        data.task.metric,
        data.task.n_train,
        recipe.words(),
        recipe.estimators[0].name,
        len(recipe.estimators),
        idea,
        parent,
        score,
        constant,
        time.monotonic() - began,
        error,
    )


def explore(number: int) -> list[Outcome]:
    """Execute the programs of one data set; what to try is chosen without regard to what is known already."""
    rng = random.Random(f"outcomes {number}")
    data = data_set(rng)
    facts, sign = Facts.of(data.task), data.task.direction.sign
    found: list[tuple[Recipe, Outcome]] = []
    used: set[str] = set()
    for _ in range(DRAFTS):
        recipe = draft(rng, facts, frozenset(used))
        used.add(recipe.estimators[0].name)
        found.append((recipe, execute(data, number, recipe)))
    outcomes = [outcome for _, outcome in found]
    ranked = sorted(
        ((recipe, one) for recipe, one in found if one.score is not None and math.isfinite(one.score)),
        key=lambda pair: -sign * (pair[1].score or 0.0),
    )
    for recipe, one in ranked[:3]:
        options = list(changes(rng, recipe, facts))
        outcomes += [
            execute(data, number, change.recipe, change.idea, one.recipe)
            for change in rng.sample(options, min(CHANGES, len(options)))
        ]
    return _with_skill(outcomes, sign)


def _with_skill(outcomes: list[Outcome], sign: int) -> list[Outcome]:
    """Return the same with ``skill`` and ``gain``; as they are if no program beat the constant guess."""
    above = {
        one.recipe: sign * (one.score - one.constant)
        for one in outcomes
        if one.score is not None and one.constant is not None
    }
    best = max((value for value in above.values() if math.isfinite(value)), default=0.0)
    if best <= 0:
        return outcomes
    skills = {recipe: value / best for recipe, value in above.items()}
    return [
        replace(
            one,
            skill=skills.get(one.recipe),
            gain=skills[one.recipe] - skills[one.parent]
            if one.recipe in skills and one.parent in skills
            else None,
        )
        for one in outcomes
    ]


def connect() -> duckdb.DuckDBPyConnection:
    """Open the database of outcomes; a new one holds those that were kept."""
    new = not DATABASE.exists()
    DATABASE.parent.mkdir(parents=True, exist_ok=True)
    connection = duckdb.connect(str(DATABASE))
    connection.execute(
        "CREATE TABLE IF NOT EXISTS outcomes (data_set INTEGER, origin TEXT, sort TEXT, place TEXT, metric TEXT, rows INTEGER,"
        " recipe TEXT, first_estimator TEXT, estimators INTEGER, idea TEXT, parent TEXT, score DOUBLE, constant DOUBLE,"
        " seconds DOUBLE, error TEXT, skill DOUBLE, gain DOUBLE)"
    )
    if new and KEPT.exists():
        connection.execute("INSERT INTO outcomes BY NAME FROM read_parquet(?)", [str(KEPT)])
    return connection


def run(first: int, count: int, minutes: float, workers: int) -> None:
    """Execute the programs of the data sets that are not in the database yet, ``workers`` data sets at a time."""
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # for the workers: a library reads it when it is loaded
    connection = connect()
    done = {row[0] for row in connection.execute("SELECT DISTINCT data_set FROM outcomes").fetchall()}
    waiting = (number for number in range(first, first + count) if number not in done)
    began = time.monotonic()
    with ProcessPoolExecutor(workers, get_context("spawn"), initializer=warm) as pool:
        running = {pool.submit(explore, number) for number in itertools.islice(waiting, workers)}
        while running:
            ready, running = wait(running, return_when=FIRST_COMPLETED)
            for one in ready:
                _keep(connection, one.result())
            if time.monotonic() - began < 60 * minutes:
                running |= {pool.submit(explore, number) for number in itertools.islice(waiting, len(ready))}


def _keep(connection: duckdb.DuckDBPyConnection, outcomes: list[Outcome]) -> None:
    rows = [list(asdict(one).values()) for one in outcomes]
    connection.executemany(f"INSERT INTO outcomes VALUES ({', '.join('?' * len(rows[0]))})", rows)
    failed = sum(1 for one in outcomes if one.error)
    print(
        f"data set {outcomes[0].data_set}: {len(outcomes)} programs, {failed} failed",
        file=sys.stderr,
        flush=True,
    )


def learn() -> None:
    """Keep the outcomes in ``outcomes.parquet``, sum them up in ``experience.json`` and print what they say.

    An estimator's worth is its mean rank among the drafts of a data set, from 0 to 1; an idea's is the share of times that it
    gained at least a hundredth of the data set's range of skill. Both are pulled towards the mean of all where they are rare.
    """
    connection = connect()
    connection.sql("FROM outcomes ORDER BY ALL").write_parquet(str(KEPT), compression="zstd")
    ranks: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for sort, name, rank in connection.execute(
        "SELECT sort, first_estimator, percent_rank() OVER (PARTITION BY data_set ORDER BY greatest(coalesce(skill, -1), -1))"
        " FROM outcomes WHERE idea = '' AND estimators = 1"
    ).fetchall():
        ranks[sort][name].append(rank)
        ranks["all"][name].append(rank)
    gained: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for place, idea, gain in connection.execute(
        "SELECT place, idea, coalesce(gain, -1) FROM outcomes WHERE idea <> '' AND parent IN (SELECT recipe FROM outcomes"
        " WHERE skill IS NOT NULL)"
    ).fetchall():
        gained[place][idea].append(float(gain > 0.01))
    known = {
        "estimators": {
            sort: _weights(table, lambda name: _shrink(ranks["all"][name], 0.5), steep=3.0)
            for sort, table in sorted(ranks.items())
            if sort != "all"
        },
        "ideas": {place: _idea_weights(table) for place, table in sorted(gained.items())},
    }
    FILE.write_text(json.dumps(known, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    total, data_sets, failed, poor = connection.execute(
        "SELECT count(*), count(DISTINCT data_set), count(*) FILTER (error <> ''), count(*) FILTER (skill <= 0) FROM outcomes"
    ).fetchone() or (0, 0, 0, 0)
    print(
        f"{total} programs on {data_sets} data sets: {failed} failed, {poor} were no better than the constant guess"
    )
    for group in known.values():
        for name, weights in group.items():
            best = sorted(weights.items(), key=lambda pair: -pair[1])
            print(f"{name}: " + ", ".join(f"{what} {weight:.2f}" for what, weight in best[:6] + best[-4:]))


def _shrink(values: list[float], towards: float) -> float:
    return (sum(values) + _COUNTS_FOR * towards) / (len(values) + _COUNTS_FOR)


def _weights(
    table: dict[str, list[float]], towards: Callable[[str], float], steep: float
) -> dict[str, float]:
    """Return ``exp(steep * (worth - mean worth))`` of each name, between 0.3 and 3."""
    worth = {name: _shrink(values, towards(name)) for name, values in table.items()}
    middle = float(np.mean(list(worth.values())))
    return {
        name: round(min(3.0, max(0.3, math.exp(steep * (one - middle)))), 2) for name, one in worth.items()
    }


def _idea_weights(table: dict[str, list[float]]) -> dict[str, float]:
    share = float(np.mean([value for values in table.values() for value in values]))
    return _weights(table, lambda _: share, steep=4.0)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=("run", "learn"))
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--count", type=int, default=200, help=f"data sets, of {TEST_ROWS} test rows each")
    parser.add_argument("--minutes", type=float, default=math.inf)
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1, help="data sets at a time")
    given = parser.parse_args()
    if given.what == "run":
        run(given.first, given.count, given.minutes, given.workers)
    else:
        learn()


if __name__ == "__main__":
    main()
