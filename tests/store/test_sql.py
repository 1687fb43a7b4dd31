"""SQL over runs that the engine made: the cookbook works, and nothing can be changed from a query."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pyarrow as pa
import pytest

from aide_local.cli.console import completer
from aide_local.errors import SettingsError
from aide_local.home import Home
from aide_local.store.cookbook import QUERIES, Question
from aide_local.store.documents import cookbook, schema
from aide_local.store.history import gather_all
from aide_local.store.run_store import find_run
from aide_local.store.sql import SqlReader
from aide_local.store.words import words
from aide_local.types import RunSettings
from tests.runs import make_run, replies

DOCS = Path(__file__).parent.parent.parent / "docs"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """Two runs of one task, and one of another, with a node."""
    place = tmp_path_factory.mktemp("asked")
    settings = RunSettings.paper(steps=1, seed=3, folds=2, sandbox="limits", timeout=60.0)
    list(make_run(place, replies, settings=settings, rows=80).events())
    for seed in (1, 2):
        settings = RunSettings.paper(
            steps=12, seed=seed, folds=2, sandbox="limits", timeout=60.0, num_drafts=3, racing=False
        )
        list(make_run(place, replies, settings=settings).events())
    return Home(place / "home")


@pytest.mark.parametrize("question", QUERIES, ids=lambda question: question.title[:40])
def test_every_question_of_the_cookbook_has_an_answer(home: Home, question: Question) -> None:
    with SqlReader(home) as reader:
        result = reader.execute(question.query)
    assert result.table.num_columns > 0
    if (
        "not get to see" not in question.title and "examination" not in question.title
    ):  # prompts are small, no model is examined
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
        "COPY nodes TO '{home}/recent.duckdb'",
        "COPY (SELECT 1) TO '/dev/stderr'",
        "COPY nodes FROM '/etc/passwd'",
        "FROM read_json('{home}/history.json')",
        "FROM read_parquet('{home}/runs/*/predictions/*.parquet')",
        "FROM read_blob('{home}/history.duckdb')",
        "FROM sniff_csv('/etc/passwd')",
        "ATTACH '{home}/history.duckdb' AS again",
        "ATTACH ':memory:' AS memory; CREATE TABLE memory.x (a INT)",
        "INSTALL httpfs FROM community",
        "FROM read_csv('https://example.com/x.csv')",
        "SET disabled_filesystems = ''",
        "SET memory_limit = '100GB'",
        "SET GLOBAL lock_configuration = false",
        "PRAGMA database_list; PRAGMA memory_limit = '100GB'",
        "WITH x AS (DELETE FROM nodes RETURNING *) SELECT * FROM x",
        "WITH x AS (INSERT INTO nodes SELECT * FROM nodes RETURNING *) SELECT * FROM x",
        "INSERT INTO past.main.nodes SELECT * FROM past.main.nodes",
        "DROP VIEW leaderboard",
        "ALTER TABLE past.main.nodes DROP COLUMN code",
        "CHECKPOINT past.main; VACUUM; DELETE FROM past.main.runs",
        "SELECT getenv('HOME')",
        "FROM outside",
        "SELECT repeat('x', 100000000000)",
        "CREATE SECRET s (TYPE s3)",
        "EXPLAIN ANALYZE DELETE FROM past.main.nodes",
        "CALL pragma_platform(); ATTACH ':memory:' AS m; COPY (SELECT 1) TO '/tmp/aide_x'",
    ],
)
def test_a_query_can_neither_change_nor_reach_anything(home: Home, attack: str) -> None:
    files = [gather_all(home), home.root / "recent.duckdb", home.root / "history.json"]
    before = [path.read_bytes() for path in files]
    outside = pa.table({"a": [1]})  # a table of Python's, which a query must not find
    with SqlReader(home) as reader, pytest.raises(SettingsError):
        reader.execute(attack.replace("{home}", str(home.root)))
    assert outside.num_rows == 1
    assert [path.read_bytes() for path in files] == before
    assert not (home.root / "out.csv").exists()
    with SqlReader(home) as reader:
        assert reader.execute("FROM runs").table.num_rows == 3


def test_a_query_without_end_is_ended(home: Home) -> None:
    with SqlReader(home) as reader, pytest.raises(SettingsError, match="longer than"):
        reader.execute("SELECT max(hash(a)) FROM range(1000000000000) t(a)", time_limit=0.5)


@pytest.mark.parametrize(
    "bomb",
    [
        "SELECT count(*) FROM range(10000000000) a, range(10000000000) b",
        "FROM range(100000000000)",
        "WITH RECURSIVE x AS (SELECT 1 AS a UNION ALL SELECT a + 1 FROM x) SELECT max(a) FROM x",
        "SELECT list(a) FROM range(100000000000) t(a)",
        "SELECT a, count(*) FROM range(100000000000) t(a) GROUP BY a",
        "SELECT * FROM range(1000000000) ORDER BY hash(range)",
    ],
)
def test_a_bomb_is_bounded_in_time_and_memory(home: Home, bomb: str) -> None:
    with SqlReader(home, memory_limit="200MB") as reader, pytest.raises(SettingsError) as told:
        reader.execute(bomb, time_limit=2.0)
    assert any(word in told.value.message for word in ("longer than", "larger than", "more memory than"))


def test_a_query_that_needs_too_much_memory_fails_with_what_to_do(home: Home) -> None:
    with SqlReader(home, memory_limit="100MB") as reader, pytest.raises(SettingsError) as told:
        reader.execute("SELECT a, count(*) FROM range(100000000000) t(a) GROUP BY a")
    assert told.value.message == "The query needs more memory than it may have, 100MB."
    assert "--memory-limit" in told.value.fix


def test_a_query_that_wants_a_file_fails_with_the_reason(home: Home) -> None:
    with SqlReader(home) as reader, pytest.raises(SettingsError, match="reaches no files"):
        reader.execute("FROM read_csv('/etc/passwd')")


def test_two_threads_of_one_program_ask_one_after_the_other(home: Home) -> None:
    first = SqlReader(home)
    with ThreadPoolExecutor(1) as pool:

        def ask() -> int:
            with SqlReader(home, memory_limit="1GB") as second:
                return int(second.execute("FROM runs").table.num_rows)

        waiting = pool.submit(ask)
        assert first.execute("FROM runs").table.num_rows == 3
        first.close()
        assert waiting.result() == 3


def test_a_result_too_large_to_hold_is_reported(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("aide_local.store.sql.MOST", 2**20)
    with SqlReader(home) as reader, pytest.raises(SettingsError, match="larger than 1 MiB"):
        reader.execute("FROM range(10000000)")


def test_the_predictions_of_a_run_are_asked_without_a_way_to_other_files(home: Home) -> None:
    run_id = find_run(home, "latest")
    with SqlReader(home, predictions_of=run_id) as reader:
        counted = reader.execute(
            "SELECT node, count(*) AS rows FROM prediction_rows GROUP BY node ORDER BY node"
        )
        assert {row["rows"] for row in counted.table.to_pylist()} == {60 + 20}
        files = reader.execute(f"SELECT node FROM predictions WHERE run_id = '{run_id}' ORDER BY node").table
        assert counted.table.column("node").to_pylist() == files.column("node").to_pylist()
        with pytest.raises(SettingsError):
            reader.execute("FROM read_parquet('/tmp/*.parquet')")


def test_the_console_completes_tables_columns_metrics_and_tasks(home: Home) -> None:
    with SqlReader(home) as reader:
        offered = words(reader)
    complete = completer(offered)
    assert complete("leader", 0) == "leaderboard"
    assert complete("PEAK", 0) == "peak_memory"
    assert complete("rms", 0) == "rmse"
    assert complete("tas", 0) == "task"
    assert complete("leader", 1) is None


def test_the_words_of_the_language_are_offered_and_not_every_keyword_of_the_database(home: Home) -> None:
    with SqlReader(home) as reader:
        offered = set(words(reader))
    queries = "SELECT FROM WHERE GROUP BY ORDER LIMIT HAVING JOIN USING LEFT ON AS AND OR NOT NULL IN LIKE ILIKE BETWEEN"
    more = "CASE WHEN THEN ELSE END DISTINCT UNION ALL WITH OVER PARTITION QUALIFY FILTER DESC ASC DESCRIBE SUMMARIZE SHOW"
    assert {
        *queries.split(),
        *more.split(),
        "TABLES",
        "count",
        "sum",
        "avg",
        "min",
        "max",
        "round",
    } <= offered
    assert "CHECKPOINT" not in offered


def test_a_wrong_name_is_reported_with_its_place(home: Home) -> None:
    with SqlReader(home) as reader, pytest.raises(SettingsError) as told:
        reader.execute("SELECT node,\n       nodde FROM nodes")
    assert "LINE 2" in told.value.message
    assert "^^^^^" in told.value.message


@pytest.mark.parametrize(("form", "part"), [
    ("csv", b'"run_id"'), ("json", b'[{"run_id"'), ("markdown", b"| run_id"), ("table", b"(3 rows)"), ("parquet", b"PAR1"),
])  # fmt: skip
def test_results_in_every_form(home: Home, form: str, part: bytes) -> None:
    with SqlReader(home) as reader:
        assert part in reader.execute("SELECT run_id, task FROM runs").render(form)


def test_the_history_follows_the_runs(home: Home, tmp_path: Path) -> None:
    settings = RunSettings.paper(steps=1, seed=9, folds=2, sandbox="limits", timeout=60.0)
    other = Home(tmp_path / "home")
    list(make_run(tmp_path, settings=settings).events())
    with SqlReader(other) as reader:
        assert reader.execute("FROM nodes").table.num_rows == 1
    list(make_run(tmp_path, settings=settings).events())
    with SqlReader(other) as reader:
        assert reader.execute("FROM runs").table.num_rows == 2


def test_a_damaged_history_is_made_anew(home: Home) -> None:
    gather_all(home).write_bytes(b"not a database")
    with SqlReader(home) as reader:
        assert reader.execute("FROM runs").table.num_rows == 3
