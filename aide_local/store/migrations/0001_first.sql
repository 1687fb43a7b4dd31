-- The first schema. Every table is keyed by run_id, so that runs can be gathered in one file.

CREATE TABLE runs (
    run_id TEXT PRIMARY KEY,
    task TEXT NOT NULL,
    task_fingerprint TEXT NOT NULL,
    kind TEXT NOT NULL,
    metric TEXT NOT NULL,
    direction TEXT NOT NULL,
    n_train BIGINT NOT NULL,
    n_columns INTEGER NOT NULL,
    model TEXT NOT NULL,
    model_sha256 TEXT NOT NULL,
    model_parameters BIGINT NOT NULL,
    model_reference TEXT NOT NULL,
    sandbox TEXT NOT NULL,
    seed BIGINT NOT NULL,
    policy TEXT NOT NULL,
    settings JSON NOT NULL,
    task_definition JSON NOT NULL,
    versions JSON NOT NULL,
    machine TEXT NOT NULL,
    out TEXT,
    state TEXT NOT NULL,
    stop_reason TEXT NOT NULL,
    created TIMESTAMP NOT NULL,
    resumed INTEGER NOT NULL,
    seconds_used DOUBLE NOT NULL,
    summary JSON
);
COMMENT ON TABLE runs IS 'One row for each search: what was asked, with what, and how it ended.';
COMMENT ON COLUMN runs.run_id IS 'Date, time, task and four random digits.';
COMMENT ON COLUMN runs.task IS 'The task''s name.';
COMMENT ON COLUMN runs.task_fingerprint IS 'Hash of the task''s kind, metric, targets and columns: the same task has the same.';
COMMENT ON COLUMN runs.kind IS 'binary, multiclass, multilabel or regression.';
COMMENT ON COLUMN runs.metric IS 'The metric''s name.';
COMMENT ON COLUMN runs.direction IS 'maximize or minimize.';
COMMENT ON COLUMN runs.n_train IS 'Training rows.';
COMMENT ON COLUMN runs.n_columns IS 'Feature columns.';
COMMENT ON COLUMN runs.model IS 'The model''s name.';
COMMENT ON COLUMN runs.model_sha256 IS 'Checksum of the GGUF file.';
COMMENT ON COLUMN runs.model_parameters IS 'Number of parameters.';
COMMENT ON COLUMN runs.model_reference IS 'Name or path by which the model is found again.';
COMMENT ON COLUMN runs.sandbox IS 'How candidates were confined: strict, landlock or limits.';
COMMENT ON COLUMN runs.seed IS 'Seed of every random choice.';
COMMENT ON COLUMN runs.policy IS 'The search policy.';
COMMENT ON COLUMN runs.settings IS 'All settings of the run.';
COMMENT ON COLUMN runs.task_definition IS 'The task as understood, with its files'' paths.';
COMMENT ON COLUMN runs.versions IS 'Versions of the product, the platform and the candidates'' packages.';
COMMENT ON COLUMN runs.machine IS 'Host name, processor, cores.';
COMMENT ON COLUMN runs.out IS 'Folder of the deliverables; null: in the run''s folder.';
COMMENT ON COLUMN runs.state IS 'running, paused, finished, stopped or failed. A run that was killed stays running or paused here; lists show it as interrupted.';
COMMENT ON COLUMN runs.stop_reason IS 'Why the run ended, in words.';
COMMENT ON COLUMN runs.created IS 'When the run began, UTC.';
COMMENT ON COLUMN runs.resumed IS 'How often the run was taken up again.';
COMMENT ON COLUMN runs.seconds_used IS 'Wall seconds of all processes of the run.';
COMMENT ON COLUMN runs.summary IS 'What was delivered: the keys of summary.json.';

