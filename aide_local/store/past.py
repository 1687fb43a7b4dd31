"""The best scripts of similar tasks of this home: where an expert who has been here before would begin."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from aide_local.errors import AideError
from aide_local.home import Home
from aide_local.store.quoting import literal
from aide_local.store.read import run_ids
from aide_local.store.sql import SqlReader
from aide_local.store.values import task_from_json
from aide_local.task import Mode, Task

LEAST_SIMILARITY = 0.6  # of 1
MOST_OF_ONE_RUN = 2
_LATEST_RUNS = 200  # looked at


@dataclass(frozen=True, slots=True)
class PastScript:
    """A script of an earlier run; ``similarity`` of its task to the one at hand is in [0, 1]."""

    run_id: str
    node: int
    task: str
    similarity: float
    plan: str
    code: str
    ast_hash: str


def similarity(one: Task, other: Task) -> float:
    """Return how alike two tasks are, from 0 to 1; 0 if what is predicted is of another kind.

    Three tenths each for the same metric and for common column names (Jaccard), two tenths each for the number of
    training rows (within a factor) and for the mix of column kinds.
    """
    if one.kind is not other.kind or one.predict is not other.predict:
        return 0.0
    names = ({column.name for column in one.columns}, {column.name for column in other.columns})
    union = len(names[0] | names[1])
    common = len(names[0] & names[1]) / union if union else 0.0
    rows = math.exp(-abs(math.log((one.n_train + 1) / (other.n_train + 1))))
    kinds = [Counter(column.kind for column in task.columns) for task in (one, other)]
    most = sum((kinds[0] | kinds[1]).values())
    mix = sum((kinds[0] & kinds[1]).values()) / most if most else 0.0
    return 0.3 * (one.metric == other.metric) + 0.3 * common + 0.2 * rows + 0.2 * mix


@dataclass(frozen=True, slots=True)
class Past:
    """What earlier runs offer; ``trouble`` says why there is nothing, if they cannot be read."""

    scripts: tuple[PastScript, ...] = ()
    trouble: str = ""


def best_past_scripts(home: Home, task: Task, most: int, *, known: Collection[str] = ()) -> Past:
    """Return at most ``most`` scripts of similar tasks, of the most similar first; ``known`` hashes are left out."""
    if task.mode is not Mode.FOLDS or not home.runs.is_dir() or not run_ids(home):
        return Past()
    try:
        with SqlReader(home) as reader:
            rows: list[dict[str, Any]] = reader.execute(_query(task)).table.to_pylist()
    except AideError as error:
        return Past(trouble=f"Past runs cannot be read, so the search begins without them: {error.message}")
    alike: dict[str, float] = {}
    found: list[PastScript] = []
    for row in rows:
        run_id = row["run_id"]
        if run_id not in alike:
            alike[run_id] = similarity(task, task_from_json(row["task_definition"]))
        if alike[run_id] >= LEAST_SIMILARITY:
            found.append(
                PastScript(
                    run_id, row["node"], row["task"], alike[run_id], row["plan"], row["code"], row["ast_hash"]
                )
            )
    found.sort(key=lambda one: -one.similarity)  # stable: the latest run first, its best node first
    chosen: list[PastScript] = []
    seen = set(known)
    for one in found:
        of_run = sum(other.run_id == one.run_id for other in chosen)
        if one.ast_hash not in seen and of_run < MOST_OF_ONE_RUN and len(chosen) < most:
            seen.add(one.ast_hash)
            chosen.append(one)
    return Past(tuple(chosen))


def _query(task: Task) -> str:
    """Ask for the best complete nodes of the latest searches for tasks of this kind."""
    rank = "CASE WHEN r.direction = 'maximize' THEN -n.metric ELSE n.metric END, n.node"
    return f"""
        SELECT r.run_id, n.node, r.task, r.task_definition::VARCHAR AS task_definition, n.plan, n.code, n.ast_hash
        FROM (FROM runs WHERE kind = {literal(task.kind.value)} AND exam IS NULL
              ORDER BY created DESC LIMIT {_LATEST_RUNS}) AS r
        JOIN nodes AS n USING (run_id)
        WHERE n.state = 'valid' AND n.complete AND n.code <> '' AND n.ast_hash <> ''
        QUALIFY row_number() OVER (PARTITION BY r.run_id ORDER BY {rank}) <= {MOST_OF_ONE_RUN * 3}
        ORDER BY r.created DESC, r.run_id, {rank}
    """
