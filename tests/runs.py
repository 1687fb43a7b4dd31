"""Runs of the whole engine in tests: a small task, and replies that a script or a dictionary gives."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np

from aide_local.events import Event, NodeFinished, RunFinished
from aide_local.home import Home
from aide_local.llm.scripted import ScriptedModel
from aide_local.run.assemble import start
from aide_local.run.loop import Run
from aide_local.tasks.load import load_task
from aide_local.types import Node, RunSettings, Sampling, Summary

Reply = Callable[[str, Sampling], str]

SCRIPT = """
import json
import numpy as np
import pandas as pd

task = json.load(open("input/task.json"))
train, test = pd.read_csv("input/train.csv"), pd.read_csv("input/test.csv")
slope = {slope}
submission = pd.DataFrame({{task["id"]: test[task["id"]]}})
submission[task["outputs"][0]] = slope * test["x"]
submission.to_csv("working/submission.csv", index=False)
"""


def reply_with(code: str, plan: str = "a plan") -> str:
    return f"{plan}.\n```python\n{code.strip()}\n```"


def good(slope: float) -> str:
    """A script that predicts ``slope * x``; the truth is ``3 * x`` and noise."""
    return reply_with(SCRIPT.format(slope=slope), f"slope {slope}")


def by_seed(prompt: str, sampling: Sampling) -> str:
    """Replies of every sort, told by the seed alone: as deterministic as a model at a given seed."""
    rng = np.random.default_rng(sampling.seed)
    kind = rng.random()
    if kind < 0.15:
        return reply_with(f"raise KeyError('column {rng.integers(1000)}')")
    if kind < 0.2:
        return reply_with(f"import nothing_like_it_{rng.integers(1000)}")
    if kind < 0.25:
        return "I cannot do that."
    return good(round(float(rng.normal(3, 1)), 3))


def replies(prompt: str, sampling: Sampling) -> str:
    """Valid scripts of every quality, and every fourth a failure; told by the seed alone."""
    kind = sampling.seed % 4
    if kind == 0:
        return reply_with(f"raise KeyError('column {sampling.seed}')", f"break {sampling.seed}")
    return good(2.0 + (sampling.seed % 1000) / 1000)


def make_csvs(folder: Path, rows: int = 60) -> Path:
    """A task folder: one feature, a target of three times it and noise."""
    rng = np.random.default_rng(0)
    folder.mkdir(parents=True, exist_ok=True)
    x = rng.normal(size=rows + 20)
    y = 3 * x + 0.1 * rng.normal(size=rows + 20)
    lines = [f"{n},{x[n]:.5f},{y[n]:.5f}" for n in range(rows)]
    (folder / "train.csv").write_text("\n".join(["id,x,y", *lines]) + "\n")
    lines = [f"{n},{x[n]:.5f}" for n in range(rows, rows + 20)]
    (folder / "test.csv").write_text("\n".join(["id,x", *lines]) + "\n")
    return folder


def make_run(
    place: Path,
    reply: Reply | list[str] = by_seed,
    *,
    settings: RunSettings | None = None,
    out: Path | None = None,
    rows: int = 60,
) -> Run:
    """A new run in ``place/home`` on a task in ``place/task``."""
    task = load_task(make_csvs(place / "task", rows))
    chosen = settings or RunSettings.paper(steps=6, seed=1, folds=2, sandbox="limits", timeout=60.0)
    return start(
        task, chosen, home=Home(place / "home"), make_model=lambda settings: ScriptedModel(reply), out=out
    )


def nodes_of(events: Iterable[Event]) -> list[Node]:
    return sorted(
        (event.node for event in events if isinstance(event, NodeFinished)), key=lambda node: node.id
    )


def shape(nodes: Iterable[Node]) -> list[tuple[object, ...]]:
    """What must be the same in two runs of the same seed."""
    return [
        (node.id, node.operator, node.parent, node.state, node.plan, node.code, node.metric) for node in nodes
    ]


def ended(events: Iterable[Event]) -> RunFinished:
    *_, last = events
    assert isinstance(last, RunFinished)
    return last


def delivered(events: Iterable[Event]) -> Summary:
    """Return what a run that ended delivered."""
    summary = ended(events).summary
    assert summary is not None
    return summary
