"""``aide-local runs``, ``verify``, ``prune``, ``export``, ``import``."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.commands import aide_here, refused
from tests.store.earlier import VERSION_1, VERSION_2, unpack


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home with one run, made by an earlier version."""
    return unpack(tmp_path / "home").root


def test_a_run_is_carried_to_another_home_and_deleted_here(home: Path, tmp_path: Path) -> None:
    file, there = tmp_path / "run.tar.gz", tmp_path / "there"
    assert f"written: {file}" in aide_here("export", "latest", "--out", file, home=home).stdout
    assert VERSION_1 in aide_here("import", file, home=there).stdout
    refused(aide_here("import", file, home=there), "already")
    refused(aide_here("import", there, home=there), "is a folder")
    assert "8 nodes, 6 prediction files: ok" in aide_here("verify", home=there).stdout
    would = aide_here("prune", "latest", "--dry-run", home=home).stdout
    assert "1 run would be deleted" in would
    assert "1 run deleted" in aide_here("prune", "latest", home=home).stdout
    assert list((home / "runs").iterdir()) == []


def test_damage_is_told_with_exit_code_1(home: Path) -> None:
    next((home / "runs" / VERSION_1 / "predictions").iterdir()).unlink()
    done = aide_here("verify", "latest", home=home)
    assert done.returncode == 1
    assert "are gone" in done.stdout


def test_pruning_nothing_by_mistake(home: Path) -> None:
    refused(aide_here("prune", home=home), "--older-than")


def test_runs_are_listed_the_latest_first_and_no_more_than_wanted(home: Path) -> None:
    unpacked = home / "again"
    unpack(unpacked, 2)
    (unpacked / "runs" / VERSION_2).rename(home / "runs" / VERSION_2)
    done = aide_here("runs", "--latest", 1, home=home)
    assert VERSION_2 in done.stdout
    assert VERSION_1 not in done.stdout
    assert "and 1 earlier: --all" in done.stdout
    assert VERSION_1 in aide_here("runs", "--all", home=home).stdout
