"""One run's database, held by the process that runs it; readers get snapshots of it.

DuckDB lets one process write a file and then no other read it, so everything for readers is published:
``published.duckdb`` by copy and rename, and ``info.json``, a line about the run that lists are made of.
"""

from __future__ import annotations

import functools
import json
import os
import platform
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import chain, groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aide_local.basics.files import sha256_of, write_whole
from aide_local.errors import DiskFull
from aide_local.store import rows
from aide_local.store.schema import migrate, utc_now
from aide_local.store.trouble import hold, told
from aide_local.store.values import settings_from_json, settings_to_json, task_from_json
from aide_local.task import Task
from aide_local.types import Execution, Generation, Node, RunInfo, RunSettings, Sampling

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection, Statement

DATABASE, PUBLISHED, INFO, LOCK = "run.duckdb", "published.duckdb", "info.json", "lock"
_CONFIG: Mapping[str, str | int] = {"threads": 1, "memory_limit": "1GB"}  # of a run's own database
EXAM = "exam-"  # begins the id of a run that is a part of a model's examination; that of a search, its date


@dataclass(frozen=True, slots=True)
class UsedModel:
    """The model that a run was begun with."""

    name: str
    sha256: str
    reference: str


@dataclass(frozen=True, slots=True)
class Placed:
    """What the rows of children repeat of a node that has a row: its path up to the root, its score on all folds."""

    path: tuple[int, ...]
    metric: float | None


def durable(method: Callable[..., None]) -> Callable[..., None]:
    """The method's body is one transaction of the store, and may be executed again."""

    @functools.wraps(method)
    def written(self: DuckRunStore, *arguments: Any, **named: Any) -> None:
        self._write(lambda: method(self, *arguments, **named))

    return written


