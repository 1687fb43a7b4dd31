"""MLflow's file store, written without MLflow: the task is an experiment, the run a run, each node a run nested in it.

The layout is that of MLflow's ``FileStore``: ``<experiment>/meta.yaml`` and, for each run, ``meta.yaml``, ``params/``,
``metrics/`` (lines of "milliseconds value step"), ``tags/`` and ``artifacts/``. Checked with MLflow 3.17.2, which opens file
stores where ``MLFLOW_ALLOW_FILE_STORE=true`` is set: every run with its parent, parameters, metrics, artifacts.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

from aide_local.store.read import RunView
from aide_local.store.values import task_fingerprint
from aide_local.types import Node, NodeState

_FINISHED, _FAILED, _KILLED = 3, 4, 5  # of MLflow's RunStatus
_SCORES = ("best_score", "ensemble_score", "report_score", "constant_score")


def write_mlflow(view: RunView, folder: Path, place: Path) -> None:
    """Write into ``folder``; ``place`` is where the folder will lie, as artifacts are named by absolute paths."""
    experiment = str(int(task_fingerprint(view.task), 16) % 10**18)
    began = int(view.info.created * 1000)
    home = folder / experiment
    home.mkdir(parents=True)
    _meta(
        home,
        {
            "artifact_location": (place / experiment).as_uri(),
            "creation_time": began,
            "experiment_id": experiment,
            "last_update_time": began,
            "lifecycle_stage": "active",
            "name": view.task.name,
        },
    )
    whole = _uuid(view.info.id)
    scores: dict[str, list[tuple[float, int]]] = {
        name: [(value, 0)]
        for name, value in (view.summary.as_dict() if view.summary is not None else {}).items()
        if name in _SCORES and value is not None
    }
    best: float | None = None
    sign = view.tree.direction.sign
    for node in view.tree.nodes:
        if node.complete and node.metric is not None:
            best = node.metric if best is None or sign * node.metric > sign * best else best
            scores.setdefault("best_so_far", []).append((best, node.id))
    _run(
        home,
        place,
        experiment,
        whole,
        name=view.info.id,
        began=began,
        status=_FINISHED if view.info.state in ("finished", "stopped") else _KILLED,
        params={name: str(value) for name, value in asdict(view.settings).items() if value is not None},
        metrics=scores,
        tags={"model": view.info.model, "metric": view.info.metric, "stop_reason": view.info.stop_reason},
        artifacts={
            "summary.json": json.dumps(view.summary.as_dict() if view.summary is not None else {}, indent=2)
        },
    )
    for node in view.tree.nodes:
        _node(home, place, experiment, whole, view, node, began + node.id)


def _node(
    home: Path, place: Path, experiment: str, whole: str, view: RunView, node: Node, began: int
) -> None:
    metrics: dict[str, list[tuple[float, int]]] = {"wall_seconds": [(node.usage.wall, 0)]}
    if node.metric is not None:
        metrics[view.info.metric] = [(node.metric, 0)]
    folds = [(fold.score, fold.fold) for fold in node.folds if fold.score is not None]
    if folds:
        metrics["fold_score"] = folds
    tags = {"mlflow.parentRunId": whole, "mlflow.note.content": node.plan, "state": node.state.value}
    if node.error is not None:
        tags["error"] = node.error.one_line(500)
    _run(
        home,
        place,
        experiment,
        _uuid(f"{view.info.id} {node.id}"),
        name=f"#{node.id} {node.operator}",
        began=began,
        status=_FINISHED if node.state is NodeState.VALID else _FAILED,
        params={
            "operator": node.operator.value,
            "origin": node.origin.value,
            "parent": str(node.parent),
            "seed": str(node.seed),
        },
        metrics=metrics,
        tags=tags,
        artifacts={"solution.py": node.code, "output.txt": node.output},
    )


def _run(
    home: Path,
    place: Path,
    experiment: str,
    uuid: str,
    *,
    name: str,
    began: int,
    status: int,
    params: Mapping[str, str],
    metrics: Mapping[str, Sequence[tuple[float, int]]],
    tags: Mapping[str, str],
    artifacts: Mapping[str, str],
) -> None:
    folder = home / uuid
    lines = {
        "metrics": {
            key: "".join(f"{began} {value!r} {step}\n" for value, step in values)
            for key, values in metrics.items()
        },
        "params": {key: value[:6000] for key, value in params.items()},
        "tags": {"mlflow.runName": name, "mlflow.source.name": "aide-local", **tags},
        "artifacts": artifacts,
    }
    for kind, contents in lines.items():
        (folder / kind).mkdir(parents=True)
        for key, text in contents.items():
            (folder / kind / key.replace("/", "_")).write_text(text, "utf-8", errors="replace")
    _meta(
        folder,
        {
            "artifact_uri": (place / experiment / uuid / "artifacts").as_uri(),
            "end_time": began,
            "entry_point_name": "",
            "experiment_id": experiment,
            "lifecycle_stage": "active",
            "run_id": uuid,
            "run_name": name,
            "run_uuid": uuid,
            "source_name": "",
            "source_type": 4,
            "source_version": "",
            "start_time": began,
            "status": status,
            "tags": [],
            "user_id": "",
        },
    )


def _meta(folder: Path, values: Mapping[str, object]) -> None:
    """Write YAML of plain values: JSON is YAML, too."""
    lines = [f"{key}: {json.dumps(value, ensure_ascii=False)}\n" for key, value in values.items()]
    (folder / "meta.yaml").write_text("".join(lines), "utf-8", errors="replace")


def _uuid(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()
