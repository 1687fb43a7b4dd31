"""Runs are checked, deleted, exported and imported; what is damaged or forge is told and never taken in."""

from __future__ import annotations

import json
import sqlite3
import tarfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import pyarrow.parquet as pq
import pytest

from aide_local.errors import AideError, StoreError
from aide_local.home import Home
from aide_local.store.archive import export_archive, import_archive
from aide_local.store.export import export
from aide_local.store.layout import PUBLISHED
from aide_local.store.mlflow import write_mlflow
from aide_local.store.prune import choose, prune
from aide_local.store.read import list_runs, read_run
from aide_local.store.run_store import find_run, open_run
from aide_local.store.verify import verify
from aide_local.types import RunSettings
from tests.runs import make_run
from tests.store.earlier import VERSION_1, unpack
from tests.store.making import forge


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Home, str]:
    place = tmp_path_factory.mktemp("made")
    settings = RunSettings.paper(steps=6, seed=3, folds=2, sandbox="limits", timeout=60.0, num_drafts=3)
    list(make_run(place, settings=settings).events())
    home = Home(place / "home")
    return home, find_run(home, "latest")


@pytest.fixture
def other(made: tuple[Home, str], tmp_path: Path) -> tuple[Home, str]:
    """The same run on another machine."""
    home, run_id = made
    export_archive(home, run_id, tmp_path / "run.aide.tar.gz")
    there = Home(tmp_path / "there")
    assert import_archive(there, tmp_path / "run.aide.tar.gz") == run_id
    return there, run_id


# ---- moving ----


def test_a_run_is_the_same_on_the_other_machine(made: tuple[Home, str], other: tuple[Home, str]) -> None:
    (home, run_id), (there, _) = made, other
    ours, theirs = read_run(home, run_id), read_run(there, run_id)
    assert theirs.tree == ours.tree
    assert theirs.generations == ours.generations
    assert theirs.summary == ours.summary
    assert list_runs(there)[0].state == "finished"
    assert verify(there, run_id).problems == ()
    store = open_run(there, run_id)  # and it can be gone on with
    assert store.nodes() == ours.tree.nodes
    store.close()


def test_a_run_is_taken_in_once(other: tuple[Home, str], tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="already"):
        import_archive(other[0], tmp_path / "run.aide.tar.gz")


def listed(name: str) -> Callable[[dict[str, Any]], None]:
    def add(manifest: dict[str, Any]) -> None:
        manifest["files"][name] = {"size": 0, "sha256": ""}

    return add


def same(name: str, content: bytes) -> tuple[str, bytes]:
    return name, content


def link(name: str, to: str) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = tarfile.SYMTYPE, to
    return info


@pytest.mark.parametrize(
    ("change", "manifest", "more", "said"),
    [
        (lambda n, c: (n, c[:-1] + bytes([c[-1] ^ 1])) if n == PUBLISHED else (n, c), None, (), "checksum"),
        (lambda n, c: (n, c + b"x") if n == PUBLISHED else (n, c), None, (), "list of files"),
        (lambda n, c: None if n.startswith("predictions") else (n, c), None, (), "lacks"),
        (lambda n, c: ("../" + n, c) if n == PUBLISHED else (n, c), None, (), "list of files"),
        (same, listed("../../evil"), (), "not one of a run's"),
        (same, listed("/etc/evil"), (), "not one of a run's"),
        (same, listed("predictions/../../evil"), (), "not one of a run's"),
        (same, listed("run.duckdb"), (), "not one of a run's"),
        (same, lambda m: m.update(run_id="../evil"), (), "no id of a run"),
        (same, lambda m: m.update(run_id=".hidden"), (), "no id of a run"),
        (same, lambda m: m.update(schema=99), (), "version 99"),
        (same, lambda m: m.update(format=99), (), "format 99"),
        (same, lambda m: m.update(files=[]), (), "damaged list"),
        (same, lambda m: m["files"].pop(PUBLISHED), (), "lacks the run's database"),
        (same, None, (link("predictions/evil", "/etc"),), "list of files"),
        (same, listed("predictions/evil"), (link("predictions/evil", "/etc"),), "list of files"),
    ],
)  # fmt: skip
def test_a_forged_or_damaged_archive_is_refused_and_leaves_nothing(
    made: tuple[Home, str], tmp_path: Path, change: Any, manifest: Any, more: Any, said: str
) -> None:
    home, run_id = made
    whole, bad = tmp_path / "whole.tar.gz", tmp_path / "bad.tar.gz"
    export_archive(home, run_id, whole)
    forge(whole, bad, change, manifest or (lambda manifest: None), more)
    there = Home(tmp_path / "there")
    with pytest.raises(StoreError, match=said):
        import_archive(there, bad)
    assert not there.runs.exists() or list(there.runs.iterdir()) == []
    assert not (tmp_path / "evil").exists()


