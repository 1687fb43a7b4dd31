"""A run's database: what is written is there, whatever happens next."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aide_local.basics.files import replacing
from aide_local.errors import StoreError
from aide_local.home import Home
from aide_local.store.database import DuckRunStore
from aide_local.store.read import list_runs, read_run
from aide_local.store.run_store import find_run, open_run
from aide_local.store.values import task_from_json, task_to_json
from aide_local.types import (
    Generation,
    NodeError,
    NodeState,
    RunSettings,
    Summary,
)
from tests.store.making import NODE, TASK, new


def test_a_node_is_read_as_it_was_written(tmp_path: Path) -> None:
    store = new(tmp_path)
    store.put_node(NODE)
    assert store.nodes() == (NODE,)
    store.close()


def test_a_node_is_replaced_with_its_folds_and_error(tmp_path: Path) -> None:
    store = new(tmp_path)
    store.put_node(replace(NODE, error=NodeError("exception", "KeyError", "'x'", 3, "tail")))
    store.put_node(replace(NODE, folds=(), metric=0.25))
    (node,) = store.nodes()
    assert (node.metric, node.folds, node.error) == (0.25, (), None)
    store.close()


@pytest.fixture(scope="module")
def any_text(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DuckRunStore]:
    store = new(tmp_path_factory.mktemp("home"))
    yield store
    store.close()


@settings(max_examples=30, deadline=None)
@given(text=st.text(alphabet=st.characters(exclude_categories=()), max_size=60))
def test_any_text_of_a_model_can_be_stored(any_text: DuckRunStore, text: str) -> None:
    store = any_text
    error = NodeError("exception", "E", text, None, text)
    store.put_node(replace(NODE, plan=text, code=text, output=text, error=error))
    store.put_generation(0, 1, "script", text, Generation(text=text, finish="stop"))
    (node,) = store.nodes()
    shown = text.replace("\0", "\N{REPLACEMENT CHARACTER}").encode("utf-8", "replace").decode()
    assert (node.plan, node.code, node.output) == (shown, shown, shown)


def test_task_and_settings_survive(tmp_path: Path) -> None:
    store = new(tmp_path)
    assert store.task() == TASK
    assert store.settings() == RunSettings(seed=7, steps=3)
    assert task_from_json(task_to_json(TASK)) == TASK
    store.close()


def test_what_an_answer_is_worth_and_what_its_lanes_did_can_be_asked_for(tmp_path: Path) -> None:
    store = new(tmp_path)
    store.tick(10.0, writing=4.0, executing=7.5)
    store.tick(2.0, writing=1.0)
    store.put_result(
        Summary(
            run_id=store.run_id,
            task="churn",
            metric="auc",
            direction="maximize",
            best_score=0.5,
            estimate=0.48,
            interval=[0.4, 0.6],
        )
    )
    store.publish()
    store.close()
    with duckdb.connect(str(store.folder / "published.duckdb"), read_only=True) as connection:
        found = connection.execute(
            "SELECT estimate, interval_low, interval_high, seconds_used, writing_seconds, executing_seconds FROM runs"
        ).fetchone()
    assert found == (0.48, 0.4, 0.6, 12.0, 5.0, 7.5)


def test_a_run_is_taken_up_again_with_its_time_and_tokens(tmp_path: Path) -> None:
    store = new(tmp_path)
    store.tick(1.5)
    store.put_generation(
        0,
        1,
        "script",
        "p",
        Generation(text="r", finish="stop", prompt_tokens=3, cached_tokens=4, completion_tokens=5),
    )
    store.close()
    again = open_run(Home(tmp_path), store.run_id)
    again.tick(2.0)
    assert again.seconds_used() == 3.5
    assert again.tokens() == (7, 5)
    again.close()


def test_path_and_cost_of_a_node_go_on_where_the_run_was_left(tmp_path: Path) -> None:
    """What a row repeats of its parent and of its generations is kept in memory, so it must come back with the run."""

    def spend(store: DuckRunStore, node: int) -> None:
        reply = Generation(text="r", finish="stop", completion_tokens=5, prefill_ms=500, decode_ms=1000)
        store.put_generation(node, 1, "script", "p", reply)

    child = replace(NODE, id=1, parent=0, state=NodeState.PENDING, metric=None, complete=False)
    store = new(tmp_path)
    spend(store, 0)  # before the node has a row
    store.put_node(NODE)
    store.put_node(child)
    spend(store, 1)
    store.close()
    again = open_run(Home(tmp_path), store.run_id)
    spend(again, 1)
    again.put_node(replace(child, state=NodeState.VALID, metric=0.25, complete=True))
    again.put_node(replace(child, id=2, parent=1))
    found = again._database.rows(
        "SELECT node, path, parent_metric, generation_seconds, completion_tokens FROM nodes ORDER BY node"
    )
    again.close()
    assert found == [(0, [0], None, 1.5, 5), (1, [1, 0], 0.5, 3.0, 10), (2, [2, 1, 0], 0.25, 0.0, 0)]


def test_readers_see_the_last_snapshot_while_the_run_is_held(tmp_path: Path) -> None:
    store = new(tmp_path)
    store.put_node(NODE)
    store.publish()
    store.put_node(replace(NODE, id=1))
    view = read_run(Home(tmp_path), store.run_id)
    assert [node.id for node in view.tree.nodes] == [0]
    assert list_runs(Home(tmp_path))[0].best == 0.5
    with duckdb.connect(str(store.folder / "published.duckdb"), read_only=True) as reader:
        assert reader.execute("SELECT count(*) FROM leaderboard").fetchone() == (1,)
        comment = reader.execute(
            "SELECT comment FROM duckdb_columns() WHERE column_name = 'peak_memory'"
        ).fetchone()
        assert comment is not None
        assert "bytes" in str(comment[0])
    store.close()


def test_threads_that_publish_at_once_take_turns(tmp_path: Path) -> None:
    store = new(tmp_path)
    with ThreadPoolExecutor(4) as pool:
        waiting = [pool.submit(store.publish) for _ in range(24)]
        for one in waiting:
            one.result()
    store.close()


def test_a_run_that_another_process_holds_is_refused(tmp_path: Path) -> None:
    store = new(tmp_path)
    code = (
        "import sys; from aide_local.home import Home; from aide_local.store.run_store import open_run\n"
        "from aide_local.errors import StoreError; from pathlib import Path\n"
        f"try: open_run(Home(Path({str(tmp_path)!r})), {store.run_id!r})\n"
        "except StoreError as error: sys.exit('held' if 'another process' in str(error) else 'other')"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stderr.strip() == "held"
    store.close()


def test_a_database_of_a_newer_version_is_not_touched(tmp_path: Path) -> None:
    store = new(tmp_path)
    store.close()
    file = store.folder / "run.duckdb"
    with duckdb.connect(str(file)) as connection:
        connection.execute("INSERT INTO schema_version VALUES (99, NULL)")
    before = file.read_bytes()
    with pytest.raises(StoreError, match="99"):
        open_run(Home(tmp_path), store.run_id)
    assert file.read_bytes() == before


def test_a_run_is_found_by_any_part_of_its_id(tmp_path: Path) -> None:
    store = new(tmp_path)
    home = Home(tmp_path)
    store.close()
    assert find_run(home, "latest") == store.run_id
    assert find_run(home, store.run_id[:10]) == store.run_id
    assert find_run(home, "caf") == store.run_id
    with pytest.raises(StoreError, match="latest"):
        find_run(home, "nothing-like-it")


def test_only_the_latest_runs_are_read_where_only_they_are_wanted(tmp_path: Path) -> None:
    home = Home(tmp_path)
    stores = [new(tmp_path) for _ in range(3)]
    for store in stores:
        store.close()
    latest = sorted((store.run_id for store in stores), reverse=True)
    for file in ("info.json", "published.duckdb"):
        (home.run(latest[2]) / file).write_text("not to be read")
    assert [info.id for info in list_runs(home, latest=2)] == latest[:2]
    assert [info.state for info in list_runs(home)] == ["interrupted", "interrupted", "damaged"]
    assert list_runs(home)[2].id == latest[2]
    with pytest.raises(StoreError, match="cannot be read"):
        read_run(home, latest[2])


def test_a_home_that_cannot_be_written_is_reported(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("not a folder")
    with pytest.raises(StoreError, match="cannot be written"):
        new(blocked)


@pytest.mark.parametrize("after", [0.0, 0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4])
def test_no_acknowledged_node_is_lost_by_a_kill(tmp_path: Path, after: float) -> None:
    code = (
        "import sys\nfrom dataclasses import replace\nfrom tests.store.making import NODE, new\nfrom pathlib import Path\n"
        f"store = new(Path({str(tmp_path)!r})); print(store.run_id, flush=True)\n"
        "for n in range(10000):\n"
        "    store.put_node(replace(NODE, id=n)); print(n, flush=True)\n"
        "    if n % 3 == 0: store.publish()\n"
    )
    child = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    run_id = child.stdout.readline().strip()
    child.stdout.readline()
    time.sleep(after)
    os.kill(child.pid, signal.SIGKILL)
    rest = child.stdout.read().split()
    child.wait()
    store = open_run(Home(tmp_path), run_id)
    assert len(store.nodes()) >= len(rest) + 1
    store.publish()
    assert len(read_run(Home(tmp_path), run_id).tree) == len(store.nodes())
    store.close()


def test_what_a_killed_process_left_half_written_is_swept(tmp_path: Path) -> None:
    store = new(tmp_path)
    store.close()
    (store.folder / "deliverables").mkdir()
    unfinished = [replacing(store.folder / name) for name in ("info.json", "deliverables/report.md")]
    for one in unfinished:
        one.__enter__().touch()  # and the process is gone
    (store.folder / "published.duckdb.partial").touch()
    assert len(list(store.folder.rglob("*.partial"))) == 3
    open_run(Home(tmp_path), store.run_id).close()
    assert list(store.folder.rglob("*.partial")) == []