CREATE TABLE nodes (
    run_id TEXT NOT NULL,
    node INTEGER NOT NULL,
    operator TEXT NOT NULL,
    parent INTEGER,
    other INTEGER,
    state TEXT NOT NULL,
    plan TEXT NOT NULL,
    code TEXT NOT NULL,
    metric DOUBLE,
    complete BOOLEAN NOT NULL,
    output TEXT NOT NULL,
    wall_seconds DOUBLE NOT NULL,
    cpu_seconds DOUBLE NOT NULL,
    peak_memory BIGINT NOT NULL,
    written BIGINT NOT NULL,
    dropped TEXT[] NOT NULL,
    ast_hash TEXT NOT NULL,
    hint TEXT NOT NULL,
    seed BIGINT NOT NULL,
    attempts INTEGER NOT NULL,
    predictions TEXT,
    updated TIMESTAMP NOT NULL,
    PRIMARY KEY (run_id, node)
);
COMMENT ON TABLE nodes IS 'One row for each candidate script and its result.';
COMMENT ON COLUMN nodes.run_id IS 'The run.';
COMMENT ON COLUMN nodes.node IS 'The step that made it, from 0.';
COMMENT ON COLUMN nodes.operator IS 'draft, debug, improve, merge or human.';
COMMENT ON COLUMN nodes.parent IS 'The node it was made from; null for drafts.';
COMMENT ON COLUMN nodes.other IS 'The second parent of a merge.';
COMMENT ON COLUMN nodes.state IS 'pending, valid, buggy or interrupted.';
COMMENT ON COLUMN nodes.plan IS 'What the model said it would do.';
COMMENT ON COLUMN nodes.code IS 'The script.';
COMMENT ON COLUMN nodes.metric IS 'The task''s metric on the out-of-fold predictions; null unless valid.';
COMMENT ON COLUMN nodes.complete IS 'False where racing stopped it before its last fold: never the best.';
COMMENT ON COLUMN nodes.output IS 'Head and tail of what the script printed, made harmless.';
COMMENT ON COLUMN nodes.wall_seconds IS 'Wall seconds of all its executions.';
COMMENT ON COLUMN nodes.cpu_seconds IS 'Processor seconds of all its executions.';
COMMENT ON COLUMN nodes.peak_memory IS 'Largest memory of its process tree, in bytes.';
COMMENT ON COLUMN nodes.written IS 'Bytes left in its working folder.';
COMMENT ON COLUMN nodes.dropped IS 'Sections of the prompt that were shortened or left out.';
COMMENT ON COLUMN nodes.ast_hash IS 'Hash of the script''s syntax tree: equal for scripts that do the same.';
COMMENT ON COLUMN nodes.hint IS 'Words of the person that went into the prompt.';
COMMENT ON COLUMN nodes.seed IS 'Seed of the generation.';
COMMENT ON COLUMN nodes.attempts IS 'How often it was begun; 2 after a kill.';
COMMENT ON COLUMN nodes.predictions IS 'Parquet file of its predictions, relative to the run''s folder.';
COMMENT ON COLUMN nodes.updated IS 'When the row was last written, UTC.';

CREATE TABLE folds (
    run_id TEXT NOT NULL,
    node INTEGER NOT NULL,
    fold INTEGER NOT NULL,
    score DOUBLE,
    wall_seconds DOUBLE NOT NULL,
    cpu_seconds DOUBLE NOT NULL,
    peak_memory BIGINT NOT NULL,
    written BIGINT NOT NULL,
    PRIMARY KEY (run_id, node, fold)
);
COMMENT ON TABLE folds IS 'One row for each execution of a node: the same folds for every node of a run.';
COMMENT ON COLUMN folds.run_id IS 'The run.';
COMMENT ON COLUMN folds.node IS 'The node.';
COMMENT ON COLUMN folds.fold IS 'The fold, from 0.';
COMMENT ON COLUMN folds.score IS 'The metric on the fold''s rows; null where it failed.';
COMMENT ON COLUMN folds.wall_seconds IS 'Wall seconds of the execution.';
COMMENT ON COLUMN folds.cpu_seconds IS 'Processor seconds of the execution.';
COMMENT ON COLUMN folds.peak_memory IS 'Largest memory of its process tree, in bytes.';
COMMENT ON COLUMN folds.written IS 'Bytes left in its working folder.';

CREATE TABLE errors (
    run_id TEXT NOT NULL,
    node INTEGER NOT NULL,
    kind TEXT NOT NULL,
    type TEXT NOT NULL,
    message TEXT NOT NULL,
    line INTEGER,
    signature TEXT NOT NULL,
    traceback TEXT NOT NULL,
    PRIMARY KEY (run_id, node)
);
COMMENT ON TABLE errors IS 'Why a node is buggy.';
COMMENT ON COLUMN errors.run_id IS 'The run.';
COMMENT ON COLUMN errors.node IS 'The node.';
COMMENT ON COLUMN errors.kind IS 'exception, timeout, memory, syntax, import, repeat, predictions, score, no_code, ….';
COMMENT ON COLUMN errors.type IS 'Class of the exception, or a short name.';
COMMENT ON COLUMN errors.message IS 'What was wrong.';
COMMENT ON COLUMN errors.line IS 'Line of the script.';
COMMENT ON COLUMN errors.signature IS 'Type and message without names and numbers: equal for errors of the same sort.';
COMMENT ON COLUMN errors.traceback IS 'End of the traceback.';

