"""Measure the store: a node, a snapshot, the history of many runs, a question.

    python -m benchmarks.store [--runs 10000] [--seconds 20]

A history of a million nodes (10,000 runs of 100) is composed in SQL; everything after is the product's own way. Targets:
each view's first page 300 ms, each question of the cookbook 2 s, `aide-local sql` as a whole process 0.6 s, a node
10 ms with 3 runs writing and 4 readers asking.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict
from itertools import chain
from pathlib import Path

import duckdb

from aide_local.basics.units import format_mib
from aide_local.home import Home
from aide_local.llm.protocol import ModelInfo
from aide_local.store import history
from aide_local.store.cookbook import QUERIES
from aide_local.store.database import DuckRunStore
from aide_local.store.layout import INFO, PUBLISHED
from aide_local.store.manifest import Manifest, mark_of
from aide_local.store.read import list_runs
from aide_local.store.run_store import create_run
from aide_local.store.schema import migrate, newest
from aide_local.store.sql import SqlReader
from aide_local.tasks.load import load_task
from aide_local.types import Generation, RunSettings
from benchmarks.overhead import TASK, result
from tui.settings import LATEST_RUNS

MODEL = ModelInfo(
    name="none", path=None, sha256="", n_ctx=1, n_ctx_train=1, n_params=0, size=0, gpu=False, metadata={}
)
NODES = 100  # of a run in the history
VIEWS = (
    "leaderboard", "gains", "lineage", "operator_stats", "error_signatures", "model_speed", "cost", "best_so_far",
    "tasks", "task_similarity", "resumptions", "exam_tasks", "model_exams",
)  # fmt: skip


def milliseconds(act: Callable[[], object]) -> float:
    began = time.perf_counter()
    act()
    return 1000 * (time.perf_counter() - began)


def make(home: Home) -> DuckRunStore:
    return create_run(
        home, task=load_task(TASK), settings=RunSettings(), model=MODEL, sandbox="limits", versions={}
    )


def put(store: DuckRunStore, node: int) -> None:
    store.put_node(result(node))
    store.put_generation(
        node, 1, "script", "a prompt " * 800, Generation(text="a reply " * 400, finish="stop")
    )


# ---- a million nodes ----

_COMPOSED = (
    """INSERT INTO runs BY NAME SELECT 'run-' || lpad(r::TEXT, 6, '0') AS run_id, 'task ' || (r % 500) AS task,
       md5((r % 500)::TEXT)[:16] AS task_fingerprint, if(r % 2 = 0, 'regression', 'binary') AS kind,
       if(r % 2 = 0, 'rmse', 'auc') AS metric, if(r % 2 = 0, 'minimize', 'maximize') AS direction,
       1000 + r % 500 AS n_train, 10 + r % 30 AS n_columns, 'model ' || (r % 5) AS model, '' AS model_sha256,
       5000000 AS model_parameters, 'm' AS model_reference, 'strict' AS sandbox, r AS seed, 'greedy' AS policy,
       '{}' AS settings, '{}' AS task_definition, '{}' AS versions, 'machine ' || (r % 3) AS machine,
       'finished' AS state, 'all steps done' AS stop_reason, TIMESTAMP '2026-01-01' + to_minutes(r) AS created,
       0 AS resumed, 100.0 AS seconds_used, '{"best_score": 0.5}' AS summary FROM range($runs) t(r)""",
    """INSERT INTO nodes BY NAME SELECT 'run-' || lpad(r::TEXT, 6, '0') AS run_id, n AS node,
       CASE WHEN n < 5 THEN 'draft' WHEN n % 3 = 0 THEN 'debug' ELSE 'improve' END AS operator,
       CASE WHEN n >= 5 THEN n // 2 END AS parent, if(hash(r * 7 + n) % 5 = 0, 'buggy', 'valid') AS state,
       'A gradient boosting with ' || (hash(n * r) % 1000) || ' trees and a feature of the hour. It should help.' AS plan,
       repeat('step = pd.Series([' || (hash(n * r + 1) % 10000) || '])' || chr(10), 40) || 'XGBRegressor()' AS code,
       CASE WHEN hash(r * 7 + n) % 5 <> 0 THEN 0.5 + (hash(r * 11 + n) % 10000) / 100000.0 END AS metric,
       hash(r * 7 + n) % 5 <> 0 AS complete, 'printed ' || (hash(n + r) % 100000) AS output,
       1.0 + n % 7 AS wall_seconds, 1.0 AS cpu_seconds, 100000000 + n AS peak_memory, 100 AS written,
       ['digest: 3 lines'] AS dropped, md5((r * 1000 + n)::TEXT) AS ast_hash, '' AS hint, n AS seed, 1 AS attempts,
       TIMESTAMP '2026-01-01' + to_minutes(r) + to_seconds(n) AS updated,
       CASE WHEN n < 5 THEN [n] WHEN n < 10 THEN [n, n // 2] WHEN n < 20 THEN [n, n // 2, n // 4]
            WHEN n < 40 THEN [n, n // 2, n // 4, n // 8] ELSE [n, n // 2, n // 4, n // 8, n // 16] END AS path,
       CASE WHEN n >= 5 AND hash(r * 7 + n // 2) % 5 <> 0 THEN 0.5 + (hash(r * 11 + n // 2) % 10000) / 100000.0 END
            AS parent_metric, 1.1 AS generation_seconds, 400 AS completion_tokens
       FROM range($runs) t(r), range($nodes) u(n)""",
    "INSERT INTO folds SELECT run_id, node, k, metric + k / 1e4, 1, 1, 1e8, 100 FROM nodes, range(5) t(k) WHERE complete",
    """INSERT INTO executions SELECT run_id, node, 1, k, 'ok', 0, NULL, output, 1, 1, 1e8, 100, 600, NULL, 4e9, updated
       FROM nodes, range(5) t(k) WHERE complete""",
    """INSERT INTO errors SELECT run_id, node, 'exception', 'KeyError', 'column ' || node, 3,
       'KeyError: … ' || (hash(node) % 200), 'Traceback …' FROM nodes WHERE state = 'buggy'""",
    """INSERT INTO generations BY NAME SELECT run_id, node, 1 AS attempt, 'script' AS purpose,
       repeat('a prompt for ' || node || ' ', 100) || run_id AS prompt, 'reply ' || code AS reply, 'stop' AS finish,
       seed, 1000 + node AS prompt_tokens, 500 AS cached_tokens, 400 AS completion_tokens, 100.0 AS prefill_ms,
       1000.0 AS decode_ms, updated AS moment, 250 AS speculated_tokens FROM nodes""",
    "INSERT INTO events SELECT run_id, created, 'started', '{}' FROM runs",
    "INSERT INTO ensembles SELECT run_id, n, 0.2 FROM runs, range(10, 15) t(n)",
)


def compose(home: Home, runs: int) -> None:
    """Write the history as folds would have left it, and a folder for each run (its snapshot a link to one file)."""
    store = make(home)
    put(store, 0)
    store.publish()
    store.close()
    snapshot = store.folder / PUBLISHED
    past = {}
    for number in range(runs):
        folder = home.run(f"run-{number:06d}")
        folder.mkdir()
        if number % 50_000 == 0:  # a file has a limit of links
            snapshot = folder / PUBLISHED
            snapshot.write_bytes((store.folder / PUBLISHED).read_bytes())
            os.utime(snapshot, (1, 1))
        else:
            os.link(snapshot, folder / PUBLISHED)
        past[folder.name] = f"{snapshot.stat().st_mtime_ns} {snapshot.stat().st_size}"
    with duckdb.connect(str(home.history), config={"threads": 2}) as connection:
        migrate(connection, home.history)
        for statement in _COMPOSED:
            given = {
                name: value for name, value in (("runs", runs), ("nodes", NODES)) if f"${name}" in statement
            }
            connection.execute(statement, given)
    recent, partial = home.root / "recent.duckdb", home.root / "recent.partial"
    known = Manifest(newest(), past=past)
    history._make_recent(home, partial, home.history, known, {}, [])
    partial.replace(recent)
    manifest = Manifest(newest(), mark_of(home.history), mark_of(recent), past)
    (home.root / "history.json").write_text(json.dumps(asdict(manifest)))


def lists(home: Home) -> None:
    """Measure what the program reads when it starts, with the folders of all runs there."""
    (done,) = (folder for folder in home.runs.iterdir() if not folder.name.startswith("run-"))
    info = json.dumps({**json.loads((done / INFO).read_text()), "pid": 0, "state": "finished"})
    for folder in home.runs.glob("run-*"):
        (folder / INFO).write_text(info.replace(done.name, folder.name))
    command = [sys.executable, "-m", "aide_local.cli.main", "--home", str(home.root), "runs"]
    taken = [milliseconds(lambda: subprocess.run(command, check=True, capture_output=True)) for _ in range(5)]
    print(f"  aide-local runs: {statistics.median(taken):.0f} ms (target 500)")
    taken = [milliseconds(lambda: list_runs(home, latest=LATEST_RUNS)) for _ in range(5)]
    print(f"  the table of the window's first screen: {statistics.median(taken):.0f} ms (target 500)")


def questions(home: Home) -> None:
    with SqlReader(home) as reader:
        for view in VIEWS:
            taken = [milliseconds(lambda v=view: reader.execute(f"FROM {v} LIMIT 50")) for _ in range(3)]  # type: ignore[misc]
            print(f"  first page of {view:18}{statistics.median(taken):6.0f} ms (target 300)")
        for question in QUERIES:
            taken = [milliseconds(lambda q=question.query: reader.execute(q)) for _ in range(3)]  # type: ignore[misc]
            print(f"  {question.title[:50]:50}{statistics.median(taken):6.0f} ms (target 2000)")
    command = [
        sys.executable, "-m", "aide_local.cli.main", "--home", str(home.root), "sql", "select count(*) from nodes",
    ]  # fmt: skip
    taken = [milliseconds(lambda: subprocess.run(command, check=True, capture_output=True)) for _ in range(5)]
    print(f"  aide-local sql 'select count(*) from nodes': {statistics.median(taken):.0f} ms (target 600)")


# ---- runs and readers at once ----

_WRITER = """
import sys, time
from pathlib import Path
from aide_local.basics.units import format_mib
from aide_local.home import Home
from aide_local.run.publisher import Publisher
from benchmarks.overhead import result
from benchmarks.store import make
store = make(Home(Path(sys.argv[1])))
publisher = Publisher(store, lambda event: None)
publisher.start()
end, node, taken = time.time() + float(sys.argv[2]), 0, []
while time.time() < end:
    began = time.perf_counter()
    store.put_node(result(node))
    taken.append(1000 * (time.perf_counter() - began))
    publisher.changed()
    node += 1
    time.sleep(0.05)
publisher.close()
store.close()
print(*taken)
"""
_READER = """
import sys, time
from pathlib import Path
from aide_local.basics.units import format_mib
from aide_local.home import Home
from aide_local.store.sql import SqlReader
home, end, taken = Home(Path(sys.argv[1])), time.time() + float(sys.argv[2]), []
while time.time() < end:
    began = time.perf_counter()
    with SqlReader(home) as reader:
        reader.execute("FROM leaderboard LIMIT 50")
    taken.append(1000 * (time.perf_counter() - began))
print(*taken)
"""


def at_once(home: Home, seconds: float) -> None:
    processes = [
        subprocess.Popen([sys.executable, "-c", code, str(home.root), str(seconds)], stdout=subprocess.PIPE, text=True)
        for code in (*(_WRITER,) * 3, *(_READER,) * 4)
    ]  # fmt: skip
    said = [[float(word) for word in process.communicate()[0].split()] for process in processes]
    nodes, waits = sorted(chain(*said[:3])), sorted(chain(*said[3:]))
    print(
        f"  3 runs and 4 readers: a node {statistics.median(nodes):.1f} ms (target 10), p95 {nodes[int(0.95 * len(nodes))]:.1f} ms;"
        f" a reader {statistics.median(waits):.0f} ms, at worst {waits[-1]:.0f} ms"
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runs", type=int, default=10_000)
    parser.add_argument("--seconds", type=float, default=20)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        home = Home(Path(place) / "growing")
        store = make(home)
        have = 0
        for size in (20, 2000, 5000):
            taken = [milliseconds(lambda n=n: put(store, n)) for n in range(have, size)]  # type: ignore[misc]
            snapshots = [milliseconds(store.publish) for _ in range(5)]
            print(
                f"run of {size:5} nodes: a node with its generation {statistics.median(taken):.1f} ms,"
                f" a snapshot {statistics.median(snapshots):.0f} ms"
            )
            have = size
        store.close()
        at_once(Home(Path(place) / "busy"), given.seconds)
        home = Home(Path(place) / "many")
        compose(home, given.runs)
        size = home.history.stat().st_size
        print(f"history of {given.runs} runs, {given.runs * NODES:,} nodes, {format_mib(size)}:")
        lists(home)
        questions(home)
        store = make(home)
        for node in range(3):
            put(store, node)
            store.publish()
            print(
                f"  brought up to date after a new snapshot: {milliseconds(lambda: history.refresh(home)):.0f} ms"
            )
        print(f"  nothing new: {milliseconds(lambda: history.refresh(home)):.0f} ms")
        store.close()
        print(f"  everything folded in: {milliseconds(lambda: history.gather_all(home)) / 1000:.1f} s")


if __name__ == "__main__":
    main()
