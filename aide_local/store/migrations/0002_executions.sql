-- Executions, checksums and sampling; what views used to compute for each question is kept with the node.

CREATE TABLE executions (
    run_id TEXT NOT NULL,
    node INTEGER NOT NULL,
    attempt INTEGER NOT NULL,
    fold INTEGER NOT NULL,
    outcome TEXT NOT NULL,
    exit_code INTEGER,
    signal INTEGER,
    output TEXT NOT NULL,
    wall_seconds DOUBLE NOT NULL,
    cpu_seconds DOUBLE NOT NULL,
    peak_memory BIGINT NOT NULL,
    written BIGINT NOT NULL,
    wall_limit DOUBLE,
    cpu_limit DOUBLE,
    memory_limit BIGINT,
    moment TIMESTAMP NOT NULL
);
COMMENT ON TABLE executions IS 'How each execution of a script ended, also of attempts that were repeated after a kill.';
COMMENT ON COLUMN executions.run_id IS 'The run.';
COMMENT ON COLUMN executions.node IS 'The node.';
COMMENT ON COLUMN executions.attempt IS 'Of the node, from 1.';
COMMENT ON COLUMN executions.fold IS 'The fold, from 0; 0 where the task has none.';
COMMENT ON COLUMN executions.outcome IS 'ok, exception, timeout, cpu_time, memory, output_flood, disk, processes, signal or refused.';
COMMENT ON COLUMN executions.exit_code IS 'Of the process; null where a signal ended it.';
COMMENT ON COLUMN executions.signal IS 'The signal that ended it, else null.';
COMMENT ON COLUMN executions.output IS 'The end of what it printed, at most 4,000 characters, made harmless.';
COMMENT ON COLUMN executions.wall_seconds IS 'Wall seconds.';
COMMENT ON COLUMN executions.cpu_seconds IS 'Processor seconds of its process tree.';
COMMENT ON COLUMN executions.peak_memory IS 'Largest memory of its process tree, in bytes.';
COMMENT ON COLUMN executions.written IS 'Bytes left in its working folder.';
COMMENT ON COLUMN executions.wall_limit IS 'Wall seconds that it was allowed; null: no limit.';
COMMENT ON COLUMN executions.cpu_limit IS 'Processor seconds that it was allowed; null: no limit.';
COMMENT ON COLUMN executions.memory_limit IS 'Bytes that its process tree was allowed; null: no limit.';
COMMENT ON COLUMN executions.moment IS 'When it was recorded, UTC.';

CREATE TABLE predictions (
    run_id TEXT NOT NULL,
    node INTEGER NOT NULL,
    file TEXT NOT NULL,
    bytes BIGINT NOT NULL,
    sha256 TEXT NOT NULL,
    PRIMARY KEY (run_id, node)
);
COMMENT ON TABLE predictions IS
    'The Parquet file of a node''s out-of-fold and test predictions; `aide-local sql --predictions RUN` shows the rows.';
COMMENT ON COLUMN predictions.run_id IS 'The run.';
COMMENT ON COLUMN predictions.node IS 'The node.';
COMMENT ON COLUMN predictions.file IS 'Relative to the run''s folder. Columns: part (oof, report, test), row, fold, p0, p1, ….';
COMMENT ON COLUMN predictions.bytes IS 'Size of the file.';
COMMENT ON COLUMN predictions.sha256 IS 'Checksum of the file; `aide-local verify` compares it.';

ALTER TABLE generations ADD COLUMN temperature DOUBLE;
ALTER TABLE generations ADD COLUMN top_p DOUBLE;
ALTER TABLE generations ADD COLUMN top_k INTEGER;
ALTER TABLE generations ADD COLUMN min_p DOUBLE;
ALTER TABLE generations ADD COLUMN max_tokens INTEGER;
ALTER TABLE generations ADD COLUMN dropped TEXT[];
COMMENT ON COLUMN generations.temperature IS 'Of the sampling; 0: always the likeliest token. Null in runs of the first schema.';
COMMENT ON COLUMN generations.top_p IS 'Share of the probability that was sampled from.';
COMMENT ON COLUMN generations.top_k IS 'Number of tokens that were sampled from.';
COMMENT ON COLUMN generations.min_p IS 'Least probability, as a share of the likeliest token''s.';
COMMENT ON COLUMN generations.max_tokens IS 'Tokens that the reply was allowed.';
COMMENT ON COLUMN generations.dropped IS 'Sections of this prompt that were shortened or left out.';