class DuckRunStore:
    """See :class:`aide_local.store.protocol.RunStore`.

    Raises:
        StoreError: another living process holds the run, or the database is of a newer version.
    """

    def __init__(self, run_id: str, folder: Path) -> None:
        self.run_id = run_id
        self.folder = folder
        self._lock = threading.RLock()
        self._publishing = threading.RLock()  # one snapshot at a time: the files have one name
        self._held = hold(folder / LOCK, run_id)
        self._closed = False
        self.patience: Callable[[DiskFull], bool] | None = None
        self._inserts: dict[tuple[str, int, int], Statement] = {}
        try:
            with told(folder):
                self._connection = connect_to(folder / DATABASE)
                migrate(self._connection, folder / DATABASE)
                self._placed = _placed(self._connection)
                self._spent = _spent(self._connection)
        except BaseException:
            self._held.release()
            raise
        for pattern in ("*.partial", "deliverables/*.partial"):  # of a process that was killed
            for leftover in folder.glob(pattern):
                leftover.unlink(missing_ok=True)

    # ---- what is known of the run ----

    def _one(self, column: str) -> Any:
        with self._lock:
            row = self._connection.execute(
                f"SELECT {column} FROM runs WHERE run_id = ?", [self.run_id]
            ).fetchone()
        assert row is not None, "every run database has its run"
        return row[0]

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
        """Where the deliverables go, if the person said so."""
        found = self._one("out")
        return Path(found) if found else None

    def set_out(self, out: Path) -> None:
        self._update(out=str(out))

    def set_constant_score(self, score: float | None) -> None:
        """The metric of the best constant guess; None where there is none."""
        self._update(constant_score=score)

    def tokens(self) -> tuple[int, int]:
        """Tokens of all prompts (evaluated or cached) and of all replies."""
        with self._lock:
            row = self._connection.execute(
                "SELECT coalesce(sum(prompt_tokens + cached_tokens), 0), coalesce(sum(completion_tokens), 0)"
                " FROM generations"
            ).fetchone()
        assert row is not None
        return int(row[0]), int(row[1])

    def info(self) -> RunInfo:
        with self._lock:
            return rows.read_info(self._connection, self.run_id, self.folder)

    # ---- nodes ----

    def put_node(self, node: Node) -> None:
        nothing = Placed((), None)
        above = nothing if node.parent is None else self._placed.get(node.parent, nothing)
        placed = Placed((node.id, *above.path), node.metric if node.complete else None)
        # Columns from "path" on, which no question has to compute again.
        derived = [
            list(placed.path),
            above.metric,
            *self._spent.get(node.id, (0.0, 0)),
            node.origin.value,
            list(node.in_flight),
            node.settled,
        ]
        self._write(lambda: self._put_node(node, derived))
        self._placed[node.id] = placed

    def _put_node(self, node: Node, derived: list[Any]) -> None:
        """In a transaction. Only a node that was there before has rows to be replaced."""
        for table in ("nodes", "folds", "errors", "predictions") if node.id in self._placed else ():
            self._connection.execute(
                f"DELETE FROM {table} WHERE run_id = ? AND node = ?", [self.run_id, node.id]
            )
        first, *others = rows.of_node(self.run_id, node)
        self._insert("nodes", [*first[1], *derived])
        for table, group in groupby(others, key=lambda one: one[0]):
            self._insert(table, *(values for _, values in group))
        if node.predictions is not None and (self.folder / node.predictions).exists():
            file = self.folder / node.predictions
            self._insert(
                "predictions",
                [self.run_id, node.id, str(node.predictions), file.stat().st_size, sha256_of(file)],
            )

    def _insert(self, table: str, *values: Sequence[object]) -> None:
        """One statement for any number of rows, parsed once: parsing and planning take longer than inserting."""
        if not values:
            return
        shape = (table, len(values), len(values[0]))
        if shape not in self._inserts:
            row = f"({', '.join(['?'] * len(values[0]))})"
            self._inserts[shape] = self._connection.extract_statements(
                f"INSERT INTO {table} VALUES {', '.join([row] * len(values))}"
            )[0]
        self._connection.execute(self._inserts[shape], [*chain.from_iterable(values)])

    @durable
    def put_executions(self, node: int, attempt: int, executions: Sequence[Execution]) -> None:
        self._connection.execute(
            "DELETE FROM executions WHERE run_id = ? AND node = ? AND attempt = ?",
            [self.run_id, node, attempt],
        )
        self._insert(
            "executions", *([self.run_id, node, attempt, *rows.of_execution(one)] for one in executions)
        )

    def nodes(self) -> tuple[Node, ...]:
        with self._lock:
            return rows.read_nodes(self._connection, self.run_id)

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
        values = rows.of_generation(prompt, generation, sampling, dropped)
        seconds, tokens = self._spent.get(node, (0.0, 0))
        seconds += (generation.prefill_ms + generation.decode_ms) / 1000
        spent = (seconds, tokens + generation.completion_tokens)

        def put() -> None:
            self._insert("generations", [self.run_id, node, attempt, purpose, *values])
            if node in self._placed:
                self._connection.execute(
                    "UPDATE nodes SET generation_seconds = ?, completion_tokens = ? WHERE run_id = ? AND node = ?",
                    [*spent, self.run_id, node],
                )

        self._write(put)
        self._spent[node] = spent

    # ---- the run ----

    @durable
    def put_event(self, kind: str, payload: dict[str, object]) -> None:
        self._insert("events", [self.run_id, utc_now(), kind, json.dumps(payload, default=str)])

    def events(self, kinds: Sequence[str]) -> list[tuple[str, dict[str, Any]]]:
        with self._lock:
            found = self._connection.execute(
                "SELECT kind, payload FROM events WHERE list_contains(?, kind) ORDER BY rowid", [list(kinds)]
            ).fetchall()
        return [(kind, json.loads(payload)) for kind, payload in found]

    def summaries(self) -> dict[int, str]:
        with self._lock:
            found = self._connection.execute(
                "SELECT node, reply FROM generations WHERE purpose = 'digest' ORDER BY moment"
            ).fetchall()
        return dict(found)

    def set_state(self, state: str, stop_reason: str = "") -> None:
        self._update(state=state, stop_reason=stop_reason)
        self._publish_info()

    def resumed(self) -> None:
        """Count that the run was taken up again, and keep from where."""
        with self._lock:
            row = self._connection.execute("SELECT count(*) FROM nodes WHERE state <> 'pending'").fetchone()
        assert row is not None
        self.put_event("resumed", {"state": self._one("state"), "nodes": row[0], "machine": machine()})
        self._update(resumed=self._one("resumed") + 1)

    @durable
    def put_result(self, summary: dict[str, object]) -> None:
        weights = summary.get("ensemble")
        interval = summary.get("interval")
        low, high = interval if isinstance(interval, list | tuple) else (None, None)
        self._connection.execute(
            "UPDATE runs SET summary = ?, estimate = ?, interval_low = ?, interval_high = ?",
            [json.dumps(summary, default=str), summary.get("estimate"), low, high],
        )
        self._connection.execute("DELETE FROM ensembles")
        if isinstance(weights, dict):
            self._insert("ensembles", *([self.run_id, int(node), weight] for node, weight in weights.items()))

    def seconds_used(self) -> float:
        return float(self._one("seconds_used"))

    @durable
    def tick(self, seconds: float, writing: float = 0.0, executing: float = 0.0) -> None:
        self._connection.execute(
            "UPDATE runs SET seconds_used = seconds_used + ?, writing_seconds = writing_seconds + ?,"
            " executing_seconds = executing_seconds + ?",
            [seconds, writing, executing],
        )

    @durable
    def _update(self, **values: object) -> None:
        settings = ", ".join(f"{name} = ?" for name in values)
        self._connection.execute(f"UPDATE runs SET {settings}", list(values.values()))

    def _write(self, act: Callable[[], None]) -> None:
        """One transaction; on a full disk again, as long as ``patience`` says so.

        Raises:
            DiskFull: and nobody waits for room.
            StoreError: the disk is gone, or the database is damaged.
        """
        while True:
            try:
                with self._lock, told(self.folder):
                    self._connection.execute("BEGIN")
                    try:
                        act()
                    except BaseException:
                        self._connection.execute("ROLLBACK")
                        raise
                    self._connection.execute("COMMIT")
                return
            except DiskFull as error:
                self._wait_for_room(error)

    def _wait_for_room(self, error: DiskFull) -> None:
        """Then open the database anew: after a failed write DuckDB refuses all others."""
        while True:
            if self.patience is None or not self.patience(error):
                raise error
            try:
                with self._publishing, self._lock, told(self.folder):
                    self._connection.close()
                    self._connection = connect_to(self.folder / DATABASE)
                return
            except DiskFull as still:
                error = still

    # ---- for readers ----

    def publish(self) -> None:
        with self._publishing:
            partial = self.folder / (PUBLISHED + ".partial")
            with told(self.folder):
                partial.unlink(missing_ok=True)
                with self._lock:
                    cursor = self._connection.cursor()
                try:
                    cursor.execute(f"ATTACH {quoted(partial)} AS snapshot")
                    try:
                        source = cursor.execute("SELECT current_database()").fetchone()
                        assert source is not None
                        cursor.execute(f'COPY FROM DATABASE "{source[0]}" TO snapshot')
                    finally:
                        cursor.execute("DETACH snapshot")
                finally:
                    cursor.close()
                partial.replace(self.folder / PUBLISHED)
            self._publish_info()

    def _publish_info(self) -> None:
        with self._publishing:
            info = asdict(self.info())
            info["pid"] = os.getpid()
            with told(self.folder):
                write_whole(self.folder / INFO, json.dumps(info, default=str))

    def close(self) -> None:
        with self._lock:
            if self._closed:
                return
            self._closed = True
            self._connection.close()
            self._held.release()


