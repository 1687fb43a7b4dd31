-- Examinations of models: ordinary runs on the sample tasks, which say so, and are left out where searches are compared.

ALTER TABLE runs ADD COLUMN exam TEXT;
ALTER TABLE runs ADD COLUMN constant_score DOUBLE;
COMMENT ON COLUMN runs.exam IS 'The examination of the model that the run is a part of; null for a search.';
COMMENT ON COLUMN runs.constant_score IS 'The metric of the best constant guess, on the same rows; null where there is none.';
UPDATE runs SET constant_score = (summary->>'constant_score')::DOUBLE;

DROP VIEW leaderboard;
CREATE VIEW leaderboard AS
SELECT r.task, n.run_id, n.node, n.operator, n.metric, r.metric AS metric_name, r.direction, n.plan, r.model
FROM nodes n JOIN runs r USING (run_id)
WHERE n.state = 'valid' AND n.complete AND r.exam IS NULL
ORDER BY r.task, CASE WHEN r.direction = 'maximize' THEN -n.metric ELSE n.metric END;
COMMENT ON VIEW leaderboard IS 'Complete valid nodes of each task, the best first; without examinations of models.';

DROP VIEW gains;
CREATE VIEW gains AS
SELECT n.run_id, r.task, n.node, n.parent, n.operator, n.parent_metric, n.metric,
       CASE WHEN r.direction = 'maximize' THEN n.metric - n.parent_metric ELSE n.parent_metric - n.metric END AS gain,
       n.plan, r.model
FROM nodes n JOIN runs r USING (run_id)
WHERE n.complete AND n.parent_metric IS NOT NULL AND r.exam IS NULL;
COMMENT ON VIEW gains IS
    'Each node against its parent; a positive gain is better, whatever the metric''s direction. Without examinations.';

DROP VIEW task_similarity;
DROP VIEW tasks;
CREATE VIEW tasks AS
SELECT task_fingerprint, any_value(task) AS task, any_value(kind) AS kind, any_value(metric) AS metric,
       any_value(direction) AS direction, any_value(n_train) AS n_train, any_value(n_columns) AS n_columns,
       count(*) AS runs, min(created) AS first_run, max(created) AS last_run,
       CASE WHEN any_value(direction) = 'maximize' THEN max((summary->>'best_score')::DOUBLE)
            ELSE min((summary->>'best_score')::DOUBLE) END AS best_score
FROM runs WHERE exam IS NULL GROUP BY task_fingerprint ORDER BY last_run DESC;
COMMENT ON VIEW tasks IS
    'One row for each task that was ever searched, whatever its files are called and wherever they lie.';

CREATE VIEW task_similarity AS
SELECT a.task_fingerprint, b.task_fingerprint AS other_fingerprint, a.task, b.task AS other_task,
       a.runs, b.runs AS other_runs,
       (CASE WHEN a.kind = b.kind THEN 0.5 ELSE 0 END) + (CASE WHEN a.metric = b.metric THEN 0.2 ELSE 0 END)
       + 0.15 * exp(-abs(ln((a.n_train + 1.0) / (b.n_train + 1.0))))
       + 0.15 * exp(-abs(ln((a.n_columns + 1.0) / (b.n_columns + 1.0)))) AS similarity
FROM tasks a JOIN tasks b ON a.task_fingerprint <> b.task_fingerprint;
COMMENT ON VIEW task_similarity IS 'How alike two tasks are, from 0 to 1: kind, metric, rows and columns.';