ALTER TABLE nodes ADD COLUMN path INTEGER[];
ALTER TABLE nodes ADD COLUMN parent_metric DOUBLE;
ALTER TABLE nodes ADD COLUMN generation_seconds DOUBLE;
ALTER TABLE nodes ADD COLUMN completion_tokens BIGINT;
COMMENT ON COLUMN nodes.path IS 'The node, its parent, and so on to the root.';
COMMENT ON COLUMN nodes.parent_metric IS 'The parent''s metric; null unless the parent was complete.';
COMMENT ON COLUMN nodes.generation_seconds IS 'Seconds of the model for this node.';
COMMENT ON COLUMN nodes.completion_tokens IS 'Tokens of the replies for this node.';

UPDATE nodes SET path = p.path FROM (
    WITH RECURSIVE down AS (
        SELECT run_id, node, [node] AS path FROM nodes WHERE parent IS NULL
        UNION ALL
        SELECT n.run_id, n.node, list_prepend(n.node, d.path)
        FROM nodes n JOIN down d ON n.run_id = d.run_id AND n.parent = d.node
    ) SELECT * FROM down) p
WHERE nodes.run_id = p.run_id AND nodes.node = p.node;
UPDATE nodes SET parent_metric = p.metric FROM (SELECT run_id, node, metric FROM nodes WHERE complete) p
WHERE nodes.run_id = p.run_id AND nodes.parent = p.node;
UPDATE nodes SET generation_seconds = 0, completion_tokens = 0;
UPDATE nodes SET generation_seconds = g.seconds, completion_tokens = g.tokens FROM (
    SELECT run_id, node, sum(prefill_ms + decode_ms) / 1000 AS seconds, sum(completion_tokens) AS tokens
    FROM generations GROUP BY ALL) g
WHERE nodes.run_id = g.run_id AND nodes.node = g.node;

DROP VIEW gains;
CREATE VIEW gains AS
SELECT n.run_id, r.task, n.node, n.parent, n.operator, n.parent_metric, n.metric,
       CASE WHEN r.direction = 'maximize' THEN n.metric - n.parent_metric ELSE n.parent_metric - n.metric END AS gain,
       n.plan, r.model
FROM nodes n JOIN runs r USING (run_id)
WHERE n.complete AND n.parent_metric IS NOT NULL;
COMMENT ON VIEW gains IS 'Each node against its parent; a positive gain is better, whatever the metric''s direction.';

DROP VIEW lineage;
CREATE VIEW lineage AS
SELECT run_id, node AS leaf, unnest(path) AS node, generate_subscripts(path, 1) - 1 AS steps FROM nodes;
COMMENT ON VIEW lineage IS 'For each node (leaf) its ancestors, with the number of steps up.';

DROP VIEW operator_stats;
CREATE VIEW operator_stats AS
WITH each AS (
    SELECT run_id, operator, count(*) AS nodes, count(*) FILTER (state = 'valid') AS valid,
           count(*) FILTER (complete AND metric > parent_metric) AS more,
           count(*) FILTER (complete AND metric < parent_metric) AS less,
           avg(metric - parent_metric) FILTER (complete) AS rise, sum(wall_seconds) AS wall_seconds
    FROM nodes GROUP BY ALL)
SELECT e.run_id, r.task, r.model, e.operator, e.nodes, e.valid, round(100.0 * e.valid / e.nodes, 1) AS valid_percent,
       CASE WHEN r.direction = 'maximize' THEN e.more ELSE e.less END AS gained,
       CASE WHEN r.direction = 'maximize' THEN e.rise ELSE -e.rise END AS mean_gain, e.wall_seconds
FROM each e JOIN runs r USING (run_id);
COMMENT ON VIEW operator_stats IS 'For each run and operator: nodes, valid ones, and what they gained on their parents.';

DROP VIEW cost;
CREATE VIEW cost AS
SELECT n.run_id, r.task, r.model, n.node, n.operator, n.state, n.wall_seconds AS execution_seconds,
       n.generation_seconds, n.completion_tokens
FROM nodes n JOIN runs r USING (run_id);
COMMENT ON VIEW cost IS 'What each node cost: seconds of execution, seconds and tokens of generation.';

