"""Runs that cannot be read are left out of answers and told; what another program holds is told with its process."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import duckdb
import pytest

from aide_local.errors import StoreError
from aide_local.home import Home
from aide_local.store import history
from aide_local.store.layout import PUBLISHED
from aide_local.store.sql import SqlReader
from tests.store.making import NODE, counts, new, quiet, run_of


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home")


def bad_and_good(home: Home) -> tuple[str, str]:
    """Ids of two runs, in their order: what comes after a bad one must be seen, too."""
    stores = [run_of(home, 1), run_of(home, 1)]
    for store in stores:
        store.close()
    bad, good = sorted(store.run_id for store in stores)
    return bad, good


def left_out(home: Home) -> dict[str, str]:
    with SqlReader(home) as reader:
        return dict(reader.left_out)


def truncate(file: Path) -> None:
    os.truncate(file, 40_000)


def overwrite(file: Path) -> None:
    """Bytes in a block that a table uses: seen only when the table is read."""
    content = file.read_bytes()
    at = content.index(b"print(1)")
    file.write_bytes(content[:at] + b"x" * 20 + content[at + 20 :])


def make_newer(file: Path) -> None:
    with duckdb.connect(str(file)) as connection:
        connection.execute("INSERT INTO schema_version VALUES (99, NULL)")


def empty(file: Path) -> None:
    file.write_bytes(b"")


def make_foreign(file: Path) -> None:
    file.unlink()
    with duckdb.connect(str(file)) as connection:
        connection.execute("CREATE TABLE x (a INTEGER)")


DAMAGES = [truncate, overwrite, make_newer, empty, make_foreign]


@pytest.mark.parametrize("folded", [False, True])
@pytest.mark.parametrize("damage", DAMAGES)
def test_a_run_that_cannot_be_read_is_left_out_and_reported(
    home: Home, damage: Callable[[Path], None], folded: bool
) -> None:
    bad, good = bad_and_good(home)
    damage(home.run(bad) / PUBLISHED)
    if folded:
        quiet(home)
    assert list(counts(home)) == [good]
    (reason,) = left_out(home).values()
    assert bad in reason
    assert "version 99" in reason if damage is make_newer else f"`aide-local verify {bad}`" in reason
    history.gather_all(home)
    assert list(counts(home)) == [good]
    assert list(left_out(home)) == [bad]
    assert sorted(path.name for path in home.root.glob("older*")) == []


def test_a_run_is_left_out_from_the_moment_when_it_is_damaged_until_it_is_repaired(home: Home) -> None:
    bad, good = bad_and_good(home)
    file = home.run(bad) / PUBLISHED
    shutil.copy(file, home.root / "whole")
    assert list(counts(home)) == [bad, good]
    truncate(file)
    assert list(counts(home)) == [good]
    shutil.copy(home.root / "whole", file)
    assert list(counts(home)) == [bad, good]
    assert left_out(home) == {}


def test_a_run_that_cannot_be_read_is_tried_once(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    bad, good = bad_and_good(home)
    truncate(home.run(bad) / PUBLISHED)
    counts(home)
    before = (home.root / "recent.duckdb").stat(), home.history.stat()
    tried: list[Path] = []
    attach = history._attach_snapshot

    def noted(connection: duckdb.DuckDBPyConnection, file: Path, copy: Path) -> None:
        tried.append(file)
        attach(connection, file, copy)

    monkeypatch.setattr(history, "_attach_snapshot", noted)
    assert list(counts(home)) == [good]
    assert ((home.root / "recent.duckdb").stat(), home.history.stat()) == before
    another = new(home.root)
    another.put_node(replace(NODE, id=0))
    another.publish()
    another.close()
    assert set(counts(home)) == {good, another.run_id}
    assert tried == [home.run(another.run_id) / PUBLISHED]
    assert list(left_out(home)) == [bad]


def test_a_run_that_may_not_be_read_is_seen_once_it_may(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    """Permissions change no time and no size. Root may read everything: so this is told, not done."""
    bad, good = bad_and_good(home)
    file = home.run(bad) / PUBLISHED
    attach = history._attach_snapshot

    def refused(connection: duckdb.DuckDBPyConnection, path: Path, copy: Path) -> None:
        if path == file:
            raise duckdb.IOException(f'IO Error: Cannot open file "{path}": Permission denied')
        attach(connection, path, copy)

    with monkeypatch.context() as patched:
        patched.setattr(history, "_attach_snapshot", refused)
        patched.setattr(os, "access", lambda path, mode: path != file)
        assert list(counts(home)) == [good]
        assert "Permission denied" in left_out(home)[bad]
    assert list(counts(home)) == [bad, good]


def test_a_full_disk_is_no_fault_of_a_run(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    bad_and_good(home)

    def full(*arguments: object) -> None:
        raise duckdb.IOException("IO Error: Could not write file: No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(history, "_copy", full)
        with pytest.raises(StoreError, match="No space left") as told:
            counts(home)
    assert "Make room" in told.value.fix
    assert len(counts(home)) == 2


# ---- other programs ----


@contextmanager
def held(file: Path) -> Iterator[int]:
    """Open for writing in another process; its number."""
    code = f"import duckdb; c = duckdb.connect({str(file)!r}); print(1, flush=True); input()"
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "1\n"
        try:
            yield process.pid
        finally:
            process.communicate("\n")


@pytest.mark.parametrize(
    ("ask", "changed"), [(SqlReader, False), (SqlReader, True), (history.gather_all, True)]
)
def test_a_program_that_writes_to_the_history_is_named(
    home: Home, ask: Callable[[Home], object], changed: bool
) -> None:
    run_of(home, 1).close()
    run_of(home, 1).close()
    history.gather_all(home)
    if changed:
        run_of(home, 1).close()
    with held(home.history) as pid, pytest.raises(StoreError) as told:
        ask(home)
    assert f"PID {pid}" in told.value.message
    assert str(home.history) in told.value.message
    assert "READ_ONLY" in told.value.fix
    assert len(counts(home)) == 2 + changed


def test_a_run_that_another_program_writes_to_is_left_out_as_long_as_it_does(home: Home) -> None:
    bad, good = bad_and_good(home)
    with held(home.run(bad) / PUBLISHED) as pid:
        assert list(counts(home)) == [good]
        assert f"PID {pid}" in left_out(home)[bad]
    assert list(counts(home)) == [bad, good]
