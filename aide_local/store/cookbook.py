"""Questions worth asking of past runs. The SQL console offers them; docs/sql.md is generated from them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Question:
    """A query with the question that it answers."""

    title: str
    query: str


QUERIES: tuple[Question, ...] = (
    Question("Which scripts are best on each task?", "FROM leaderboard LIMIT 50"),
    Question(
        "Which operator gains most?",
        "SELECT operator, count(*) AS nodes, round(avg(gain), 5) AS mean_gain, count(*) FILTER (gain > 0) AS gained\n"
        "FROM gains GROUP BY operator ORDER BY gained DESC",
    ),
    Question("How did each operator fare, run by run?", "FROM operator_stats ORDER BY run_id DESC, operator"),
    Question("Which errors come most, and are they fixed?", "FROM error_signatures LIMIT 50"),
    Question("How did the best rise, node by node?", "FROM best_so_far ORDER BY run_id DESC, node"),
    Question(
        "What did each run reach, and in what time?",
        "SELECT run_id, task, model, state, summary->>'best_score' AS best, summary->>'ensemble_score' AS ensemble,\n"
        "       summary->>'report_score' AS report, round(seconds_used) AS seconds\n"
        "FROM runs WHERE exam IS NULL ORDER BY created DESC",
    ),
    Question(
        "Where does the time go: writing or executing?",
        "SELECT run_id, round(sum(execution_seconds), 1) AS executing, round(sum(generation_seconds), 1) AS writing,\n"
        "       sum(completion_tokens) AS tokens\nFROM cost GROUP BY run_id ORDER BY run_id DESC",
    ),
    Question(
        "Where do nodes come from, and which source led to the best?",
        "SELECT r.run_id, r.task, n.origin, count(*) AS nodes, count(*) FILTER (n.state = 'valid') AS valid,\n"
        "       CASE WHEN any_value(r.direction) = 'maximize' THEN max(n.metric) ELSE min(n.metric) END AS best\n"
        "FROM nodes n JOIN runs r USING (run_id) GROUP BY ALL ORDER BY r.run_id DESC, nodes DESC",
    ),
    Question(
        "How busy were writing and executing, and how sure is the score?",
        "SELECT run_id, task, cores, round(100 * writing_seconds / seconds_used) AS writing_percent,\n"
        "       round(100 * executing_seconds / seconds_used) AS executing_percent, estimate, interval_low, interval_high\n"
        "FROM runs WHERE exam IS NULL ORDER BY created DESC",
    ),
    Question("How fast is each model here?", "FROM model_speed"),
    Question(
        "Which changes helped most?",
        "SELECT run_id, node, operator, round(gain, 5) AS gain, plan FROM gains WHERE gain > 0 ORDER BY gain DESC LIMIT 30",
    ),
    Question(
        "From which nodes did the best of the last run grow?",
        "SELECT l.steps, n.node, n.operator, n.metric, n.plan\n"
        "FROM lineage l JOIN nodes n USING (run_id, node)\n"
        "JOIN (SELECT run_id, node AS leaf FROM leaderboard\n"
        "      WHERE run_id = (SELECT max(run_id) FROM runs WHERE exam IS NULL) LIMIT 1) b\n"
        "  USING (run_id, leaf)\nORDER BY steps DESC",
    ),
    Question(
        "Which nodes were delivered together?",
        "SELECT e.run_id, e.node, round(e.weight, 3) AS weight, n.metric, n.plan\n"
        "FROM ensembles e JOIN nodes n USING (run_id, node) ORDER BY e.run_id DESC, weight DESC",
    ),
    Question(
        "How much do the folds of a node differ?",
        "SELECT run_id, node, count(score) AS folds, avg(score) AS mean, stddev(score) AS spread\n"
        "FROM folds GROUP BY run_id, node ORDER BY run_id DESC, node",
    ),
    Question(
        "Which nodes were slow or hungry?",
        "SELECT run_id, node, round(wall_seconds, 1) AS seconds, peak_memory // 1048576 AS mib, plan\n"
        "FROM nodes ORDER BY wall_seconds DESC LIMIT 20",
    ),
    Question(
        "What did the model not get to see?",
        "SELECT run_id, node, unnest(dropped) AS dropped FROM nodes WHERE len(dropped) > 0 ORDER BY run_id DESC, node",
    ),
    Question(
        "Which replies were cut, and how long are replies?",
        "SELECT purpose, finish, count(*) AS replies, avg(completion_tokens) AS mean_tokens FROM generations GROUP BY ALL",
    ),
    Question(
        "Which estimators appear in valid scripts, and how good are they?",
        "SELECT r.task, regexp_extract(n.code, '(\\w+(Regressor|Classifier|Regression|Ridge|Lasso|SVC|SVR))', 1) AS estimator,\n"
        "       count(*) AS nodes, min(n.metric) AS lowest, max(n.metric) AS highest\n"
        "FROM nodes n JOIN runs r USING (run_id) WHERE n.state = 'valid' AND n.complete GROUP BY ALL ORDER BY ALL",
    ),
    Question(
        "How do executions end, and how near to their limits?",
        "SELECT outcome, count(*) AS executions, round(max(wall_seconds / wall_limit), 3) AS most_of_time,\n"
        "       round(max(peak_memory / memory_limit), 3) AS most_of_memory\n"
        "FROM executions GROUP BY outcome ORDER BY executions DESC",
    ),
    Question("Which past tasks are alike?", "FROM task_similarity ORDER BY similarity DESC LIMIT 20"),
    Question("What happened to the runs?", "FROM events ORDER BY moment DESC LIMIT 100"),
    Question(
        "How did models do in their examinations, task by task?",
        "SELECT m.created, m.model, t.task, t.scripts, t.with_code, t.ran, t.obeyed, t.beat_constant, t.fixed, t.debugs,\n"
        "       t.best, t.constant_score, round(m.tokens_per_second) AS tokens_per_second\n"
        "FROM model_exams m JOIN exam_tasks t USING (exam) ORDER BY m.created DESC, t.created",
    ),
    Question(
        "What is the share of valid nodes for each model?",
        "SELECT r.model, count(*) AS nodes, round(100 * avg((n.state = 'valid')::INT), 1) AS valid_percent\n"
        "FROM nodes n JOIN runs r USING (run_id) GROUP BY r.model ORDER BY valid_percent DESC",
    ),
    Question(
        "What do the tables and columns mean?",
        "SELECT table_name, column_name, data_type, comment FROM duckdb_columns()\n"
        "WHERE NOT internal AND schema_name = 'main' AND database_name = current_database()\n"
        "ORDER BY table_name, column_index",
    ),
)
