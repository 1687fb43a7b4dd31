"""Golden prompts: a fixed set of moments, rendered, so that a prompt is pinned by what it says.

A model trained on the product's prompts (the starter) carries the :func:`fingerprint` of the texts that its
profile gives for these moments. Code may be moved and renamed; a changed word changes the fingerprint. The
rendered texts themselves are kept in ``tests/prompts/golden`` and compared there word by word.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from aide_local.prompts.build import Request, Templates, reask_message, system_message, user_message
from aide_local.search.digest import digest_lines
from aide_local.search.tree import Tree
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
from aide_local.types import FoldScore, Message, Node, NodeError, NodeState, Operator

_PACKAGES = "python 3.11, numpy 2.4, pandas 3.0, scikit-learn 1.9, xgboost 3.2"
_LIMITS = "600 s for one execution, 4.0 GiB of memory, 2 cores, no network"


@dataclass(frozen=True, slots=True)
class Moment:
    """One point of a run at which a prompt is made."""

    name: str
    task: Task
    request: Request


def moments() -> Iterator[Moment]:
    """Yield every operator, kind of task, split, hint and error once; the set is fixed, so is its order."""
    plain = _task()
    for name, task in (
        ("binary auc", plain),
        ("binary labels", replace(plain, predict=Predict.LABEL, metric="accuracy")),
        (
            "multiclass",
            replace(plain, kind=Kind.MULTICLASS, classes=("a", "b", "c"), outputs=("a", "b", "c")),
        ),
        (
            "multilabel",
            replace(plain, kind=Kind.MULTILABEL, classes=(), targets=("x", "y"), outputs=("x", "y")),
        ),
        ("regression", _regression(plain)),
        ("several numbers", replace(_regression(plain), targets=("x", "y"), outputs=("x", "y"))),
        ("stratified", replace(plain, split=SplitRule(SplitKind.STRATIFIED))),
        ("groups", replace(plain, split=SplitRule(SplitKind.GROUP, "city"))),
        ("time", replace(plain, split=SplitRule(SplitKind.TIME, "day"))),
        ("no columns", replace(plain, columns=(), description="")),
        ("many columns", replace(plain, columns=plain.columns * 20)),
        ("grader", replace(plain, mode=Mode.COMMAND, extra=(Path("graph.txt"),))),
        ("reported", replace(plain, mode=Mode.REPORTED)),
    ):
        yield Moment(f"first draft, {name}", task, Request(Operator.DRAFT))
    tree = _tree()
    for operator, parent, other in (
        (Operator.DRAFT, None, None),
        (Operator.IMPROVE, 0, None),
        (Operator.DEBUG, 1, None),
        (Operator.DEBUG, 4, None),
        (Operator.DEBUG, 5, None),
        (Operator.MERGE, 0, 2),
        (Operator.HUMAN, 0, None),
    ):
        for hint in ("", "try  the\nlogs"):
            request = Request.of(
                operator,
                digest_lines(tree, parent),
                tree[parent] if parent is not None else None,
                tree[other] if other is not None else None,
                hint,
            )
            on = "" if parent is None else f" #{parent}" + ("" if other is None else f" and #{other}")
            yield Moment(f"{operator}{on}{', hint' if hint else ''}", plain, request)


def rendered(profile: str) -> str:
    """Return the texts of all moments in one, each message under a line that names it.

    Raises:
        SettingsError: there is no such profile.
    """
    templates = Templates(profile)
    parts: list[str] = []

    def add(name: str, message: Message) -> None:
        parts.append(f"==== {name}: {message.role}\n{message.content}\n")

    previous: Task | None = None
    for moment in moments():
        if moment.task is not previous:
            add(moment.name, system_message(templates, moment.task, _PACKAGES, _LIMITS))
            previous = moment.task
        add(moment.name, user_message(templates, moment.task, moment.request))
    add("no code in the reply", reask_message(templates))
    return "\n".join(parts)


def fingerprint(profile: str) -> str:
    """Return the hash of what the profile's prompts say, 16 hexadecimal digits."""
    return hashlib.sha256(rendered(profile).encode()).hexdigest()[:16]


def _task() -> Task:
    return Task(
        name="churn",
        root=Path("churn"),
        kind=Kind.BINARY,
        description="Who leaves?\n\nOne row a customer.",
        targets=("churn",),
        classes=("no", "yes"),
        predict=Predict.PROBABILITY,
        outputs=("churn",),
        metric="auc",
        direction=Direction.MAXIMIZE,
        columns=(
            Column("age", ColumnKind.NUMERIC, missing=0.02, unique=60, low="18", high="90"),
            Column(
                "city", ColumnKind.CATEGORICAL, unique=12, examples=("Rome", "Oslo", "A city of a long name")
            ),
            Column("member", ColumnKind.BOOLEAN, unique=2, examples=("no", "yes")),
            Column("day", ColumnKind.DATETIME, unique=365, low="2024-01-01", high="2024-12-31"),
            Column(
                "note", ColumnKind.TEXT, missing=0.3, unique=900, examples=("Called twice\nabout the bill",)
            ),
            Column("later", ColumnKind.NUMERIC, unique=9, low="0", high="8", in_test=False),
            Column("always", ColumnKind.CONSTANT, unique=1),
        ),
        n_train=1200,
        n_test=300,
    )


def _regression(task: Task) -> Task:
    return replace(
        task,
        kind=Kind.REGRESSION,
        predict=Predict.VALUE,
        classes=(),
        metric="rmse",
        direction=Direction.MINIMIZE,
    )


def _tree() -> Tree:
    """A small run: drafts that worked, failed and were stopped early, and what grew from them."""
    script = "import pandas as pd\n\ntrain = pd.read_csv('input/train.csv')\n"

    def node(number: int, operator: Operator, parent: int | None, plan: str, **more: object) -> Node:
        return Node(id=number, operator=operator, parent=parent, plan=plan, code=script, **more)  # type: ignore[arg-type]

    def valid(metric: float) -> dict[str, object]:
        folds = (FoldScore(0, metric), FoldScore(1, metric))
        return {"state": NodeState.VALID, "metric": metric, "complete": True, "folds": folds}

    def buggy(error: NodeError) -> dict[str, object]:
        return {"state": NodeState.BUGGY, "error": error}

    long = (
        "ridge alpha 10 with one-hot, scaled, and a sentence that is longer than a line of the journal " * 2
    )
    missing = NodeError("exception", "KeyError", "'city of residence'", 3)
    place = NodeError("exception", "ImportError", "cannot import name 'x' (/opt/lib/x.py)", 1)
    limit = NodeError("timeout", "Timeout", "stopped after 600 s")
    return Tree.of(
        (
            node(0, Operator.DRAFT, None, "random forest 300 rounds. Second sentence.", **valid(0.81234567)),
            node(1, Operator.DRAFT, None, long, **buggy(missing)),
            node(2, Operator.IMPROVE, 0, "add logs", **valid(0.82)),
            node(
                3,
                Operator.IMPROVE,
                0,
                "drop city",
                state=NodeState.VALID,
                metric=0.7,
                folds=(FoldScore(0, 0.7),),
            ),
            node(4, Operator.DEBUG, 1, "the column is called city", **buggy(place)),
            node(5, Operator.IMPROVE, 2, "search", **buggy(limit)),
            node(6, Operator.MERGE, 2, "both", other=0, **valid(0.8)),
            node(7, Operator.DRAFT, None, "in flight"),
        ),
        Direction.MAXIMIZE,
    )