CREATE VIEW tasks AS
SELECT task_fingerprint, any_value(task) AS task, any_value(kind) AS kind, any_value(metric) AS metric,
       any_value(direction) AS direction, any_value(n_train) AS n_train, any_value(n_columns) AS n_columns,
       count(*) AS runs, min(created) AS first_run, max(created) AS last_run,
       CASE WHEN any_value(direction) = 'maximize' THEN max((summary->>'best_score')::DOUBLE)
            ELSE min((summary->>'best_score')::DOUBLE) END AS best_score
FROM runs GROUP BY task_fingerprint ORDER BY last_run DESC;
COMMENT ON VIEW tasks IS 'One row for each task that was ever searched, whatever its files are called and wherever they lie.';

DROP VIEW task_similarity;
CREATE VIEW task_similarity AS
SELECT a.task_fingerprint, b.task_fingerprint AS other_fingerprint, a.task, b.task AS other_task,
       a.runs, b.runs AS other_runs,
       (CASE WHEN a.kind = b.kind THEN 0.5 ELSE 0 END) + (CASE WHEN a.metric = b.metric THEN 0.2 ELSE 0 END)
       + 0.15 * exp(-abs(ln((a.n_train + 1.0) / (b.n_train + 1.0))))
       + 0.15 * exp(-abs(ln((a.n_columns + 1.0) / (b.n_columns + 1.0)))) AS similarity
FROM tasks a JOIN tasks b ON a.task_fingerprint <> b.task_fingerprint;
COMMENT ON VIEW task_similarity IS 'How alike two tasks are, from 0 to 1: kind, metric, rows and columns.';

CREATE VIEW resumptions AS
SELECT run_id, moment, payload->>'state' AS from_state, (payload->>'nodes')::INTEGER AS from_nodes,
       payload->>'machine' AS machine
FROM events WHERE kind = 'resumed' AND payload->>'machine' IS NOT NULL;
COMMENT ON VIEW resumptions IS 'Each time a process took a run up again, and what it found.';

