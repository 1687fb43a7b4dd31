"""SQL over runs that the engine made: the cookbook works, and nothing can be changed from a query."""

from __future__ import annotations

from pathlib import Path

import pytest

from aide_local.errors import SettingsError
from aide_local.home import Home
from aide_local.store.cookbook import QUERIES, Saved
from aide_local.store.documents import cookbook, schema
from aide_local.store.sql import Reader, snapshot_of_all
from aide_local.types import RunSettings
from tests.runs import make_run, replies

DOCS = Path(__file__).parent.parent.parent / "docs"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """Two runs of one task."""
    place = tmp_path_factory.mktemp("asked")
    for seed in (1, 2):
        settings = RunSettings(
            steps=12, seed=seed, folds=2, sandbox="limits", timeout=60.0, num_drafts=3, racing=False
        )
        list(make_run(place, replies, settings=settings).events())
    return Home(place / "home")


@pytest.mark.parametrize("saved", QUERIES, ids=lambda saved: saved.title[:40])
def test_every_question_of_the_cookbook_has_an_answer(home: Home, saved: Saved) -> None:
    with Reader(home) as reader:
        result = reader.execute(saved.query)
    assert result.table.num_columns > 0
    if "not get to see" not in saved.title:  # these small prompts lose nothing
        assert result.table.num_rows > 0


def test_the_documents_are_true() -> None:
    assert (DOCS / "schema.md").read_text("utf-8") == schema(), "python -m aide_local.store.documents docs"
    assert (DOCS / "sql.md").read_text("utf-8") == cookbook(), "python -m aide_local.store.documents docs"


def test_every_column_says_what_it_means() -> None:
    missing = [line for line in schema().splitlines() if line.endswith("|  |") and "leaderboard" in line]
    assert missing == []


@pytest.mark.parametrize(
    "attack",
    [
        "DELETE FROM nodes",
        "DROP TABLE nodes",
        "CREATE TABLE x (a INT)",
        "INSERT INTO nodes SELECT * FROM nodes",
        "UPDATE runs SET task = 'x'",
        "COPY nodes TO '{home}/history.duckdb'",
        "COPY nodes TO '{home}/out.csv'",
        "EXPORT DATABASE '{home}/out'",
        "FROM read_csv('/etc/passwd', sep=':')",
        "FROM read_text('/etc/passwd')",
        "FROM '/etc/passwd'",
        "FROM glob('/*')",
        "ATTACH '{home}/other.duckdb'",
        "INSTALL httpfs",
        "LOAD httpfs",
        "SET enable_external_access = true",
        "RESET lock_configuration",
        "PRAGMA enable_external_access",
        "CALL pragma_platform(); ATTACH ':memory:' AS m; COPY (SELECT 1) TO '/tmp/aide_x'",
    ],
)
def test_a_query_can_neither_change_nor_reach_anything(home: Home, attack: str) -> None:
    path = snapshot_of_all(home)
    before = path.read_bytes()
    with Reader(home) as reader, pytest.raises(SettingsError):
        reader.execute(attack.replace("{home}", str(home.root)))
    assert path.read_bytes() == before
    assert not (home.root / "out.csv").exists()
    with Reader(home) as reader:
        assert reader.execute("FROM runs").table.num_rows == 2


def test_a_query_without_end_is_ended(home: Home) -> None:
    with Reader(home) as reader, pytest.raises(SettingsError, match="longer than"):
        reader.execute("SELECT count(*) FROM range(10000000000) a, range(10000000000) b", time_limit=0.5)


def test_a_wrong_name_is_told_with_its_place(home: Home) -> None:
    with Reader(home) as reader, pytest.raises(SettingsError) as told:
        reader.execute("SELECT node,\n       nodde FROM nodes")
    assert "LINE 2" in told.value.message
    assert "^^^^^" in told.value.message


@pytest.mark.parametrize(("form", "part"), [
    ("csv", b'"run_id"'), ("json", b'[{"run_id"'), ("markdown", b"| run_id"), ("table", b"(2 rows)"), ("parquet", b"PAR1"),
])  # fmt: skip
def test_results_in_every_form(home: Home, form: str, part: bytes) -> None:
    with Reader(home) as reader:
        assert part in reader.execute("SELECT run_id, task FROM runs").render(form)


def test_the_history_follows_the_runs(home: Home, tmp_path: Path) -> None:
    settings = RunSettings(steps=1, seed=9, folds=2, sandbox="limits", timeout=60.0)
    other = Home(tmp_path / "home")
    list(make_run(tmp_path, settings=settings).events())
    with Reader(other) as reader:
        assert reader.execute("FROM nodes").table.num_rows == 1
    list(make_run(tmp_path, settings=settings).events())
    with Reader(other) as reader:
        assert reader.execute("FROM runs").table.num_rows == 2


def test_a_damaged_history_is_made_anew(home: Home) -> None:
    snapshot_of_all(home).write_bytes(b"not a database")
    with Reader(home) as reader:
        assert reader.execute("FROM runs").table.num_rows == 2
