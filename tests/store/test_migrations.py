"""A database of every earlier version is brought to the newest; one of a newer version is not touched."""

from __future__ import annotations

import json
from pathlib import Path

import duckdb
import pytest

from aide_local.errors import StoreError
from aide_local.store.layout import DATABASE, PUBLISHED
from aide_local.store.read import read_run
from aide_local.store.run_store import open_run
from aide_local.store.schema import migrations, newest
from aide_local.store.sql import SqlReader
from aide_local.store.verify import verify
from aide_local.types import Origin
from tests.store.earlier import RUNS, VERSION_1, unpack


def test_migrations_are_numbered_without_gaps() -> None:
    assert [number for number, _ in migrations()] == list(range(1, newest() + 1))


def test_every_earlier_version_is_tested() -> None:
    assert list(RUNS) == list(range(1, newest()))


@pytest.mark.parametrize("version", RUNS)
def test_a_run_of_an_earlier_version_is_taken_up_again_whole(tmp_path: Path, version: int) -> None:
    home, run_id = unpack(tmp_path, version), RUNS[version]
    before = read_run(home, run_id)
    store = open_run(home, run_id)
    assert store.nodes() == before.tree.nodes
    store.publish()
    store.close()
    after = read_run(home, run_id)
    assert (after.tree, after.summary, after.generations) == (
        before.tree,
        before.summary,
        before.generations,
    )
    with duckdb.connect(str(home.run(run_id) / PUBLISHED), read_only=True) as connection:
        assert connection.execute("SELECT max(version) FROM schema_version").fetchone() == (newest(),)
        paths = dict(connection.execute("SELECT node, path FROM nodes").fetchall())
        gains = dict(connection.execute("SELECT node, gain FROM gains").fetchall())
        cost = dict(connection.execute("SELECT node, completion_tokens FROM cost").fetchall())
        tokens = dict(
            connection.execute(
                "SELECT node, sum(completion_tokens) FROM generations GROUP BY node"
            ).fetchall()
        )
        taken = connection.execute("SELECT from_state, from_nodes FROM resumptions").fetchall()
        purpose = connection.execute("SELECT exam, constant_score FROM runs").fetchone()
        board = connection.execute("SELECT count(*) FROM leaderboard").fetchone()
    tree = before.tree
    assert paths == {node.id: [one.id for one in tree.lineage(node.id)] for node in tree.nodes}
    assert gains == {
        node.id: pytest.approx(tree.gain(node)) for node in tree.nodes if tree.gain(node) is not None
    }
    assert len(gains) == 3
    assert cost == tokens
    assert taken == [("finished", 8)]
    assert before.summary is not None
    assert purpose == (None, before.summary.constant_score)
    assert board == (6,)
    assert verify(home, run_id).problems == ()


@pytest.mark.parametrize("version", RUNS)
def test_nodes_of_an_earlier_version_have_an_origin_before_and_after_they_are_migrated(
    tmp_path: Path, version: int
) -> None:
    home, run_id = unpack(tmp_path, version), RUNS[version]
    for file in (DATABASE, PUBLISHED):
        with duckdb.connect(str(home.run(run_id) / file)) as connection:
            connection.execute("UPDATE nodes SET operator = 'human' WHERE node = 3")
    store = open_run(home, run_id)
    for nodes in (read_run(home, run_id).tree.nodes, store.nodes()):
        assert {node.id: node.origin for node in nodes} == {
            number: Origin.PERSON if number == 3 else Origin.MODEL for number in range(8)
        }
        assert {(node.in_flight, node.settled) for node in nodes} == {((), None)}
    store.close()


@pytest.mark.parametrize("version", RUNS)
def test_a_snapshot_of_an_earlier_version_is_asked_without_being_touched(
    tmp_path: Path, version: int
) -> None:
    home = unpack(tmp_path, version)
    file = home.run(RUNS[version]) / PUBLISHED
    before = file.read_bytes()
    with SqlReader(home) as reader:
        found = reader.execute("SELECT max(steps) AS steps, count(*) AS rows FROM lineage").table.to_pylist()
    assert found == [{"steps": 1, "rows": 13}]
    assert file.read_bytes() == before


def test_a_snapshot_of_a_newer_version_is_reported_and_not_touched(tmp_path: Path) -> None:
    home = unpack(tmp_path)
    file = home.run(VERSION_1) / PUBLISHED
    with duckdb.connect(str(file)) as connection:
        connection.execute("INSERT INTO schema_version VALUES (99, NULL)")
    before = file.read_bytes()
    with SqlReader(home) as reader:
        assert reader.execute("FROM runs").table.num_rows == 0
        assert "version 99" in reader.left_out[VERSION_1]
    with pytest.raises(StoreError, match="version 99"):
        read_run(home, VERSION_1)
    assert file.read_bytes() == before


def test_a_history_of_a_newer_version_is_reported_and_not_touched(tmp_path: Path) -> None:
    home = unpack(tmp_path)
    SqlReader(home).close()
    manifest = home.root / "history.json"
    manifest.write_text(json.dumps({**json.loads(manifest.read_text()), "version": 99}))
    before = home.history.read_bytes()
    with pytest.raises(StoreError, match="version 99"):
        SqlReader(home)
    assert home.history.read_bytes() == before
