"""A kill before or after each step of publishing a run and of folding runs into the history: all is whole, nothing is lost."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from aide_local.errors import StoreError
from aide_local.home import Home
from aide_local.store.prune import sweep
from aide_local.store.read import list_runs, read_run, run_ids
from aide_local.store.run_store import find_run, open_run
from aide_local.store.sql import SqlReader
from aide_local.store.verify import verify
from tests.store.making import NODE, counts, new

# The process kills itself at the step that it is told: a function of a module, or a rename of the file of a name, or
# (a run's id is not known before) of any folder.
_DYING = """
import os, signal, sys
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from aide_local.home import Home
from aide_local.store import history
from aide_local.store.run_store import open_run
from tests.store.making import NODE, new

place, run_id, when, step, fold = sys.argv[1:]

def dying(function, chosen):
    def called(*arguments, **named):
        if when == "before" and chosen(arguments):
            os.kill(os.getpid(), signal.SIGKILL)
        result = function(*arguments, **named)
        if when == "after" and chosen(arguments):
            os.kill(os.getpid(), signal.SIGKILL)
        return result
    return called

def die():
    kind, name = step.split(" ")
    if kind == "rename" and name == "folder":
        Path.rename = dying(Path.rename, lambda arguments: True)
    elif kind == "rename":
        Path.replace = dying(Path.replace, lambda arguments: Path(arguments[1]).name == name)
    else:
        module = import_module(f"aide_local.store.{kind}")
        setattr(module, name, dying(getattr(module, name), lambda arguments: True))
"""
# It writes a node, tells it, publishes, folds.
_GOING = """
store = open_run(Home(Path(place)), run_id)
store.put_node(replace(NODE, id=1, predictions=None))
print("told", flush=True)
die()
store.publish()
if fold == "folds":
    history.FOLD, history.QUIET = 1, -1.0
history.refresh(Home(Path(place)))
"""
_BEGINNING = """
die()
new(Path(place))
"""

PUBLISH = ("connection literal", "rename published.duckdb", "database write_whole", "rename info.json")
CHANGE = ("history _change_recent", "rename recent.duckdb", "rename history.json")
FOLD = ("history _make_history", "history _make_recent", "rename history.duckdb")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """Two runs of a node each, gathered for queries; their processes have ended."""
    home = Home(tmp_path_factory.mktemp("made"))
    runs = [new(home.root) for _ in range(2)]
    for store in runs:
        store.put_node(replace(NODE, predictions=None))
        store.publish()
        store.close()
    assert counts(home) == {store.run_id: 1 for store in runs}
    return home


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize(
    ("step", "fold"),
    [*((step, "waits") for step in (*PUBLISH, *CHANGE)), *((step, "folds") for step in (*FOLD, *CHANGE[1:]))],
)
def test_a_kill_at_each_step_loses_nothing(
    made: Home, tmp_path: Path, step: str, fold: str, when: str
) -> None:
    home = Home(tmp_path / "home")
    shutil.copytree(made.root, home.root)
    other, run = run_ids(home)
    done = subprocess.run(
        [sys.executable, "-c", _DYING + _GOING, home.root, run, when, step, fold],
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stdout) == (-signal.SIGKILL, "told\n"), done.stderr
    for one in (other, run):
        assert verify(home, one).problems == (), "as of the last snapshot"
    with SqlReader(home) as reader:
        seen = reader.execute("SELECT run_id, count(*) AS nodes FROM nodes GROUP BY ALL").table.to_pylist()
    assert {row["run_id"] for row in seen} == {other, run}
    assert sum(row["nodes"] for row in seen) == 2 + (verify(home, run).nodes - 1)
    again = open_run(home, run)
    assert [node.id for node in again.nodes()] == [0, 1], "what was told is there"
    again.publish()
    again.close()
    assert counts(home) == {other: 1, run: 2}
    assert list(home.root.rglob("*.partial*")) == []


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("step", ["rename folder", *PUBLISH])
def test_a_run_that_is_killed_as_it_begins_is_reported_and_can_be_gone_on_with(
    tmp_path: Path, step: str, when: str
) -> None:
    home = Home(tmp_path)
    done = subprocess.run(
        [sys.executable, "-c", _DYING + _BEGINNING, tmp_path, "", when, step, ""],
        capture_output=True,
        text=True,
    )
    assert done.returncode == -signal.SIGKILL, done.stderr
    if (step, when) == ("rename folder", "before"):
        assert len(list(home.runs.iterdir())) == 1
        sweep(home)
        assert list(home.runs.iterdir()) == []
        return
    run_id = find_run(home, "latest")
    found = verify(home, run_id)
    assert found.problems == ()
    published = (home.run(run_id) / "published.duckdb").exists()
    if published:
        assert [info.state for info in list_runs(home)] == ["interrupted"]
        assert read_run(home, run_id).info == list_runs(home)[0]
    else:
        assert "resume" in found.notes[0]
        with pytest.raises(StoreError, match="resume"):
            read_run(home, run_id)
    store = open_run(home, run_id)
    store.publish()
    assert [info.state for info in list_runs(home)] == ["running"]
    store.close()
    assert verify(home, run_id).notes == ()
