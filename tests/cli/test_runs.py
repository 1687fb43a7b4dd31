"""``lineage``, ``verify``, ``prune``, ``export``, ``import``, ``sql`` as their user meets them."""

from __future__ import annotations

import json
import os
import pty
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

import duckdb
import psutil
import pytest

from tests.cli.test_searching import aide, refused
from tests.store.earlier import VERSION_1, VERSION_2, unpack


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return unpack(tmp_path / "home").root


def test_a_run_is_carried_to_another_home_and_deleted_here(home: Path, tmp_path: Path) -> None:
    file, there = tmp_path / "run.tar.gz", tmp_path / "there"
    assert f"written: {file}" in aide("export", "latest", "--out", file, home=home).stdout
    assert VERSION_1 in aide("import", file, home=there).stdout
    refused(aide("import", file, home=there), "already")
    refused(aide("import", there, home=there), "is a folder")
    assert "8 nodes, 6 prediction files: ok" in aide("verify", home=there).stdout
    would = aide("prune", "latest", "--dry-run", home=home).stdout
    assert "1 run would be deleted" in would
    assert "1 run deleted" in aide("prune", "latest", home=home).stdout
    assert list((home / "runs").iterdir()) == []


def test_damage_is_told_with_exit_code_1(home: Path) -> None:
    next((home / "runs" / VERSION_1 / "predictions").iterdir()).unlink()
    done = aide("verify", "latest", home=home)
    assert done.returncode == 1
    assert "are gone" in done.stdout


def test_lineage_and_diff_say_how_a_node_came_to_be(home: Path) -> None:
    done = aide("lineage", "latest", 7, home=home)
    first, *_ = done.stdout.splitlines()
    assert "#0" in first or "0" in first
    assert "gain" in done.stdout
    told = aide("diff", "latest", 0, 7, home=home).stdout
    assert "slope 2.654" in told  # the plan
    assert "+slope = 2.654" in told  # the script
    assert "s of processor time" in told
    assert "#7 against #0: -0.235" in told


def test_pruning_nothing_by_mistake(home: Path) -> None:
    refused(aide("prune", home=home), "--older-than")


def test_a_query_from_a_file_and_from_standard_input(home: Path, tmp_path: Path) -> None:
    (tmp_path / "q.sql").write_text("SELECT count(*) AS n FROM nodes;")
    done = aide("sql", "--file", tmp_path / "q.sql", "--format", "json", home=home)
    assert json.loads(done.stdout) == [{"n": 8}]
    done = aide("sql", "-", "--format", "csv", home=home, input="SELECT count(*) AS n FROM nodes")
    assert done.stdout.split() == ['"n"', "8"]


def test_runs_are_listed_the_latest_first_and_no_more_than_wanted(home: Path) -> None:
    unpacked = home / "again"
    unpack(unpacked, 2)
    (unpacked / "runs" / VERSION_2).rename(home / "runs" / VERSION_2)
    done = aide("runs", "--latest", 1, home=home)
    assert VERSION_2 in done.stdout
    assert VERSION_1 not in done.stdout
    assert "and 1 earlier: --all" in done.stdout
    assert VERSION_1 in aide("runs", "--all", home=home).stdout


def test_what_attach_says_works_in_another_program(home: Path) -> None:
    path, *rest = aide("sql", "--attach", home=home).stdout.splitlines()
    assert path == str(home / "history.duckdb")
    python = next(line for line in rest if line.startswith("python"))
    command = python.replace("python", sys.executable, 1)
    done = subprocess.run(command, shell=True, capture_output=True, text=True, check=True)
    assert VERSION_1 in done.stdout
    with duckdb.connect(path, read_only=True) as connection:
        connection.execute(rest[-1])
        found = connection.execute(
            "SELECT n.run_id, count(DISTINCT node), count(*) FROM prediction_rows JOIN nodes n USING (run_id, node)"
            " WHERE n.complete GROUP BY ALL"
        ).fetchall()
    assert found == [(VERSION_1, 6, 6 * (60 + 20))]


def test_ctrl_c_ends_a_query(home: Path) -> None:
    child = subprocess.Popen(
        [sys.executable, "-m", "aide_local.cli.main", "--home", home, "sql", "SELECT sum(hash(a)) FROM range(1000000000000) t(a)"],
        stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    process, end = psutil.Process(child.pid), time.monotonic() + 60
    while (
        process.cpu_times().user < 4 and time.monotonic() < end
    ):  # the query is what uses so much, not the start
        time.sleep(0.1)
    child.send_signal(signal.SIGINT)
    _, said = child.communicate(timeout=60)
    assert child.returncode == 2
    assert "interrupted" in said


def test_the_prompt_answers_completes_and_survives_errors(home: Path) -> None:
    main, other = pty.openpty()
    child = subprocess.Popen(
        [sys.executable, "-m", "aide_local.cli.main", "--home", home, "sql", "--format", "csv"],
        stdin=other, stdout=other, stderr=other, env={**os.environ, "TERM": "dumb"},
    )  # fmt: skip
    os.close(other)

    said = ""

    def until(word: str) -> None:
        """Wait for the word, and keep what came after it: several may come at once."""
        nonlocal said
        end = time.monotonic() + 120
        while word not in said and time.monotonic() < end:
            if select.select([main], [], [], 1)[0]:
                said += os.read(main, 4096).decode(errors="replace")
        _, found, said = said.partition(word)
        assert found, f"{word!r} did not come"

    until("sql> ")
    os.write(main, b"SELECT nothing FROM nodes;\n")
    until("does not work")
    until("sql> ")
    os.write(main, b"SELECT count(*) AS n\n")
    until("...> ")
    os.write(main, b"FROM leaderb\t;\n")
    until("6")
    until("sql> ")
    os.write(main, b"\\q\n")
    assert child.wait(60) == 0
    os.close(main)
    assert "leaderboard" in (home / "sql_history").read_text()
