"""Tasks and settings as JSON, and back: a resumed run is rebuilt from them."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from aide_local.task import (
    Column,
    ColumnKind,
    Direction,
    Kind,
    Mode,
    Predict,
    SplitKind,
    SplitRule,
    Task,
)
from aide_local.types import Exam, RunSettings


def task_to_json(task: Task) -> str:
    return json.dumps(asdict(task), default=str, ensure_ascii=False)


def task_from_json(text: str) -> Task:
    """Return the task that :func:`task_to_json` wrote.

    Raises:
        KeyError, ValueError: the text is something else.
    """
    found: dict[str, Any] = json.loads(text)
    for name in ("root", "train", "test", "sample_submission", "scorer"):
        found[name] = Path(found[name]) if found[name] is not None else None
    found["mode"] = Mode(found["mode"])
    found["kind"] = Kind(found["kind"])
    found["predict"] = Predict(found["predict"])
    found["direction"] = Direction(found["direction"])
    found["split"] = SplitRule(SplitKind(found["split"]["kind"]), found["split"]["column"])
    found["columns"] = tuple(_column(column) for column in found["columns"])
    found["extra"] = tuple(Path(path) for path in found["extra"])
    for name in ("targets", "classes", "outputs", "grader", "notes"):
        found[name] = tuple(found[name])
    return Task(**found)


def _column(found: dict[str, Any]) -> Column:
    return Column(**{**found, "kind": ColumnKind(found["kind"]), "examples": tuple(found["examples"])})


def settings_to_json(settings: RunSettings) -> str:
    return json.dumps(asdict(settings), ensure_ascii=False)


def settings_from_json(text: str) -> RunSettings:
    found: dict[str, Any] = json.loads(text)
    exam = found.pop("exam", None)
    found["exam"] = Exam(exam["id"], tuple(exam["tasks"])) if exam else None
    found["starts"] = tuple(found.get("starts", ()))
    found["recalled"] = tuple((plan, code) for plan, code in found.get("recalled", ()))
    # Runs of versions without a playbook were the paper's search, and go on as they began.
    return RunSettings(**found) if "playbook" in found else RunSettings.paper(**found)


def task_fingerprint(task: Task) -> str:
    """Return a hash that is the same for the same task, wherever its files lie."""
    columns = [(column.name, column.kind.value) for column in task.columns]
    essence = [
        task.mode.value,
        task.kind.value,
        task.metric,
        task.targets,
        task.classes,
        task.n_train,
        columns,
    ]
    return hashlib.sha256(json.dumps(essence).encode()).hexdigest()[:16]