CREATE TABLE generations (
    run_id TEXT NOT NULL,
    node INTEGER NOT NULL,
    attempt INTEGER NOT NULL,
    purpose TEXT NOT NULL,
    prompt TEXT NOT NULL,
    reply TEXT NOT NULL,
    finish TEXT NOT NULL,
    seed BIGINT NOT NULL,
    prompt_tokens INTEGER NOT NULL,
    cached_tokens INTEGER NOT NULL,
    completion_tokens INTEGER NOT NULL,
    prefill_ms DOUBLE NOT NULL,
    decode_ms DOUBLE NOT NULL,
    moment TIMESTAMP NOT NULL
);
COMMENT ON TABLE generations IS 'What the model saw and said, and what it cost.';
COMMENT ON COLUMN generations.run_id IS 'The run.';
COMMENT ON COLUMN generations.node IS 'The node it was for.';
COMMENT ON COLUMN generations.attempt IS 'Of the node, from 1.';
COMMENT ON COLUMN generations.purpose IS 'script, reask, review or digest.';
COMMENT ON COLUMN generations.prompt IS 'The whole prompt, as the model saw it.';
COMMENT ON COLUMN generations.reply IS 'The whole reply.';
COMMENT ON COLUMN generations.finish IS 'stop, or length where it was cut.';
COMMENT ON COLUMN generations.seed IS 'Seed of the sampling.';
COMMENT ON COLUMN generations.prompt_tokens IS 'Tokens of the prompt that were evaluated.';
COMMENT ON COLUMN generations.cached_tokens IS 'Tokens of the prompt that were in the cache.';
COMMENT ON COLUMN generations.completion_tokens IS 'Tokens of the reply.';
COMMENT ON COLUMN generations.prefill_ms IS 'Milliseconds for the prompt.';
COMMENT ON COLUMN generations.decode_ms IS 'Milliseconds for the reply.';
COMMENT ON COLUMN generations.moment IS 'When it ended, UTC.';

CREATE TABLE events (
    run_id TEXT NOT NULL,
    moment TIMESTAMP NOT NULL,
    kind TEXT NOT NULL,
    payload JSON NOT NULL
);
COMMENT ON TABLE events IS 'What happened to the run: steering by the person, pauses, trouble, ends.';
COMMENT ON COLUMN events.run_id IS 'The run.';
COMMENT ON COLUMN events.moment IS 'When, UTC.';
COMMENT ON COLUMN events.kind IS 'started, resumed, paused, stopped, ….';
COMMENT ON COLUMN events.payload IS 'What belongs to the kind.';

CREATE TABLE ensembles (
    run_id TEXT NOT NULL,
    node INTEGER NOT NULL,
    weight DOUBLE NOT NULL,
    PRIMARY KEY (run_id, node)
);
COMMENT ON TABLE ensembles IS 'The nodes whose predictions were delivered, with their weights.';
COMMENT ON COLUMN ensembles.run_id IS 'The run.';
COMMENT ON COLUMN ensembles.node IS 'The node.';
COMMENT ON COLUMN ensembles.weight IS 'Its share; the weights of a run sum to 1.';

CREATE VIEW leaderboard AS
SELECT r.task, n.run_id, n.node, n.operator, n.metric, r.metric AS metric_name, r.direction, n.plan, r.model
FROM nodes n JOIN runs r USING (run_id)
WHERE n.state = 'valid' AND n.complete
ORDER BY r.task, CASE WHEN r.direction = 'maximize' THEN -n.metric ELSE n.metric END;
COMMENT ON VIEW leaderboard IS 'Complete valid nodes of each task, the best first.';

CREATE VIEW gains AS
SELECT n.run_id, r.task, n.node, n.parent, n.operator, p.metric AS parent_metric, n.metric,
       CASE WHEN r.direction = 'maximize' THEN n.metric - p.metric ELSE p.metric - n.metric END AS gain,
       n.plan, r.model
FROM nodes n JOIN nodes p ON p.run_id = n.run_id AND p.node = n.parent JOIN runs r ON r.run_id = n.run_id
WHERE n.complete AND p.complete;
COMMENT ON VIEW gains IS 'Each node against its parent; a positive gain is better, whatever the metric''s direction.';