COMMENT ON COLUMN leaderboard.task IS 'The task''s name.';
COMMENT ON COLUMN leaderboard.run_id IS 'The run.';
COMMENT ON COLUMN leaderboard.node IS 'The node.';
COMMENT ON COLUMN leaderboard.operator IS 'draft, debug, improve, merge or human.';
COMMENT ON COLUMN leaderboard.metric IS 'The task''s metric on the out-of-fold predictions.';
COMMENT ON COLUMN leaderboard.metric_name IS 'The metric''s name.';
COMMENT ON COLUMN leaderboard.direction IS 'maximize or minimize.';
COMMENT ON COLUMN leaderboard.plan IS 'What the model said it would do.';
COMMENT ON COLUMN leaderboard.model IS 'The model''s name.';
COMMENT ON COLUMN gains.run_id IS 'The run.';
COMMENT ON COLUMN gains.task IS 'The task''s name.';
COMMENT ON COLUMN gains.node IS 'The node.';
COMMENT ON COLUMN gains.parent IS 'The node it was made from.';
COMMENT ON COLUMN gains.operator IS 'What made it.';
COMMENT ON COLUMN gains.parent_metric IS 'The parent''s metric.';
COMMENT ON COLUMN gains.metric IS 'The node''s metric.';
COMMENT ON COLUMN gains.gain IS 'How much better than the parent; positive is better.';
COMMENT ON COLUMN gains.plan IS 'What the model said it would do.';
COMMENT ON COLUMN gains.model IS 'The model''s name.';
COMMENT ON COLUMN lineage.run_id IS 'The run.';
COMMENT ON COLUMN lineage.leaf IS 'The node whose ancestors are told.';
COMMENT ON COLUMN lineage.node IS 'The ancestor; the leaf itself at 0 steps.';
COMMENT ON COLUMN lineage.steps IS 'Steps from the leaf up.';
COMMENT ON COLUMN operator_stats.run_id IS 'The run.';
COMMENT ON COLUMN operator_stats.task IS 'The task''s name.';
COMMENT ON COLUMN operator_stats.model IS 'The model''s name.';
COMMENT ON COLUMN operator_stats.operator IS 'draft, debug, improve, merge or human.';
COMMENT ON COLUMN operator_stats.nodes IS 'Number of nodes.';
COMMENT ON COLUMN operator_stats.valid IS 'Valid ones.';
COMMENT ON COLUMN operator_stats.valid_percent IS 'Their share.';
COMMENT ON COLUMN operator_stats.gained IS 'Nodes that are better than their parent.';
COMMENT ON COLUMN operator_stats.mean_gain IS 'Mean gain of complete nodes with a complete parent.';
COMMENT ON COLUMN operator_stats.wall_seconds IS 'Wall seconds of their executions.';
COMMENT ON COLUMN error_signatures.signature IS 'Type and message without names and numbers.';
COMMENT ON COLUMN error_signatures.nodes IS 'Nodes with such an error.';
COMMENT ON COLUMN error_signatures.runs IS 'Runs with such an error.';
COMMENT ON COLUMN error_signatures.example IS 'One whole message.';
COMMENT ON COLUMN error_signatures.fixed IS 'Nodes that a debug node mended.';
COMMENT ON COLUMN model_speed.model IS 'The model''s name.';
COMMENT ON COLUMN model_speed.machine IS 'Host name, processor, cores.';
COMMENT ON COLUMN model_speed.generations IS 'Number of replies.';
COMMENT ON COLUMN model_speed.prefill_tokens_per_second IS 'Tokens of prompts read in a second.';
COMMENT ON COLUMN model_speed.decode_tokens_per_second IS 'Tokens of replies written in a second.';
COMMENT ON COLUMN model_speed.cached_percent IS 'Share of the prompts'' tokens that were in the cache.';
COMMENT ON COLUMN cost.run_id IS 'The run.';
COMMENT ON COLUMN cost.task IS 'The task''s name.';
COMMENT ON COLUMN cost.model IS 'The model''s name.';
COMMENT ON COLUMN cost.node IS 'The node.';
COMMENT ON COLUMN cost.operator IS 'What made it.';
COMMENT ON COLUMN cost.state IS 'pending, valid, buggy or interrupted.';
COMMENT ON COLUMN cost.execution_seconds IS 'Wall seconds of all its executions.';
COMMENT ON COLUMN cost.generation_seconds IS 'Seconds of the model for it.';
COMMENT ON COLUMN cost.completion_tokens IS 'Tokens of the replies for it.';
COMMENT ON COLUMN best_so_far.run_id IS 'The run.';
COMMENT ON COLUMN best_so_far.node IS 'The node.';
COMMENT ON COLUMN best_so_far.updated IS 'When it was finished, UTC.';
COMMENT ON COLUMN best_so_far.metric IS 'Its metric.';
COMMENT ON COLUMN best_so_far.best IS 'The best metric of the run up to this node.';
COMMENT ON COLUMN tasks.task_fingerprint IS 'Hash of kind, metric, targets and columns.';
COMMENT ON COLUMN tasks.task IS 'Its name, in one of its runs.';
COMMENT ON COLUMN tasks.kind IS 'binary, multiclass, multilabel or regression.';
COMMENT ON COLUMN tasks.metric IS 'The metric''s name.';
COMMENT ON COLUMN tasks.direction IS 'maximize or minimize.';
COMMENT ON COLUMN tasks.n_train IS 'Training rows.';
COMMENT ON COLUMN tasks.n_columns IS 'Feature columns.';
COMMENT ON COLUMN tasks.runs IS 'Number of runs.';
COMMENT ON COLUMN tasks.first_run IS 'When the first began, UTC.';
COMMENT ON COLUMN tasks.last_run IS 'When the last began, UTC.';
COMMENT ON COLUMN tasks.best_score IS 'The best delivered score of a single script.';
COMMENT ON COLUMN task_similarity.task_fingerprint IS 'One task.';
COMMENT ON COLUMN task_similarity.other_fingerprint IS 'Another.';
COMMENT ON COLUMN task_similarity.task IS 'The one''s name.';
COMMENT ON COLUMN task_similarity.other_task IS 'The other''s name.';
COMMENT ON COLUMN task_similarity.runs IS 'Runs of the one.';
COMMENT ON COLUMN task_similarity.other_runs IS 'Runs of the other.';
COMMENT ON COLUMN task_similarity.similarity IS 'From 0 to 1.';
COMMENT ON COLUMN resumptions.run_id IS 'The run.';
COMMENT ON COLUMN resumptions.moment IS 'When, UTC.';
COMMENT ON COLUMN resumptions.from_state IS 'The state that the run was left in.';
COMMENT ON COLUMN resumptions.from_nodes IS 'Nodes that were finished by then.';
COMMENT ON COLUMN resumptions.machine IS 'Where it went on.';
