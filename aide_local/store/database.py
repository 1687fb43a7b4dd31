"""One run's store: its database, held by the process that runs it, and what it publishes for readers.

DuckDB lets one process write a file and then no other read it, so everything for readers is published:
``published.duckdb`` by copy and rename, and ``info.json``, a line about the run that lists are made of.
"""

from __future__ import annotations

import functools
import json
import os
import platform
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from aide_local.basics.files import write_whole
from aide_local.errors import DiskFull
from aide_local.store import rows
from aide_local.store.connection import RunDatabase
from aide_local.store.layout import DATABASE, INFO, LOCK, PUBLISHED
from aide_local.store.locks import lock_run
from aide_local.store.schema import utc_now
from aide_local.store.trouble import translate_errors
from aide_local.store.values import settings_from_json, settings_to_json, task_from_json
from aide_local.task import Task
from aide_local.types import Execution, Generation, Node, RunInfo, RunSettings, Sampling, Summary


@dataclass(frozen=True, slots=True)
class UsedModel:
    """The model that a run was started with."""

    name: str
    sha256: str
    reference: str


@dataclass(frozen=True, slots=True)
class Ancestry:
    """A node's path up to the root, and its metric if it is complete: rows of its children repeat both."""

    path: tuple[int, ...] = ()
    metric: float | None = None


@dataclass(frozen=True, slots=True)
class Spent:
    """Seconds and tokens of all replies for a node."""

    seconds: float = 0.0
    tokens: int = 0


def durable(method: Callable[..., None]) -> Callable[..., None]:
    """Make the method's body one transaction of the store; it may be executed again after a full disk."""

    @functools.wraps(method)
    def write(self: DuckRunStore, *arguments: Any, **named: Any) -> None:
        self._database.transaction(lambda: method(self, *arguments, **named))

    return write


