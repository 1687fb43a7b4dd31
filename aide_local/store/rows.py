"""Nodes, executions and generations as rows of the database, by column name, and back; a run as lists show it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC
from pathlib import Path
from typing import TYPE_CHECKING

from aide_local.basics.files import sha256_of
from aide_local.store.connection import Row
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


def of_node(run_id: str, node: Node) -> dict[str, object]:
    """Return the node's own row, without what is derived from other rows."""
    usage = node.usage
    return {
        "run_id": run_id,
        "node": node.id,
        "operator": node.operator.value,
        "parent": node.parent,
        "other": node.other,
        "state": node.state.value,
        "plan": storable(node.plan),
        "code": storable(node.code),
        "metric": node.metric,
        "complete": node.complete,
        "output": storable(node.output),
        "wall_seconds": usage.wall,
        "cpu_seconds": usage.cpu,
        "peak_memory": usage.peak_memory,
        "written": usage.written,
        "dropped": list(node.dropped),
        "ast_hash": node.ast_hash,
        "hint": storable(node.hint),
        "seed": node.seed,
        "attempts": node.attempts,
        "predictions": str(node.predictions) if node.predictions else None,
        "updated": utc_now(),
        "origin": node.origin.value,
        "in_flight": list(node.in_flight),
        "settled": node.settled,
    }


def of_folds(run_id: str, node: Node) -> list[Row]:
    return [
        {
            "run_id": run_id,
            "node": node.id,
            "fold": fold.fold,
            "score": fold.score,
            "wall_seconds": fold.usage.wall,
            "cpu_seconds": fold.usage.cpu,
            "peak_memory": fold.usage.peak_memory,
            "written": fold.usage.written,
        }
        for fold in node.folds
    ]


def of_error(run_id: str, node: Node) -> list[Row]:
    """Return one row, or none for a node without an error."""
    error = node.error
    if error is None:
        return []
    return [
        {
            "run_id": run_id,
            "node": node.id,
            "kind": error.kind,
            "type": error.type,
            "message": storable(error.message),
            "line": error.line,
            "signature": signature(error),
            "traceback": storable(error.traceback),
        }
    ]


def of_predictions(run_id: str, node: Node, folder: Path) -> list[Row]:
    """Return one row with the checksum of the node's file, or none if there is no file."""
    if node.predictions is None or not (folder / node.predictions).exists():
        return []
    file = folder / node.predictions
    return [
        {
            "run_id": run_id,
            "node": node.id,
            "file": str(node.predictions),
            "bytes": file.stat().st_size,
            "sha256": sha256_of(file),
        }
    ]


def of_execution(run_id: str, node: int, attempt: int, execution: Execution) -> Row:
    usage = execution.usage
    return {
        "run_id": run_id,
        "node": node,
        "attempt": attempt,
        "fold": execution.fold,
        "outcome": execution.outcome.value,
        "exit_code": execution.exit_code,
        "signal": execution.signal,
        "output": storable(execution.output),
        "wall_seconds": usage.wall,
        "cpu_seconds": usage.cpu,
        "peak_memory": usage.peak_memory,
        "written": usage.written,
        "wall_limit": execution.wall_limit,
        "cpu_limit": execution.cpu_limit,
        "memory_limit": execution.memory_limit,
        "moment": utc_now(),
    }


def of_generation(
    run_id: str,
    node: int,
    attempt: int,
    purpose: str,
    prompt: str,
    generation: Generation,
    sampling: Sampling | None,
    dropped: Sequence[str],
) -> Row:
    return {
        "run_id": run_id,
        "node": node,
        "attempt": attempt,
        "purpose": purpose,
        "prompt": storable(prompt),
        "reply": storable(generation.text),
        "finish": generation.finish,
        "seed": generation.seed,
        "prompt_tokens": generation.prompt_tokens,
        "cached_tokens": generation.cached_tokens,
        "completion_tokens": generation.completion_tokens,
        "prefill_ms": generation.prefill_ms,
        "decode_ms": generation.decode_ms,
        "moment": utc_now(),
        "temperature": sampling.temperature if sampling else None,
        "top_p": sampling.top_p if sampling else None,
        "top_k": sampling.top_k if sampling else None,
        "min_p": sampling.min_p if sampling else None,
        "max_tokens": sampling.max_tokens if sampling else None,
        "dropped": list(dropped),
        "speculated_tokens": generation.speculated_tokens,
    }


def storable(text: str) -> str:
    """Return ``text`` as DuckDB takes it: valid UTF-8 without NUL. A model may write neither."""
    return text.replace("\0", "�").encode("utf-8", "replace").decode("utf-8")


def signature(error: NodeError) -> str:
    """Return type and message without what differs from task to task: quoted names, numbers, paths."""
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
    """Return the run that a database of any version holds.

    Raises:
        LookupError: it does not hold the run.
    """
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
