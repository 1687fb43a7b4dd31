"""Runs that write and readers that ask, all at once; and kills at any point of write, publish and merge."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from aide_local.home import Home
from aide_local.store.run_store import find_run
from aide_local.store.sql import SqlReader
from aide_local.store.verify import verify

# A run whose nodes carry the moment when they were written; it publishes as a run does, every 2 seconds.
_WRITER = """
import sys, time
from dataclasses import replace
from pathlib import Path
from tests.store.making import NODE, new
from aide_local.run.publisher import Publisher
store = new(Path(sys.argv[1]))
publisher = Publisher(store, lambda event: print(event, file=sys.stderr))
publisher.start()
end, node = time.time() + float(sys.argv[2]), 0
while time.time() < end:
    store.put_node(replace(NODE, id=node, plan=repr(time.time())))
    publisher.changed()
    node += 1
    time.sleep(0.05)
publisher.close()
store.publish()
store.close()
print(node)
"""

# A reader: how old the newest node of each run is, as often as it can; and one with a long query.
_READER = """
import json, sys, time
from pathlib import Path
from aide_local.home import Home
from aide_local.store.sql import SqlReader
home, end, long = Home(Path(sys.argv[1])), time.time() + float(sys.argv[2]), int(sys.argv[3])
ages, before, questions = [], {}, 0
while time.time() < end:
    with SqlReader(home) as reader:
        if long:
            reader.execute(f"SELECT sum(hash(a)) FROM range({long}) t(a)", time_limit=600)
        opened = time.time()
        rows = reader.execute("SELECT run_id, count(*) AS n, max(plan::DOUBLE) AS last FROM nodes GROUP BY ALL").table.to_pylist()
    questions += 1
    for row in rows:
        assert row["n"] >= before.get(row["run_id"], 0), "a node is gone"
        before[row["run_id"]] = row["n"]
        if not long:
            ages.append(opened - row["last"])
    time.sleep(0.2)
print(json.dumps({"questions": questions, "worst": max(ages, default=0), "runs": len(before)}))
"""


def begin(code: str, *arguments: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", code, *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def together(place: Path, seconds: float, long: int) -> list[dict[str, float]]:
    """Two runs and three readers; what the readers saw. No error, no word of a lock, no lost node."""
    writers = [begin(_WRITER, place, seconds) for _ in range(2)]
    while len(list(place.glob("runs/[!.]*/published.duckdb"))) < 2:
        assert all(writer.poll() is None for writer in writers), "a run ended before it began"
        time.sleep(0.1)
    readers = [begin(_READER, place, seconds, kind) for kind in (0, 0, long)]
    said = [process.communicate(timeout=250) for process in (*writers, *readers)]
    assert [
        (process.returncode, err) for process, (_, err) in zip((*writers, *readers), said, strict=True)
    ] == [(0, "")] * 5
    written = sum(int(out) for out, _ in said[:2])
    with SqlReader(Home(place)) as reader:
        assert reader.execute("SELECT count(*) AS n FROM nodes").table.to_pylist() == [{"n": written}]
    seen: list[dict[str, float]] = [json.loads(out) for out, _ in said[2:]]
    assert all(one["questions"] > 0 for one in seen)
    return seen


def test_two_runs_and_three_readers_for_some_seconds(tmp_path: Path) -> None:
    together(tmp_path, 5, 100_000_000)


@pytest.mark.slow
def test_two_runs_and_three_readers_for_a_minute_see_what_is_at_most_five_seconds_old(tmp_path: Path) -> None:
    assert max(one["worst"] for one in together(tmp_path, 60, 2_000_000_000)) <= 5.0


_TROUBLED = """
import sys, time
from dataclasses import replace
from pathlib import Path
from aide_local.home import Home
from aide_local.store import history
from aide_local.store.run_store import open_run
from tests.store.making import NODE, new
place, run_id = Path(sys.argv[1]), sys.argv[2]
history.FOLD, history.QUIET = 1, -1.0  # every refresh folds
store = open_run(Home(place), run_id) if run_id else new(place)
node = len(store.nodes())
print(store.run_id, flush=True)
while True:
    store.put_node(replace(NODE, id=node, predictions=None))
    print(node, flush=True)
    store.publish()
    history.refresh(Home(place))
    node += 1
"""


def killed_again_and_again(place: Path, kills: int, seed: int) -> None:
    """Kill a process that writes, publishes and merges; after each kill all is whole, and no told node is lost."""
    rng = random.Random(seed)
    run_id = ""
    for _ in range(kills):
        child = begin(_TROUBLED, place, run_id)
        assert child.stdout is not None
        run_id = child.stdout.readline().strip()
        child.stdout.readline()
        time.sleep(rng.uniform(0.0, 0.5))
        os.kill(child.pid, signal.SIGKILL)
        told = [int(line) for line in child.stdout.read().split()]
        child.communicate()
        home = Home(place)
        assert find_run(home, "latest") == run_id
        found = verify(home, run_id)
        assert found.problems == ()
        with SqlReader(home) as reader:
            seen = reader.execute("SELECT count(*) AS n FROM nodes").table.to_pylist()[0]["n"]
        assert seen == found.nodes
        assert found.nodes >= max(told, default=0), (
            "only what was written since the last snapshot is not in it yet"
        )


def test_kills_at_any_point_of_write_publish_and_merge_leave_all_whole(tmp_path: Path) -> None:
    killed_again_and_again(tmp_path, 6, 1)


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_sixty_kills_at_any_point_of_write_publish_and_merge_leave_all_whole(tmp_path: Path) -> None:
    killed_again_and_again(tmp_path, 60, 2)
