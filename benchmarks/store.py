"""What the store costs: a node, a snapshot, the history of many runs, a question.

python -m benchmarks.store
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path

from aide_local.home import Home
from aide_local.llm.protocol import ModelInfo
from aide_local.store.database import DuckRunStore
from aide_local.store.run_store import create_run
from aide_local.store.sql import Reader, snapshot_of_all
from aide_local.task import Task
from aide_local.tasks.load import load_task
from aide_local.types import Generation, RunSettings
from benchmarks.overhead import TASK, result

MODEL = ModelInfo(
    name="none", path=None, sha256="", n_ctx=1, n_ctx_train=1, n_params=0, size=0, gpu=False, metadata={}
)


def milliseconds(act: Callable[[], object]) -> float:
    began = time.perf_counter()
    act()
    return 1000 * (time.perf_counter() - began)


def make(home: Home, task: Task, nodes: Iterable[int]) -> DuckRunStore:
    store = create_run(home, task=task, settings=RunSettings(), model=MODEL, sandbox="limits", versions={})
    for node in nodes:
        store.put_node(result(node))
        store.put_generation(
            node, 1, "script", "a prompt " * 800, Generation(text="a reply " * 400, finish="stop")
        )
    return store


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runs", type=int, default=50)
    given = parser.parse_args()
    task = load_task(TASK)
    with tempfile.TemporaryDirectory() as place:
        home = Home(Path(place))
        store = make(home, task, ())
        for size in (20, 2000):
            have = len(store.nodes())
            taken = [milliseconds(lambda n=n: store.put_node(result(n))) for n in range(have, size)]  # type: ignore[misc]
            snapshots = [milliseconds(store.publish) for _ in range(5)]
            print(
                f"run of {size:5} nodes: a node {statistics.median(taken):.1f} ms,"
                f" a snapshot {statistics.median(snapshots):.0f} ms"
            )
        store.close()
        for _ in range(given.runs - 1):
            one = make(home, task, range(20))
            one.publish()
            one.close()
        print(f"history of {given.runs} runs, first: {milliseconds(lambda: snapshot_of_all(home)):.0f} ms")
        one = make(home, task, range(20))
        one.publish()
        one.close()
        print(f"history after one more run:      {milliseconds(lambda: snapshot_of_all(home)):.0f} ms")
        print(f"history where nothing changed:   {milliseconds(lambda: snapshot_of_all(home)):.0f} ms")
        with Reader(home) as reader:
            for query in ("FROM leaderboard LIMIT 50", "FROM operator_stats", "FROM error_signatures"):
                print(f"{query:33}{milliseconds(lambda q=query: reader.execute(q)):.0f} ms")  # type: ignore[misc]


if __name__ == "__main__":
    main()