CREATE VIEW lineage AS
WITH RECURSIVE up AS (
    SELECT run_id, node AS leaf, node, parent, 0 AS steps FROM nodes
    UNION ALL
    SELECT u.run_id, u.leaf, n.node, n.parent, u.steps + 1
    FROM up u JOIN nodes n ON n.run_id = u.run_id AND n.node = u.parent
)
SELECT run_id, leaf, node, steps FROM up;
COMMENT ON VIEW lineage IS 'For each node (leaf) its ancestors, with the number of steps up.';

CREATE VIEW operator_stats AS
SELECT n.run_id, r.task, r.model, n.operator, count(*) AS nodes,
       count(*) FILTER (n.state = 'valid') AS valid,
       round(100.0 * count(*) FILTER (n.state = 'valid') / count(*), 1) AS valid_percent,
       count(*) FILTER (g.gain > 0) AS gained, avg(g.gain) AS mean_gain, sum(n.wall_seconds) AS wall_seconds
FROM nodes n JOIN runs r USING (run_id) LEFT JOIN gains g ON g.run_id = n.run_id AND g.node = n.node
GROUP BY ALL;
COMMENT ON VIEW operator_stats IS 'For each run and operator: nodes, valid ones, and what they gained on their parents.';

CREATE VIEW error_signatures AS
SELECT e.signature, count(*) AS nodes, count(DISTINCT e.run_id) AS runs, any_value(e.message) AS example,
       count(*) FILTER (EXISTS (
           SELECT 1 FROM nodes c WHERE c.run_id = e.run_id AND c.parent = e.node AND c.operator = 'debug'
             AND c.state = 'valid')) AS fixed
FROM errors e GROUP BY e.signature ORDER BY count(*) DESC;
COMMENT ON VIEW error_signatures IS 'Errors of the same sort, how often they came and how often a debug node fixed them.';

CREATE VIEW model_speed AS
SELECT r.model, r.machine, count(*) AS generations,
       1000 * sum(g.prompt_tokens) / nullif(sum(g.prefill_ms), 0) AS prefill_tokens_per_second,
       1000 * sum(g.completion_tokens) / nullif(sum(g.decode_ms), 0) AS decode_tokens_per_second,
       100.0 * sum(g.cached_tokens) / nullif(sum(g.cached_tokens + g.prompt_tokens), 0) AS cached_percent
FROM generations g JOIN runs r USING (run_id) GROUP BY ALL;
COMMENT ON VIEW model_speed IS 'Tokens per second of each model on each machine.';

CREATE VIEW cost AS
SELECT n.run_id, r.task, r.model, n.node, n.operator, n.state, n.wall_seconds AS execution_seconds,
       coalesce(g.seconds, 0) AS generation_seconds, coalesce(g.tokens, 0) AS completion_tokens
FROM nodes n JOIN runs r USING (run_id) LEFT JOIN (
    SELECT run_id, node, sum(prefill_ms + decode_ms) / 1000 AS seconds, sum(completion_tokens) AS tokens
    FROM generations GROUP BY ALL) g ON g.run_id = n.run_id AND g.node = n.node;
COMMENT ON VIEW cost IS 'What each node cost: seconds of execution, seconds and tokens of generation.';

CREATE VIEW best_so_far AS
SELECT run_id, n.node, n.updated, n.metric,
       CASE WHEN r.direction = 'maximize' THEN max(n.metric) OVER w ELSE min(n.metric) OVER w END AS best
FROM nodes n JOIN runs r USING (run_id) WHERE n.state = 'valid' AND n.complete
WINDOW w AS (PARTITION BY run_id ORDER BY n.node ROWS UNBOUNDED PRECEDING);
COMMENT ON VIEW best_so_far IS 'The best metric of each run after each of its valid nodes.';

CREATE VIEW task_similarity AS
SELECT a.run_id, b.run_id AS other, a.task, b.task AS other_task,
       (a.task_fingerprint = b.task_fingerprint) AS same_task,
       (CASE WHEN a.kind = b.kind THEN 0.5 ELSE 0 END) + (CASE WHEN a.metric = b.metric THEN 0.2 ELSE 0 END)
       + 0.15 * exp(-abs(ln((a.n_train + 1.0) / (b.n_train + 1.0))))
       + 0.15 * exp(-abs(ln((a.n_columns + 1.0) / (b.n_columns + 1.0)))) AS similarity
FROM runs a JOIN runs b ON a.run_id <> b.run_id;
COMMENT ON VIEW task_similarity IS 'How alike the tasks of two runs are, from 0 to 1: kind, metric, rows and columns.';
