"""Nodes and generations as rows of the database, and back; a run as listed."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aide_local.store.schema import ORIGINS, utc_now, version_of
from aide_local.types import (
    Execution,
    FoldScore,
    Generation,
    Node,
    NodeError,
    NodeState,
    Operator,
    Origin,
    RunInfo,
    Sampling,
    Usage,
)

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


def of_node(run_id: str, node: Node) -> list[tuple[str, list[Any]]]:
    """(table, values in the order of its columns) for the node, its folds and its error; of the node up to ``updated``."""
    usage = node.usage
    found: list[tuple[str, list[Any]]] = [
        (
            "nodes",
            [
                run_id,
                node.id,
                node.operator.value,
                node.parent,
                node.other,
                node.state.value,
                storable(node.plan),
                storable(node.code),
                node.metric,
                node.complete,
                storable(node.output),
                usage.wall,
                usage.cpu,
                usage.peak_memory,
                usage.written,
                list(node.dropped),
                node.ast_hash,
                storable(node.hint),
                node.seed,
                node.attempts,
                str(node.predictions) if node.predictions else None,
                utc_now(),
            ],
        )
    ]
    for fold in node.folds:
        cost = fold.usage
        found.append(
            (
                "folds",
                [run_id, node.id, fold.fold, fold.score, cost.wall, cost.cpu, cost.peak_memory, cost.written],
            )
        )
    if node.error is not None:
        error = node.error
        found.append(
            (
                "errors",
                [
                    run_id,
                    node.id,
                    error.kind,
                    error.type,
                    storable(error.message),
                    error.line,
                    signature(error),
                    storable(error.traceback),
                ],
            )
        )
    return found


def of_execution(execution: Execution) -> list[Any]:
    """Values of the columns from ``fold`` on."""
    usage = execution.usage
    return [
        execution.fold,
        execution.outcome.value,
        execution.exit_code,
        execution.signal,
        storable(execution.output),
        usage.wall,
        usage.cpu,
        usage.peak_memory,
        usage.written,
        execution.wall_limit,
        execution.cpu_limit,
        execution.memory_limit,
        utc_now(),
    ]


def of_generation(
    prompt: str, generation: Generation, sampling: Sampling | None, dropped: Sequence[str]
) -> list[Any]:
    """Values of the columns from ``prompt`` on."""
    return [
        storable(prompt),
        storable(generation.text),
        generation.finish,
        generation.seed,
        generation.prompt_tokens,
        generation.cached_tokens,
        generation.completion_tokens,
        generation.prefill_ms,
        generation.decode_ms,
        utc_now(),
        *(
            (sampling.temperature, sampling.top_p, sampling.top_k, sampling.min_p, sampling.max_tokens)
            if sampling is not None
            else (None,) * 5
        ),
        list(dropped),
        generation.speculated_tokens,
    ]


def storable(text: str) -> str:
    """DuckDB takes UTF-8 without NUL; a model may write either's opposite."""
    return text.replace("\0", "�").encode("utf-8", "replace").decode("utf-8")


def signature(error: NodeError) -> str:
    """Type and message without what differs from task to task: quoted names, numbers, paths."""
    text = re.sub(r"'[^']*'|\"[^\"]*\"|\[[^\]]*\]", "…", error.message)
    text = re.sub(r"/\S+", "…", text)
    text = re.sub(r"\d[\d.,]*", "N", text)
    return storable(f"{error.type}: {' '.join(text.split())}"[:160])


def read_nodes(connection: DuckDBPyConnection, run_id: str) -> tuple[Node, ...]:
    """Return all nodes of a run in order of id, from a database of any version."""
    cursor = connection.cursor()
    # A snapshot of an earlier schema is read as it is; its rows get what the migration would give them.
    later = (
        "origin, in_flight, settled"
        if version_of(cursor) >= ORIGINS
        else "CASE WHEN operator = 'human' THEN 'person' ELSE 'model' END, [], NULL"
    )
    folds: dict[int, list[FoldScore]] = {}
    for node, fold, score, *usage in cursor.execute(
        "SELECT node, fold, score, wall_seconds, cpu_seconds, peak_memory, written FROM folds"
        " WHERE run_id = ? ORDER BY node, fold",
        [run_id],
    ).fetchall():
        folds.setdefault(node, []).append(FoldScore(fold, score, Usage(*usage)))
    errors = {
        row[0]: NodeError(*row[1:])
        for row in cursor.execute(
            "SELECT node, kind, type, message, line, traceback FROM errors WHERE run_id = ?", [run_id]
        ).fetchall()
    }
    found = cursor.execute(
        "SELECT node, operator, parent, other, state, plan, code, metric, complete, output, wall_seconds, cpu_seconds,"
        f" peak_memory, written, dropped, ast_hash, hint, seed, attempts, predictions, {later}"
        " FROM nodes WHERE run_id = ? ORDER BY node",
        [run_id],
    ).fetchall()
    cursor.close()
    return tuple(
        Node(
            id=row[0],
            operator=Operator(row[1]),
            parent=row[2],
            other=row[3],
            state=NodeState(row[4]),
            plan=row[5],
            code=row[6],
            metric=row[7],
            complete=row[8],
            folds=tuple(folds.get(row[0], ())),
            error=errors.get(row[0]),
            output=row[9],
            usage=Usage(*row[10:14]),
            dropped=tuple(row[14]),
            ast_hash=row[15],
            hint=row[16],
            seed=row[17],
            attempts=row[18],
            predictions=Path(row[19]) if row[19] else None,
            origin=Origin(row[20]),
            in_flight=tuple(row[21]),
            settled=row[22],
        )
        for row in found
    )


def read_info(connection: DuckDBPyConnection, run_id: str, folder: Path) -> RunInfo:
    """The run of a database of any version. Raises LookupError where it holds none."""
    cursor = connection.cursor()
    # The column "exam" came with version 3 of the schema; the settings have it in every version.
    row = cursor.execute(
        "SELECT task, model, state, metric, direction, created, stop_reason, seconds_used,"
        " settings->'exam'->>'id' FROM runs WHERE run_id = ?",
        [run_id],
    ).fetchone()
    if row is None:
        raise LookupError(f"it holds no run {run_id}")
    task, model, state, metric, direction, created, reason, seconds, exam = row
    counts = cursor.execute(
        "SELECT count(*), count(*) FILTER (state = 'valid'),"
        " max(metric) FILTER (complete), min(metric) FILTER (complete) FROM nodes"
    ).fetchone()
    assert counts is not None, "a count is one row"
    course = cursor.execute(
        "SELECT best FROM (SELECT node, best FROM best_so_far ORDER BY node DESC LIMIT 16) ORDER BY node"
    ).fetchall()
    cursor.close()
    return RunInfo(
        id=run_id,
        task=task,
        model=model,
        state=state,
        metric=metric,
        direction=direction,
        created=created.replace(tzinfo=UTC).timestamp(),
        nodes=counts[0],
        valid=counts[1],
        best=counts[2] if direction == "maximize" else counts[3],
        folder=folder,
        stop_reason=reason,
        seconds=seconds,
        extra={"course": " ".join(f"{one:.6g}" for (one,) in course), **({"exam": exam} if exam else {})},
    )
