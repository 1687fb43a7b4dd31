"""Small values for tests of the pure logic."""

from __future__ import annotations

from pathlib import Path

from aide_local.task import Column, ColumnKind, Direction, Kind, Predict, Task
from aide_local.types import FoldScore, Node, NodeError, NodeState, Operator


def valid(node_id: int, metric: float, parent: int | None = None, **more: object) -> Node:
    """A complete, valid node; a draft where it has no parent, else an improvement."""
    values: dict[str, object] = {
        "operator": Operator.DRAFT if parent is None else Operator.IMPROVE,
        "plan": f"plan {node_id}.",
        "code": f"print({node_id})\n",
        "folds": (FoldScore(0, metric), FoldScore(1, metric)),
        "complete": True,
        **more,
    }
    return Node(id=node_id, parent=parent, metric=metric, state=NodeState.VALID, **values)  # type: ignore[arg-type]


def buggy(node_id: int, parent: int | None = None, operator: Operator | None = None, **more: object) -> Node:
    values: dict[str, object] = {
        "operator": operator or (Operator.DRAFT if parent is None else Operator.IMPROVE),
        "plan": f"plan {node_id}.",
        "code": f"print(missing_{node_id})\n",
        "error": NodeError("exception", "NameError", f"name 'missing_{node_id}' is not defined", 1),
        **more,
    }
    return Node(id=node_id, parent=parent, state=NodeState.BUGGY, **values)  # type: ignore[arg-type]


def churn_task(columns: int = 3, description: str = "") -> Task:
    made = tuple(
        Column(f"column_{n}", ColumnKind.NUMERIC, missing=0.1, unique=50, low="0", high="9")
        for n in range(columns)
    )
    return Task(
        name="churn",
        root=Path("churn"),
        kind=Kind.BINARY,
        description=description,
        targets=("churn",),
        classes=("no", "yes"),
        predict=Predict.PROBABILITY,
        outputs=("churn",),
        metric="auc",
        direction=Direction.MAXIMIZE,
        columns=made,
        n_train=1200,
        n_test=300,
    )
