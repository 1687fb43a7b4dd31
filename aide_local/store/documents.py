"""Write docs/schema.md and docs/sql.md from the schema's own comments and from the cookbook.

python -m aide_local.store.documents docs
"""

from __future__ import annotations

import sys
from pathlib import Path

from aide_local.store.cookbook import QUERIES
from aide_local.store.schema import migrate


def schema() -> str:
    """Return docs/schema.md: every table and view with its columns."""
    import duckdb

    with duckdb.connect() as connection:
        migrate(connection, "memory")
        objects = connection.execute(
            "SELECT table_name AS name, comment, 'table' AS kind FROM duckdb_tables() WHERE table_name <> 'schema_version'"
            " UNION ALL SELECT view_name, comment, 'view' FROM duckdb_views() WHERE NOT internal ORDER BY kind, name"
        ).fetchall()
        columns = connection.execute(
            "SELECT table_name, column_name, data_type, coalesce(comment, '') FROM duckdb_columns() WHERE NOT internal"
            " ORDER BY table_name, column_index"
        ).fetchall()
    lines = [
        "# Tables and views",
        "",
        "Written by `python -m aide_local.store.documents docs` from the comments in the database itself;"
        ' `aide-local sql "FROM duckdb_columns() WHERE NOT internal"` shows them, too.',
        "",
        "All times are UTC. Every table has `run_id`, so that all runs lie in one database (`history.duckdb` in the"
        " home folder, with `recent.duckdb` for runs that go on), which `aide-local sql` brings up to date before each"
        " query; `aide-local sql --attach` puts every run into the one file and says how other programs open it.",
    ]
    for name, comment, kind in objects:
        lines += [
            "",
            f"## {name} ({kind})",
            "",
            comment or "",
            "",
            "| column | type | meaning |",
            "|---|---|---|",
        ]
        lines += [
            f"| {column} | {type_} | {text} |" for table, column, type_, text in columns if table == name
        ]
    return "\n".join(lines) + "\n"


def cookbook() -> str:
    """Return docs/sql.md: the questions with their queries."""
    lines = [
        "# Questions worth asking",
        "",
        'Each works as it stands: `aide-local sql "…"`, or `s` and `f2` in the terminal UI. A test runs all of them.'
        " Tables and views: [schema.md](schema.md). The data cannot be changed from there: the database is open for"
        " reading, without access to files, extensions or settings.",
        "",
        "Examinations of models (`aide-local models exam`) are runs with a value in `runs.exam`. The views `leaderboard`, `gains`,"
        " `tasks` and `task_similarity` are of searches alone, `exam_tasks` and `model_exams` of examinations; all others, such"
        " as `model_speed` and `error_signatures`, tell of both.",
        "",
        "`--format table|csv|json|markdown|parquet`, `--out FILE`, `--file QUERY.sql`; `-` reads the query from standard input;"
        " nothing at a terminal opens a prompt with completion. A query is ended after `--time-limit` (60 s) or by Ctrl+C,"
        " and may use `--memory-limit` (2g); what needs more is told so, nothing is spilled to the disk. `--predictions RUN`"
        " shows a run's predictions as the table `prediction_rows`; for other programs, `--attach` prints the view that does.",
        "",
        "`table` and `markdown` are for reading: the first 10,000 rows, and cells of 80 characters at most, in which signs that"
        " would steer a terminal are shown as escapes such as `\\x1b`. `csv`, `json` and `parquet` have all rows, and exactly"
        " (what `csv` prints on a terminal is escaped, too). A result may have 1 GiB in memory; it is written batch by batch, so"
        " that it takes little more. The time for that is not the query's, and Ctrl+C ends it. Columns of the same name are"
        " numbered (`state`, `state_1`). What not every format can hold (INTERVAL, BLOB, BIT, UNION and the like) comes as DuckDB's"
        " text; NaN and infinity are null in `json`.",
        "",
        "For other tools: `aide-local export RUN --format parquet|sqlite|mlflow`. The MLflow folder was opened with MLflow 3.17.2,"
        " where runs, parameters, metrics and files are as they were written; since it is a store of files, MLflow wants"
        " `MLFLOW_ALLOW_FILE_STORE=true`: `MLFLOW_ALLOW_FILE_STORE=true mlflow ui --backend-store-uri FOLDER`.",
    ]
    for one in QUERIES:
        lines += ["", f"## {one.title}", "", "```sql", one.query, "```"]
    return "\n".join(lines) + "\n"


def main() -> None:
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else "docs")
    (folder / "schema.md").write_text(schema(), "utf-8")
    (folder / "sql.md").write_text(cookbook(), "utf-8")


if __name__ == "__main__":
    main()