def machine() -> str:
    """Host name, processor, cores."""
    return f"{platform.node()}, {platform.machine()}, {os.cpu_count()} cores"


def _placed(connection: DuckDBPyConnection) -> dict[int, Placed]:
    found = connection.execute("SELECT node, path, CASE WHEN complete THEN metric END FROM nodes").fetchall()
    return {node: Placed(tuple(path), metric) for node, path, metric in found}


def _spent(connection: DuckDBPyConnection) -> dict[int, tuple[float, int]]:
    """Of each node, the seconds and tokens of its generations."""
    found = connection.execute(
        "SELECT node, sum(prefill_ms + decode_ms) / 1000, sum(completion_tokens) FROM generations GROUP BY node"
    ).fetchall()
    return {node: (float(seconds), int(tokens)) for node, seconds, tokens in found}


def connect_to(path: Path, config: Mapping[str, str | int] = _CONFIG) -> DuckDBPyConnection:
    """A database to write to, without DuckDB's progress bar: after two seconds it would be printed among what a program
    prints. ``config``: DuckDB's settings; those of a run's own database, if none are given."""
    import duckdb

    connection = duckdb.connect(str(path), config=dict(config))
    connection.execute("SET enable_progress_bar=false")
    return connection


def quoted(path: Path) -> str:
    return "'" + str(path).replace("'", "''") + "'"