CREATE VIEW exam_tasks AS
WITH written AS (
    SELECT n.run_id, count(*) AS scripts, count(*) FILTER (n.code <> '') AS with_code,
           count(*) FILTER (n.state = 'valid' OR e.kind IN ('predictions', 'score')) AS ran,
           count(*) FILTER (n.state = 'valid') AS obeyed,
           count(*) FILTER (n.complete AND CASE WHEN r.direction = 'maximize' THEN n.metric > r.constant_score
                                                ELSE n.metric < r.constant_score END) AS beat_constant,
           count(*) FILTER (n.operator = 'debug') AS debugs,
           count(*) FILTER (n.operator = 'debug' AND n.state = 'valid') AS fixed,
           CASE WHEN any_value(r.direction) = 'maximize' THEN max(n.metric) FILTER (n.complete)
                ELSE min(n.metric) FILTER (n.complete) END AS best
    FROM runs r JOIN nodes n USING (run_id) LEFT JOIN errors e USING (run_id, node)
    WHERE r.exam IS NOT NULL AND n.state IN ('valid', 'buggy') GROUP BY n.run_id),
said AS (
    SELECT g.run_id, sum(g.completion_tokens) AS reply_tokens, sum(g.decode_ms) / 1000 AS decode_seconds
    FROM runs r JOIN generations g USING (run_id) WHERE r.exam IS NOT NULL GROUP BY g.run_id)
SELECT r.exam, r.model, r.model_sha256, r.machine, r.created, r.run_id, r.state, r.task, r.metric, r.direction,
       coalesce(w.scripts, 0) AS scripts, coalesce(w.with_code, 0) AS with_code, coalesce(w.ran, 0) AS ran,
       coalesce(w.obeyed, 0) AS obeyed, coalesce(w.beat_constant, 0) AS beat_constant,
       coalesce(w.debugs, 0) AS debugs, coalesce(w.fixed, 0) AS fixed, w.best, r.constant_score,
       coalesce(CASE WHEN r.direction = 'maximize' THEN w.best > r.constant_score
                     ELSE w.best < r.constant_score END, false) AS solved,
       coalesce(s.reply_tokens, 0) AS reply_tokens, coalesce(s.decode_seconds, 0) AS decode_seconds,
       json_array_length(r.settings, '$.exam.tasks') AS wanted
FROM runs r LEFT JOIN written w USING (run_id) LEFT JOIN said s USING (run_id)
WHERE r.exam IS NOT NULL ORDER BY r.created DESC;
COMMENT ON VIEW exam_tasks IS
    'What a model did on each sample task of its examination: how many of its scripts came how far.';

CREATE VIEW model_exams AS
SELECT exam, any_value(model) AS model, any_value(model_sha256) AS model_sha256, any_value(machine) AS machine,
       min(created) AS created, count(*) AS tasks, max(wanted) AS tasks_wanted,
       count(*) FILTER (solved) AS solved, sum(scripts) AS scripts,
       round(100.0 * sum(with_code) / nullif(sum(scripts), 0), 1) AS code_percent,
       round(100.0 * sum(ran) / nullif(sum(scripts), 0), 1) AS ran_percent,
       round(100.0 * sum(obeyed) / nullif(sum(scripts), 0), 1) AS obeyed_percent,
       round(100.0 * sum(beat_constant) / nullif(sum(scripts), 0), 1) AS beat_constant_percent,
       sum(debugs) AS debugs, round(100.0 * sum(fixed) / nullif(sum(debugs), 0), 1) AS fixed_percent,
       sum(reply_tokens) / nullif(sum(decode_seconds), 0) AS tokens_per_second
