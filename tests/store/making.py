"""Runs and archives for the tests of the store; without pytest, as processes of the tests import it, too."""

from __future__ import annotations

import io
import json
import os
import tarfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from aide_local.home import Home
from aide_local.llm.scripted import ScriptedModel
from aide_local.store.archive import MANIFEST
from aide_local.store.database import DuckRunStore
from aide_local.store.layout import PUBLISHED
from aide_local.store.run_store import create_run
from aide_local.store.sql import SqlReader
from aide_local.task import Column, ColumnKind, Kind, SplitKind, SplitRule, Task
from aide_local.types import FoldScore, Node, NodeState, Operator, Origin, RunSettings, Usage

TASK = Task(
    name="Café prices",
    root=Path("/data/café"),
    kind=Kind.REGRESSION,
    train=Path("/data/café/train.csv"),
    targets=("price",),
    outputs=("price",),
    metric="rmse",
    split=SplitRule(SplitKind.TIME, "day"),
    columns=(Column("day", ColumnKind.DATETIME, examples=("2024-01-01",)),),
    n_train=100,
    extra=(Path("/data/café/images"),),
)
NODE = Node(
    id=0,
    operator=Operator.DRAFT,
    state=NodeState.VALID,
    plan="ridge",
    code="print(1)\n",
    metric=0.5,
    complete=True,
    folds=(FoldScore(0, 0.4, Usage(1.0, 2.0, 3, 4)), FoldScore(1, 0.6)),
    usage=Usage(1.5, 2.5, 3, 4),
    dropped=("digest: 3 lines",),
    ast_hash="abc",
    seed=2**40,
    predictions=Path("predictions/node-00000.parquet"),
    origin=Origin.HISTORY,
    in_flight=(2, 3),
    settled=12.5,
)


def new(home: Path, task: Task = TASK) -> DuckRunStore:
    return create_run(
        Home(home),
        task=task,
        settings=RunSettings(seed=7, steps=3),
        model=ScriptedModel([""]).info,
        sandbox="limits",
        versions={"python": "3.11"},
    )


COUNTS = "SELECT run_id, count(*) AS nodes FROM nodes GROUP BY run_id ORDER BY run_id"


def counts(home: Home) -> dict[str, int]:
    with SqlReader(home) as reader:
        return {row["run_id"]: row["nodes"] for row in reader.execute(COUNTS).table.to_pylist()}


def run_of(home: Home, nodes: int) -> DuckRunStore:
    store = new(home.root)
    for node in range(nodes):
        store.put_node(replace(NODE, id=node))
    store.publish()
    return store


def quiet(home: Home) -> None:
    """Make all snapshots seem old."""
    for number, path in enumerate(sorted(home.runs.glob(f"*/{PUBLISHED}"))):
        then = time.time() - 1000 - number
        os.utime(path, (then, then))


def forge(
    source: Path,
    target: Path,
    change: Callable[[str, bytes], tuple[str, bytes] | None],
    manifest: Callable[[dict[str, Any]], None] = lambda manifest: None,
    more: tuple[tarfile.TarInfo, ...] = (),
) -> None:
    """Write an archive with other members, another list of files, or more."""
    with tarfile.open(source) as old, tarfile.open(target, "w:gz") as new:
        for member in old:
            file = old.extractfile(member)
            assert file is not None
            name, content = member.name, file.read()
            if name == MANIFEST:
                listed = json.loads(content)
                manifest(listed)
                content = json.dumps(listed).encode()
            else:
                changed = change(name, content)
                if changed is None:
                    continue
                name, content = changed
            info = tarfile.TarInfo(name)
            info.size = len(content)
            new.addfile(info, io.BytesIO(content))
        for info in more:
            new.addfile(info)
