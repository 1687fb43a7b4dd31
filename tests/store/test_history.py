"""All runs in one place: each run once, whatever changes, ends or disappears meanwhile."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from aide_local.home import Home
from aide_local.store import history
from aide_local.store.run_store import delete_run, open_run
from tests.store.making import NODE, counts, quiet, run_of


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path)


def test_a_live_run_is_seen_as_of_its_last_snapshot(home: Home) -> None:
    store = run_of(home, 1)
    assert counts(home) == {store.run_id: 1}
    store.put_node(replace(NODE, id=1))
    assert counts(home) == {store.run_id: 1}
    store.publish()
    assert counts(home) == {store.run_id: 2}
    store.close()


def test_quiet_runs_are_folded_in_once_and_a_live_one_leaves_them_alone(home: Home) -> None:
    ended = [run_of(home, 2) for _ in range(3)]
    for store in ended:
        store.close()
    quiet(home)
    assert sum(counts(home).values()) == 6
    folded = home.history.stat()
    live = run_of(home, 1)
    for node in range(1, 4):
        live.put_node(replace(NODE, id=node))
        live.publish()
        assert counts(home) == {**dict.fromkeys((store.run_id for store in ended), 2), live.run_id: node + 1}
    live.close()
    assert home.history.stat() == folded, "the history is not written again for a live run"


def test_a_folded_run_that_goes_on_is_seen_once_with_its_new_nodes(home: Home) -> None:
    one, other = run_of(home, 2), run_of(home, 3)
    one.close()
    other.close()
    quiet(home)
    counts(home)
    again = open_run(home, one.run_id)
    again.put_node(replace(NODE, id=2))
    again.publish()
    again.close()
    assert counts(home) == {one.run_id: 3, other.run_id: 3}
    history.gather_all(home)
    assert counts(home) == {one.run_id: 3, other.run_id: 3}


def test_a_deleted_run_is_gone_from_every_layer(home: Home) -> None:
    runs = [run_of(home, 1) for _ in range(2)]
    for store in runs:
        store.close()
    quiet(home)
    counts(home)
    delete_run(home, runs[0].run_id)
    assert counts(home) == {runs[1].run_id: 1}


def test_a_few_quiet_runs_are_seen_while_they_wait_for_being_folded_in(home: Home) -> None:
    run_of(home, 1).close()
    quiet(home)
    counts(home)
    waiting = run_of(home, 2)
    waiting.close()
    assert counts(home)[waiting.run_id] == 2
    quiet(home)
    assert counts(home)[waiting.run_id] == 2
    made = (home.root / "recent.duckdb").stat()
    assert counts(home)[waiting.run_id] == 2
    assert (home.root / "recent.duckdb").stat() == made, "nothing new, nothing written"


def test_many_waiting_runs_are_folded_in_together(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history, "FOLD", 2)
    first = run_of(home, 1)
    first.close()
    counts(home)
    before = home.history.stat().st_mtime_ns
    for _ in range(3):
        run_of(home, 1).close()
    quiet(home)
    assert len(counts(home)) == 4
    assert home.history.stat().st_mtime_ns != before
    assert len(counts(home)) == 4


@pytest.mark.parametrize("file", ["history.duckdb", "recent.duckdb", "history.json"])
def test_a_lost_or_damaged_layer_is_made_anew(home: Home, file: str) -> None:
    store = run_of(home, 2)
    store.close()
    assert counts(home) == {store.run_id: 2}
    (home.root / file).write_bytes(b"not a database")
    assert counts(home) == {store.run_id: 2}
    (home.root / file).unlink()
    assert counts(home) == {store.run_id: 2}


def test_a_reader_does_not_wait_for_one_that_gathers(home: Home) -> None:
    from filelock import FileLock

    store = run_of(home, 1)
    counts(home)
    store.put_node(replace(NODE, id=1))
    store.publish()
    with FileLock(home.root / "history.lock"):
        assert counts(home) == {store.run_id: 1}, "as of before, at once"
    assert counts(home) == {store.run_id: 2}
    store.close()


def test_layers_of_which_one_was_renamed_and_the_other_not_are_made_anew(home: Home, tmp_path: Path) -> None:
    """A crash between the two renames."""
    store = run_of(home, 1)
    counts(home)
    earlier = tmp_path / "recent.copy"
    shutil.copy2(home.root / "recent.duckdb", earlier)
    store.put_node(replace(NODE, id=1))
    store.publish()
    counts(home)
    shutil.copy2(earlier, home.root / "recent.duckdb")
    assert counts(home) == {store.run_id: 2}
    store.close()