@pytest.mark.parametrize("content", [b"", b"not an archive", None])
def test_what_is_no_archive_is_reported(
    made: tuple[Home, str], tmp_path: Path, content: bytes | None
) -> None:
    file = tmp_path / "file"
    if content is None:
        export_archive(*made, file)
        content = file.read_bytes()[:5000]
    file.write_bytes(content)
    with pytest.raises(StoreError, match="damaged or no archive"):
        import_archive(Home(tmp_path / "there"), file)


# ---- for other tools ----


def test_parquet_holds_every_table_and_the_predictions(made: tuple[Home, str], tmp_path: Path) -> None:
    home, run_id = made
    export(home, run_id, "parquet", tmp_path / "out")
    tree = read_run(home, run_id).tree
    assert pq.read_table(tmp_path / "out" / "nodes.parquet").num_rows == len(tree)
    assert pq.read_table(tmp_path / "out" / "executions.parquet").num_rows == sum(
        len(node.folds) for node in tree.nodes
    )
    files = {path.name for path in (tmp_path / "out" / "predictions").iterdir()}
    assert files == {node.predictions.name for node in tree.nodes if node.predictions}


def test_sqlite_answers_the_same(made: tuple[Home, str], tmp_path: Path) -> None:
    home, run_id = made
    export(home, run_id, "sqlite", tmp_path / "run.sqlite")
    query = "SELECT node, operator, parent, metric, code FROM nodes ORDER BY node"
    with (
        sqlite3.connect(tmp_path / "run.sqlite") as one,
        duckdb.connect(str(home.run(run_id) / PUBLISHED), read_only=True) as two,
    ):
        assert one.execute(query).fetchall() == two.execute(query).fetchall()
        assert json.loads(one.execute("SELECT path FROM nodes WHERE node = 0").fetchone()[0]) == [0]
        with pytest.raises(sqlite3.IntegrityError):
            one.execute("INSERT INTO nodes SELECT * FROM nodes")  # the keys are there, too


def test_mlflow_finds_its_own_layout(made: tuple[Home, str], tmp_path: Path) -> None:
    home, run_id = made
    export(home, run_id, "mlflow", tmp_path / "mlruns")
    view = read_run(home, run_id)
    (experiment,) = (tmp_path / "mlruns").iterdir()
    assert f'experiment_id: "{experiment.name}"' in (experiment / "meta.yaml").read_text()
    runs = [path for path in experiment.iterdir() if path.is_dir()]
    assert len(runs) == 1 + len(view.tree)
    scores = {}
    for run in runs:
        assert f'run_id: "{run.name}"' in (run / "meta.yaml").read_text()
        assert (
            f'artifact_uri: "file://{tmp_path / "mlruns" / experiment.name / run.name}/artifacts"'
            in (run / "meta.yaml").read_text()
        )
        if (run / "tags" / "mlflow.parentRunId").exists() and (run / "metrics" / "rmse").exists():
            moment, value, step = (run / "metrics" / "rmse").read_text().split()
            assert int(moment) > 1e12
            assert step == "0"
            scores[(run / "tags" / "mlflow.runName").read_text().split()[0]] = float(value)
    assert scores == {f"#{node.id}": node.metric for node in view.tree.valid}


def test_an_export_overwrites_nothing(made: tuple[Home, str], tmp_path: Path) -> None:
    (tmp_path / "out").write_text("mine")
    for form in ("archive", "parquet", "sqlite", "mlflow", "csv"):
        with pytest.raises(AideError):
            export(*made, form, tmp_path / "out")
    assert (tmp_path / "out").read_text() == "mine"


FORMS = ["archive", "parquet", "sqlite", "mlflow"]


@pytest.mark.parametrize("form", FORMS)
def test_an_export_leaves_alone_what_lies_beside_it(
    made: tuple[Home, str], tmp_path: Path, form: str
) -> None:
    (tmp_path / "out.partial").mkdir()
    (tmp_path / "out.partial" / "keep").write_text("mine")
    export(*made, form, tmp_path / "out")
    assert (tmp_path / "out.partial" / "keep").read_text() == "mine"
    assert {path.name for path in tmp_path.iterdir()} == {"out", "out.partial"}
    (tmp_path / "plain").touch()
    modes = {path.name: path.stat().st_mode for path in tmp_path.iterdir()}
    same = "plain" if (tmp_path / "out").is_file() else "out.partial"
    assert modes["out"] == modes[same]


@pytest.mark.parametrize("form", FORMS)
def test_an_export_to_where_nothing_can_be_written_is_reported(made: tuple[Home, str], form: str) -> None:
    with pytest.raises(StoreError, match=r"^/proc cannot be written|in /proc cannot be") as told:
        export(*made, form, Path("/proc/out"))
    assert form == "archive" or "--out" in told.value.fix