FROM exam_tasks GROUP BY exam ORDER BY created DESC;
COMMENT ON VIEW model_exams IS
    'The examinations of models (`aide-local models exam`), the last first; each task of one is a row of exam_tasks.';

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
COMMENT ON COLUMN tasks.task_fingerprint IS 'Hash of kind, metric, targets and columns.';
COMMENT ON COLUMN tasks.task IS 'Its name, in one of its runs.';
COMMENT ON COLUMN tasks.kind IS 'binary, multiclass, multilabel or regression.';
COMMENT ON COLUMN tasks.metric IS 'The metric''s name.';
COMMENT ON COLUMN tasks.direction IS 'maximize or minimize.';
COMMENT ON COLUMN tasks.n_train IS 'Training rows.';
COMMENT ON COLUMN tasks.n_columns IS 'Feature columns.';
COMMENT ON COLUMN tasks.runs IS 'Number of runs, without examinations of models.';
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
COMMENT ON COLUMN exam_tasks.exam IS 'The examination.';
COMMENT ON COLUMN exam_tasks.model IS 'The model''s name.';
COMMENT ON COLUMN exam_tasks.model_sha256 IS 'Checksum of the GGUF file.';
COMMENT ON COLUMN exam_tasks.machine IS 'Host name, processor, cores.';
COMMENT ON COLUMN exam_tasks.created IS 'When the model began with this task, UTC.';
COMMENT ON COLUMN exam_tasks.run_id IS 'The run that it was.';
COMMENT ON COLUMN exam_tasks.state IS 'Of the run: finished, or stopped where its minutes were over or the person ended it.';
COMMENT ON COLUMN exam_tasks.task IS 'The sample task.';
COMMENT ON COLUMN exam_tasks.metric IS 'The metric''s name.';
COMMENT ON COLUMN exam_tasks.direction IS 'maximize or minimize.';
COMMENT ON COLUMN exam_tasks.scripts IS 'Scripts that the model was asked for.';
COMMENT ON COLUMN exam_tasks.with_code IS 'Of them, where the reply held code.';
COMMENT ON COLUMN exam_tasks.ran IS 'Of them, those that ran to their end; one that repeats an earlier one is not run.';
COMMENT ON COLUMN exam_tasks.obeyed IS 'Of them, those that left predictions as the contract wants them.';
COMMENT ON COLUMN exam_tasks.beat_constant IS 'Of them, those that predict better than the best constant guess.';
COMMENT ON COLUMN exam_tasks.debugs IS 'Scripts that were to mend a failed one.';
COMMENT ON COLUMN exam_tasks.fixed IS 'Of them, those that did.';
COMMENT ON COLUMN exam_tasks.best IS 'The best script''s metric.';
COMMENT ON COLUMN exam_tasks.constant_score IS 'The metric of the best constant guess.';
COMMENT ON COLUMN exam_tasks.solved IS 'Whether the best script beats the constant guess.';
COMMENT ON COLUMN exam_tasks.reply_tokens IS 'Tokens of all replies.';
COMMENT ON COLUMN exam_tasks.decode_seconds IS 'Seconds of writing them.';
COMMENT ON COLUMN exam_tasks.wanted IS 'Number of tasks of the whole examination.';
COMMENT ON COLUMN model_exams.exam IS 'The examination; the settings and parts of it are in runs.';
COMMENT ON COLUMN model_exams.model IS 'The model''s name.';
COMMENT ON COLUMN model_exams.model_sha256 IS 'Checksum of the GGUF file.';
COMMENT ON COLUMN model_exams.machine IS 'Host name, processor, cores.';
COMMENT ON COLUMN model_exams.created IS 'When it began, UTC.';
COMMENT ON COLUMN model_exams.tasks IS 'Tasks that were begun.';
COMMENT ON COLUMN model_exams.tasks_wanted IS 'Tasks of the whole examination.';
COMMENT ON COLUMN model_exams.solved IS 'Tasks on which the best script beats the constant guess.';
COMMENT ON COLUMN model_exams.scripts IS 'Scripts that the model was asked for.';
COMMENT ON COLUMN model_exams.code_percent IS 'Share of them where the reply held code.';
COMMENT ON COLUMN model_exams.ran_percent IS 'Share of them that ran to their end.';
COMMENT ON COLUMN model_exams.obeyed_percent IS 'Share of them that left predictions as the contract wants them.';
COMMENT ON COLUMN model_exams.beat_constant_percent IS 'Share of them that predict better than the best constant guess.';
COMMENT ON COLUMN model_exams.debugs IS 'Scripts that were to mend a failed one.';
COMMENT ON COLUMN model_exams.fixed_percent IS 'Share of them that did.';
COMMENT ON COLUMN model_exams.tokens_per_second IS 'Tokens of replies written in a second.';
