"""A damaged, foreign or abandoned run troubles nobody but itself: it is told, not taken in, and can be deleted."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import duckdb
import pytest

from aide_local.errors import StoreError
from aide_local.home import Home
from aide_local.store.archive import export_archive, import_archive
from aide_local.store.layout import DATABASE, INFO, LOCK, PUBLISHED
from aide_local.store.locks import is_locked, lock_run
from aide_local.store.prune import choose, prune, sweep
from aide_local.store.read import list_runs, read_run
from aide_local.store.run_store import new_folder, open_run
from aide_local.store.sql import SqlReader
from aide_local.store.verify import verify
from tests.store.making import NODE, forge, new


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of 20 nodes, 1.3 MB of scripts, whose process has ended."""
    store = new(tmp_path_factory.mktemp("made"))
    for node in range(20):
        code = "".join(hashlib.sha256(f"{node} {line}".encode()).hexdigest() for line in range(1000))
        store.put_node(replace(NODE, id=node, code=code, predictions=None))
    store.set_state("finished")
    store.publish()
    store.close()
    return store.folder


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home")


@pytest.fixture
def run_id(home: Home, made: Path) -> str:
    shutil.copytree(made, home.run(made.name))
    return made.name


def truncate(file: Path) -> None:
    os.truncate(file, file.stat().st_size // 2)


# ---- taking in ----


def exported(home: Home, run_id: str, place: Path, name: str, change: Callable[[bytes], bytes]) -> Path:
    """An archive in which one file is another, with its right checksum."""
    whole, other = place / "whole.tar.gz", place / "other.tar.gz"
    export_archive(home, run_id, whole)
    new = change((home.run(run_id) / name).read_bytes())

    def facts(manifest: dict[str, object]) -> None:
        files = manifest["files"]
        assert isinstance(files, dict)
        files[name] = {"size": len(new), "sha256": hashlib.sha256(new).hexdigest()}

    forge(whole, other, lambda n, content: (n, new if n == name else content), facts)
    return other


def test_an_imported_run_is_itself_whatever_its_info_file_says(
    home: Home, run_id: str, tmp_path: Path
) -> None:
    mine = new(tmp_path / "there")
    mine.close()

    def change(content: bytes) -> bytes:
        return json.dumps(
            {**json.loads(content), "id": mine.run_id, "created": 0, "state": "failed", "zzz": 1}
        ).encode()

    there = Home(tmp_path / "there")
    import_archive(there, exported(home, run_id, tmp_path, INFO, change))
    assert {(info.id, info.state) for info in list_runs(there)} == {
        (run_id, "finished"),
        (mine.run_id, "interrupted"),
    }
    assert choose(there, [], older_than=1e9, keep=None) == ()


def test_an_info_file_speaks_for_its_own_folder_alone(home: Home, run_id: str) -> None:
    file = home.run(run_id) / INFO
    file.write_text(json.dumps({**json.loads(file.read_text()), "id": "another", "created": 0}))
    assert choose(home, [], older_than=1e6, keep=None) == (run_id,)


def renamed_column(content: bytes) -> bytes:
    return changed(content, "ALTER TABLE folds RENAME score TO points")


def another_run(content: bytes) -> bytes:
    return changed(content, "UPDATE runs SET run_id = 'another'")


def changed(content: bytes, statement: str) -> bytes:
    import tempfile

    with tempfile.TemporaryDirectory() as place:
        file = Path(place, "x.duckdb")
        file.write_bytes(content)
        with duckdb.connect(str(file)) as connection:
            connection.execute(statement)
        return file.read_bytes()


@pytest.mark.parametrize(
    "change",
    [lambda content: b"garbage", lambda content: content[: len(content) // 2], renamed_column, another_run],
    ids=["garbage", "truncated", "renamed column", "another run"],
)
def test_a_snapshot_that_cannot_be_read_is_not_taken_in(
    home: Home, run_id: str, tmp_path: Path, change: Callable[[bytes], bytes]
) -> None:
    there = Home(tmp_path / "there")
    file = exported(home, run_id, tmp_path, PUBLISHED, change)
    with pytest.raises(StoreError, match="was not taken in"):
        import_archive(there, file)
    assert list(there.runs.iterdir()) == []


def test_a_damaged_snapshot_is_not_exported(home: Home, run_id: str, tmp_path: Path) -> None:
    truncate(home.run(run_id) / PUBLISHED)
    with pytest.raises(StoreError, match="cannot be read"):
        export_archive(home, run_id, tmp_path / "out.tar.gz")
    assert not (tmp_path / "out.tar.gz").exists()


# ---- reading and checking ----


@pytest.mark.parametrize("content", [None, "", "{}", "[]", '{"pid": 1, "unknown": 2}'])
def test_a_run_without_a_sound_info_file_is_read_from_its_snapshot(
    home: Home, run_id: str, content: str | None
) -> None:
    known = read_run(home, run_id).info
    file = home.run(run_id) / INFO
    file.unlink()
    if content is not None:
        file.write_text(content)
    assert read_run(home, run_id).info == known
    assert list_runs(home) == (known,)
    assert verify(home, run_id).problems == ()


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE runs SET settings = '{\"unknown\": 1}'",
        "UPDATE runs SET task_definition = '{}'",
        "UPDATE runs SET task_definition = '[]'",
        "UPDATE runs SET summary = '[1]'",
        "DELETE FROM runs",
        "DROP TABLE generations",
    ],
)
def test_verify_reports_what_is_damaged(home: Home, run_id: str, statement: str) -> None:
    with duckdb.connect(str(home.run(run_id) / PUBLISHED)) as connection:
        connection.execute(statement)
    assert "cannot be read" in verify(home, run_id).problems[0]


@pytest.mark.parametrize(
    "statement", ["UPDATE runs SET settings = '{\"unknown\": 1}'", "DROP TABLE nodes CASCADE"]
)
def test_a_damaged_snapshot_is_reported_to_its_readers(home: Home, run_id: str, statement: str) -> None:
    with duckdb.connect(str(home.run(run_id) / PUBLISHED)) as connection:
        connection.execute(statement)
    with pytest.raises(StoreError, match="cannot be read"):
        read_run(home, run_id)


def test_a_truncated_database_is_reported_though_the_snapshot_is_whole(home: Home, run_id: str) -> None:
    assert verify(home, run_id).problems == ()
    file = home.run(run_id) / DATABASE
    truncate(file)
    before = file.read_bytes()
    (problem,) = verify(home, run_id).problems
    assert DATABASE in problem
    assert file.read_bytes() == before
    file.unlink()
    (problem,) = verify(home, run_id).problems
    assert "is gone" in problem


def test_the_database_of_a_run_that_goes_on_is_left_to_its_process(home: Home, run_id: str) -> None:
    store = open_run(home, run_id)
    store.put_node(replace(NODE, id=20, predictions=None))
    assert verify(home, run_id).problems == ()
    store.close()


# ---- who is alive ----


def test_a_killed_run_is_interrupted_whoever_has_its_number(home: Home) -> None:
    store = new(home.root)
    assert list_runs(home)[0].state == "running"
    store.close()
    info = json.loads((store.folder / INFO).read_text())
    assert info["pid"] == os.getpid(), "a living Python process has the number"
    assert list_runs(home)[0].state == "interrupted"


_ASKING = """
import sys
from pathlib import Path
from aide_local.store.locks import is_locked
print("asks", flush=True)
while True:
    is_locked(Path(sys.argv[1]))
"""


def test_testing_the_lock_keeps_no_run_from_it_and_does_not_see_other_tests(tmp_path: Path) -> None:
    lock = tmp_path / LOCK
    lock.touch()
    asking = subprocess.Popen([sys.executable, "-c", _ASKING, lock], stdout=subprocess.PIPE, text=True)
    assert asking.stdout is not None
    try:
        asking.stdout.readline()
        assert not any(is_locked(lock) for _ in range(1000))
        for _ in range(30):
            taken = lock_run(lock, "run")
            assert is_locked(lock)
            taken.release()
    finally:
        asking.kill()
        asking.communicate()


# ---- deleting ----


def test_what_killed_processes_left_is_swept_and_counted(home: Home, run_id: str) -> None:
    for name in (f".{run_id}.deleted", ".other.partial"):
        shutil.copytree(home.run(run_id), home.runs / name)
    (would,) = sweep(home, dry=True)
    assert len(list(home.runs.iterdir())) == 3
    (done,) = sweep(home)
    assert done.size == would.size > 2_000_000
    assert [path.name for path in home.runs.iterdir()] == [run_id]
    assert sweep(home) == ()


def test_a_deletion_that_was_killed_does_not_keep_the_run_from_being_deleted_again(
    home: Home, run_id: str
) -> None:
    shutil.copytree(home.run(run_id), home.runs / f".{run_id}.deleted")
    (done,) = prune(home, [run_id])
    assert done.kept == ""
    assert list(home.runs.iterdir()) == []


def test_an_import_that_goes_on_is_not_swept_nor_started_twice(home: Home, run_id: str) -> None:
    with new_folder(home, "going-on") as partial:
        sweep(home)
        assert partial.is_dir()
        with pytest.raises(StoreError, match="Another process"), new_folder(home, "going-on"):
            pass
        assert partial.is_dir()
    assert not partial.exists()


def test_deleted_runs_leave_the_history_too(home: Home, run_id: str) -> None:
    kept = new(home.root)
    kept.close()
    for file in home.runs.glob(f"*/{PUBLISHED}"):
        os.utime(file, (1e9, 1e9))
    SqlReader(home).close()
    assert sweep(home) == (), "nothing is gone"
    prune(home, [run_id])
    (done,) = sweep(home)
    assert done.name == "history.duckdb"
    assert done.size > 500_000
    with duckdb.connect(str(home.history), read_only=True) as connection:
        assert connection.execute("SELECT run_id FROM runs").fetchall() == [(kept.run_id,)]
        assert connection.execute("SELECT count(*) FROM nodes").fetchone() == (0,)