class DuckRunStore:
    """See :class:`aide_local.store.protocol.RunStore`.

    Raises:
        StoreError: another living process holds the run, or the database is of a newer version.
    """

    def __init__(self, run_id: str, folder: Path) -> None:
        self.run_id = run_id
        self.folder = folder
        self._process_lock = lock_run(folder / LOCK, run_id)
        try:
            self._database = RunDatabase(folder / DATABASE)
            with translate_errors(folder):
                self._ancestries = _read_ancestries(self._database)
                self._spent = _read_spent(self._database)
        except BaseException:
            self._process_lock.release()
            raise
        for pattern in ("*.partial", "deliverables/*.partial"):  # of a process that was killed
            for leftover in folder.glob(pattern):
                leftover.unlink(missing_ok=True)

    @property
    def patience(self) -> Callable[[DiskFull], bool] | None:
        return self._database.patience

    @patience.setter
    def patience(self, patience: Callable[[DiskFull], bool] | None) -> None:
        self._database.patience = patience

    # ---- the run as it was asked for ----

    def _one(self, column: str) -> Any:
        ((value,),) = self._database.rows(f"SELECT {column} FROM runs WHERE run_id = ?", [self.run_id])
        return value

    def settings(self) -> RunSettings:
        return settings_from_json(self._one("settings"))

    def put_settings(self, settings: RunSettings) -> None:
        self._update(settings=settings_to_json(settings))
        self.put_event("settings", asdict(settings))

    def task(self) -> Task:
        return task_from_json(self._one("task_definition"))

    def model(self) -> UsedModel:
        return UsedModel(self._one("model"), self._one("model_sha256"), self._one("model_reference"))

    def out(self) -> Path | None:
        """Return the folder that the person named for the deliverables, if any."""
        found = self._one("out")
        return Path(found) if found else None

    def set_out(self, out: Path) -> None:
        self._update(out=str(out))

    def set_constant_score(self, score: float | None) -> None:
        """Record the metric of the best constant guess; None if there is none."""
        self._update(constant_score=score)

    # ---- nodes ----

    def nodes(self) -> tuple[Node, ...]:
        with self._database.reading() as connection:
            return rows.read_nodes(connection, self.run_id)

    def attempt(self, node: int) -> int:
        """Return which attempt of the node is under way, from 1."""
        found = self._database.rows(
            "SELECT attempts FROM nodes WHERE run_id = ? AND node = ?", [self.run_id, node]
        )
        return int(found[0][0]) if found else 1

    def put_node(self, node: Node) -> None:
        above = Ancestry() if node.parent is None else self._ancestries.get(node.parent, Ancestry())
        own = Ancestry((node.id, *above.path), node.metric if node.complete else None)
        spent = self._spent.get(node.id, Spent())
        # Columns that no question has to compute again.
        derived: dict[str, object] = {
            "path": list(own.path),
            "parent_metric": above.metric,
            "generation_seconds": spent.seconds,
            "completion_tokens": spent.tokens,
        }
        self._database.transaction(lambda: self._replace_node(node, derived))
        self._ancestries[node.id] = own

    def _replace_node(self, node: Node, derived: dict[str, object]) -> None:
        """Write the node's rows in a transaction. Only a node that was there before has rows to be replaced."""
        for table in ("nodes", "folds", "errors", "predictions") if node.id in self._ancestries else ():
            self._database.execute(
                f"DELETE FROM {table} WHERE run_id = ? AND node = ?", [self.run_id, node.id]
            )
        self._database.insert("nodes", [rows.of_node(self.run_id, node) | derived])
        self._database.insert("folds", rows.of_folds(self.run_id, node))
        self._database.insert("errors", rows.of_error(self.run_id, node))
        self._database.insert("predictions", rows.of_predictions(self.run_id, node, self.folder))

    @durable
    def put_executions(self, node: int, attempt: int, executions: Sequence[Execution]) -> None:
        self._database.execute(
            "DELETE FROM executions WHERE run_id = ? AND node = ? AND attempt = ?",
            [self.run_id, node, attempt],
        )
        self._database.insert(
            "executions", [rows.of_execution(self.run_id, node, attempt, one) for one in executions]
        )

    def put_generation(
        self,
        node: int,
        attempt: int,
        purpose: str,
        prompt: str,
        generation: Generation,
        sampling: Sampling | None = None,
        dropped: Sequence[str] = (),
    ) -> None:
        row = rows.of_generation(self.run_id, node, attempt, purpose, prompt, generation, sampling, dropped)
        before = self._spent.get(node, Spent())
        spent = Spent(
            before.seconds + (generation.prefill_ms + generation.decode_ms) / 1000,
            before.tokens + generation.completion_tokens,
        )

        def put() -> None:
            self._database.insert("generations", [row])
            if node in self._ancestries:
                self._database.execute(
                    "UPDATE nodes SET generation_seconds = ?, completion_tokens = ? WHERE run_id = ? AND node = ?",
                    [spent.seconds, spent.tokens, self.run_id, node],
                )

        self._database.transaction(put)
        self._spent[node] = spent

    def tokens(self) -> tuple[int, int]:
        """Return the tokens of all prompts (evaluated or cached) and of all replies."""
        ((prompts, replies),) = self._database.rows(
            "SELECT coalesce(sum(prompt_tokens + cached_tokens), 0), coalesce(sum(completion_tokens), 0)"
            " FROM generations"
        )
        return int(prompts), int(replies)

    def summaries(self) -> dict[int, str]:
        return dict(
            self._database.rows(
                "SELECT node, reply FROM generations WHERE purpose = 'digest' ORDER BY moment"
            )
        )

    # ---- the course of the run ----

    @durable
    def put_event(self, kind: str, payload: dict[str, object]) -> None:
        self._database.insert(
            "events",
            [
                {
                    "run_id": self.run_id,
                    "moment": utc_now(),
                    "kind": kind,
                    "payload": json.dumps(payload, default=str),
                }
            ],
        )

    def events(self, kinds: Sequence[str]) -> list[tuple[str, dict[str, Any]]]:
        found = self._database.rows(
            "SELECT kind, payload FROM events WHERE list_contains(?, kind) ORDER BY rowid", [list(kinds)]
        )
        return [(kind, json.loads(payload)) for kind, payload in found]

    def set_state(self, state: str, stop_reason: str = "") -> None:
        self._update(state=state, stop_reason=stop_reason)
        self._publish_info()

    def count_resumption(self) -> None:
        """Record that a process took the run up again, and what it found."""
        ((finished,),) = self._database.rows("SELECT count(*) FROM nodes WHERE state <> 'pending'")
        self.put_event("resumed", {"state": self._one("state"), "nodes": finished, "machine": machine()})
        self._update(resumed=self._one("resumed") + 1)

    @durable
    def put_result(self, summary: Summary) -> None:
        low, high = summary.interval or (None, None)
        self._database.execute(
            "UPDATE runs SET summary = ?, estimate = ?, interval_low = ?, interval_high = ?",
            [json.dumps(summary.as_dict()), summary.estimate, low, high],
        )
        self._database.execute("DELETE FROM ensembles")
        self._database.insert(
            "ensembles",
            [
                {"run_id": self.run_id, "node": int(node), "weight": weight}
                for node, weight in summary.ensemble.items()
            ],
        )

    def seconds_used(self) -> float:
        return float(self._one("seconds_used"))

    @durable
    def tick(self, seconds: float, writing: float = 0.0, executing: float = 0.0) -> None:
        self._database.execute(
            "UPDATE runs SET seconds_used = seconds_used + ?, writing_seconds = writing_seconds + ?,"
            " executing_seconds = executing_seconds + ?",
            [seconds, writing, executing],
        )

    @durable
    def _update(self, **values: object) -> None:
        assignments = ", ".join(f"{name} = ?" for name in values)
        self._database.execute(f"UPDATE runs SET {assignments}", list(values.values()))

    # ---- for readers ----

    def info(self) -> RunInfo:
        with self._database.reading() as connection:
            return rows.read_info(connection, self.run_id, self.folder)

    def publish(self) -> None:
        with self._database.publishing:
            self._database.copy_to(self.folder / PUBLISHED)
            self._publish_info()

    def _publish_info(self) -> None:
        with self._database.publishing:
            info = asdict(self.info())
            info["pid"] = os.getpid()
            with translate_errors(self.folder):
                write_whole(self.folder / INFO, json.dumps(info, default=str))

    def close(self) -> None:
        if self._database.close():
            self._process_lock.release()


def machine() -> str:
    """Return host name, processor and cores."""
    return f"{platform.node()}, {platform.machine()}, {os.cpu_count()} cores"


def _read_ancestries(database: RunDatabase) -> dict[int, Ancestry]:
    found = database.rows("SELECT node, path, CASE WHEN complete THEN metric END FROM nodes")
    return {node: Ancestry(tuple(path), metric) for node, path, metric in found}


def _read_spent(database: RunDatabase) -> dict[int, Spent]:
    found = database.rows(
        "SELECT node, sum(prefill_ms + decode_ms) / 1000, sum(completion_tokens) FROM generations GROUP BY node"
    )
    return {node: Spent(float(seconds), int(tokens)) for node, seconds, tokens in found}