@pytest.mark.parametrize("form", FORMS[1:])
@pytest.mark.parametrize("damage", ["overwritten", "truncated"])
def test_an_export_of_a_damaged_snapshot_names_the_snapshot(
    other: tuple[Home, str], tmp_path: Path, form: str, damage: str
) -> None:
    home, run_id = other
    file = home.run(run_id) / PUBLISHED
    content = file.read_bytes()
    at = content.index(b"submission.to_csv")
    file.write_bytes(
        content[:40_000] if damage == "truncated" else content[:at] + b"x" * 20 + content[at + 20 :]
    )
    with pytest.raises(StoreError, match="cannot be read") as told:
        export(home, run_id, form, tmp_path / "out" / "run")
    assert str(file) in told.value.message
    assert list((tmp_path / "out").iterdir()) == []


def test_mlflow_is_given_a_name_as_it_is(made: tuple[Home, str], tmp_path: Path) -> None:
    view = read_run(*made)
    named = replace(view, task=replace(view.task, name="prices 🏠: é"))
    write_mlflow(named, tmp_path / "mlruns", tmp_path / "mlruns")
    (experiment,) = (tmp_path / "mlruns").iterdir()
    assert '\nname: "prices 🏠: é"\n' in (experiment / "meta.yaml").read_text("utf-8")


# ---- checking ----


def test_a_whole_run_has_no_problems(made: tuple[Home, str]) -> None:
    found = verify(*made)
    assert found.problems == ()
    assert found.notes == ()
    assert (found.nodes, found.files) == (6, sum(node.complete for node in read_run(*made).tree.nodes))


def test_a_run_of_version_1_is_checked_as_far_as_it_goes(tmp_path: Path) -> None:
    found = verify(unpack(tmp_path), VERSION_1)
    assert found.problems == ()
    assert "without a checksum" in found.notes[0]


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("UPDATE nodes SET parent = 77 WHERE node = 5", "cannot be read"),
        ("UPDATE nodes SET other = 5 WHERE node = 5", "second parent #5"),
        ("UPDATE nodes SET metric = -1 WHERE node = (SELECT max(node) FROM nodes WHERE complete)", "is better"),
        ("INSERT INTO folds SELECT run_id, 77, 0, 0, 0, 0, 0, 0 FROM runs", "node #77"),
        ("DELETE FROM folds WHERE fold = 1 AND node = (SELECT max(node) FROM folds WHERE fold = 1)", "was scored on the folds"),
        ("UPDATE nodes SET path = [9] WHERE node = 0", "recorded path of node #0"),
        ("UPDATE predictions SET sha256 = 'x' WHERE node = (SELECT min(node) FROM predictions)", "another checksum"),
        ("UPDATE runs SET summary = json_merge_patch(summary, '{\"ensemble\": {\"0\": 0.3}}')", "sum to 0.3"),
    ],
)  # fmt: skip
def test_what_does_not_agree_is_reported(other: tuple[Home, str], statement: str, said: str) -> None:
    home, run_id = other
    with duckdb.connect(str(home.run(run_id) / PUBLISHED)) as connection:
        connection.execute(statement)
    problems = verify(home, run_id).problems
    assert any(said in problem for problem in problems), problems


def test_changed_and_lost_prediction_files_are_reported(other: tuple[Home, str]) -> None:
    home, run_id = other
    first, second, *_ = sorted((home.run(run_id) / "predictions").iterdir())
    first.write_bytes(first.read_bytes()[:-1] + b"x")
    second.unlink()
    problems = verify(home, run_id).problems
    assert len(problems) == 2
    assert "another checksum" in problems[0]
    assert "gone" in problems[1]


def test_a_damaged_snapshot_is_reported(other: tuple[Home, str]) -> None:
    home, run_id = other
    (home.run(run_id) / PUBLISHED).write_bytes(b"x" * 10_000)
    assert "cannot be read" in verify(home, run_id).problems[0]


# ---- deleting ----


def test_runs_are_chosen_by_name_age_and_number(tmp_path: Path) -> None:
    home = unpack(tmp_path)
    assert choose(home, [VERSION_1], older_than=None, keep=None) == (VERSION_1,)
    assert choose(home, [], older_than=None, keep=1) == ()
    assert choose(home, [], older_than=None, keep=0) == (VERSION_1,)
    assert choose(home, [], older_than=1e12, keep=None) == ()


def test_pruning_says_what_it_reclaims(other: tuple[Home, str]) -> None:
    home, run_id = other
    (dry,) = prune(home, [run_id], dry=True)
    assert home.run(run_id).exists()
    (done,) = prune(home, [run_id])
    assert not home.run(run_id).exists()
    assert done.size == dry.size > 100_000
    assert done.kept == ""


def test_a_run_that_goes_on_is_left(other: tuple[Home, str]) -> None:
    home, run_id = other
    store = open_run(home, run_id)
    (left,) = prune(home, [run_id])
    assert "another process" in left.kept
    assert left.size == 0
    assert home.run(run_id).exists()
    store.close()
