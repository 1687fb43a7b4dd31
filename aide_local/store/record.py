"""A whole run for its report: the view of its last snapshot, the model and machine it ran on, its costs."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC
from typing import TYPE_CHECKING

from aide_local.home import Home
from aide_local.store.read import RunView, snapshot, view_of

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


@dataclass(frozen=True, slots=True)
class NodeCost:
    """When and how a node was written.

    ``moment`` is when its row was last written, in seconds after the run began; a resumed run has gaps.
    """

    moment: float
    generation_seconds: float
    completion_tokens: int


@dataclass(frozen=True, slots=True)
class OperatorStats:
    """Nodes of one operator. ``mean_gain`` is over their parents, positive is better; None without a pair."""

    operator: str
    nodes: int
    valid: int
    gained: int
    mean_gain: float | None
    wall_seconds: float


@dataclass(frozen=True, slots=True)
class ErrorSort:
    """Errors of one signature; ``fixed`` counts the nodes that have a valid debug child."""

    signature: str
    nodes: int
    fixed: int
    example: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRecord:
    """A run with everything that its report shows."""

    view: RunView
    model_sha256: str
    model_parameters: int
    model_reference: str
    sandbox: str
    machine: str
    versions: dict[str, str]
    resumed: int
    seconds_used: float  # wall, of all processes of the run
    costs: dict[int, NodeCost]  # by node
    operators: tuple[OperatorStats, ...]
    errors: tuple[ErrorSort, ...]  # the most frequent first


def read_record(home: Home, run_id: str) -> RunRecord:
    """Read everything from one and the same snapshot.

    Raises:
        StoreError: the run has no snapshot, or one of a newer version.
    """
    with snapshot(home, run_id) as connection:
        row = connection.execute(
            "SELECT model_sha256, model_parameters, model_reference, sandbox, machine, versions, resumed,"
            " seconds_used, created FROM runs"
        ).fetchone()
        assert row is not None
        view = view_of(connection, home, run_id)
        return RunRecord(
            view=view,
            model_sha256=row[0],
            model_parameters=row[1],
            model_reference=row[2],
            sandbox=row[3],
            machine=row[4],
            versions=json.loads(row[5]),
            resumed=row[6],
            seconds_used=row[7],
            costs=_costs(connection, row[8].replace(tzinfo=UTC).timestamp()),
            operators=tuple(
                OperatorStats(*found)
                for found in connection.execute(
                    "SELECT operator, nodes, valid, gained, mean_gain, wall_seconds FROM operator_stats"
                    " ORDER BY nodes DESC, operator"
                ).fetchall()
            ),
            errors=tuple(
                ErrorSort(*found)
                for found in connection.execute(
                    "SELECT signature, nodes, fixed, example FROM error_signatures ORDER BY nodes DESC, signature"
                ).fetchall()
            ),
        )


def _costs(connection: DuckDBPyConnection, began: float) -> dict[int, NodeCost]:
    return {
        node: NodeCost(max(0.0, updated.replace(tzinfo=UTC).timestamp() - began), seconds, int(tokens))
        for node, updated, seconds, tokens in connection.execute(
            "SELECT n.node, n.updated, c.generation_seconds, c.completion_tokens"
            " FROM nodes n JOIN cost c USING (run_id, node)"
        ).fetchall()
    }
