-- Where nodes come from, what a choice did not wait for, and what a run's answer is worth.
-- DuckDB sets NOT NULL only while the table has no changed rows in the transaction: first the columns, then the rows.

ALTER TABLE nodes ADD COLUMN origin TEXT DEFAULT 'model';
ALTER TABLE nodes ADD COLUMN in_flight INTEGER[] DEFAULT [];
ALTER TABLE nodes ADD COLUMN settled DOUBLE;
ALTER TABLE nodes ALTER COLUMN origin SET NOT NULL;
ALTER TABLE nodes ALTER COLUMN in_flight SET NOT NULL;
COMMENT ON COLUMN nodes.origin IS 'Who thought of it: model, playbook, person, history or tuner.';
COMMENT ON COLUMN nodes.in_flight IS 'Nodes that were not finished when this one was chosen. Empty in runs of earlier schemas.';
COMMENT ON COLUMN nodes.settled IS 'Seconds from the beginning of the run until the node was finished; null until then, and in runs of earlier schemas.';
UPDATE nodes SET origin = 'person' WHERE operator = 'human';

ALTER TABLE runs ADD COLUMN cores INTEGER;
ALTER TABLE runs ADD COLUMN estimate DOUBLE;
ALTER TABLE runs ADD COLUMN interval_low DOUBLE;
ALTER TABLE runs ADD COLUMN interval_high DOUBLE;
ALTER TABLE runs ADD COLUMN writing_seconds DOUBLE;
ALTER TABLE runs ADD COLUMN executing_seconds DOUBLE;
COMMENT ON COLUMN runs.cores IS 'Processor cores that the model and the candidates share. Null in runs of earlier schemas.';
COMMENT ON COLUMN runs.estimate IS 'The score of what is delivered, its weights cross-fitted: none is fitted on the rows that it is scored on. Null until then.';
COMMENT ON COLUMN runs.interval_low IS 'Lower end of the 95 % interval of the score that is shown; null where there is none.';
COMMENT ON COLUMN runs.interval_high IS 'Upper end of the 95 % interval of the score that is shown; null where there is none.';
COMMENT ON COLUMN runs.writing_seconds IS 'Wall seconds in which the model wrote. Null in runs of earlier schemas.';
COMMENT ON COLUMN runs.executing_seconds IS 'Wall seconds in which at least one candidate was executed. Null in runs of earlier schemas.';

COMMENT ON COLUMN nodes.operator IS 'draft, debug, improve, merge, human or tune.';
COMMENT ON COLUMN leaderboard.operator IS 'draft, debug, improve, merge, human or tune.';
COMMENT ON COLUMN operator_stats.operator IS 'draft, debug, improve, merge, human or tune.';
COMMENT ON TABLE generations IS 'Each reply of the model, with its prompt and what it cost.';
COMMENT ON TABLE runs IS 'One row for each run: what was asked for, on which machine, and how it ended.';
COMMENT ON COLUMN errors.kind IS 'exception, timeout, memory, syntax, import, repeat, predictions, score, no_code, and so on.';
COMMENT ON COLUMN events.kind IS 'started, resumed, paused, stopped, and so on.';
COMMENT ON COLUMN events.payload IS 'Details, by kind.';
COMMENT ON COLUMN executions.fold IS 'The fold, from 0; 0 if the task has none.';
COMMENT ON COLUMN executions.exit_code IS 'Of the process; null if a signal ended it.';
COMMENT ON COLUMN folds.score IS 'The metric on the fold''s rows; null if it failed.';
COMMENT ON COLUMN generations.purpose IS 'script, reask (of a reply that was no script), review (of a printed score) or digest.';
COMMENT ON COLUMN generations.finish IS 'stop, or length if it was cut.';
COMMENT ON COLUMN nodes.node IS 'Its number in the run, from 0.';
COMMENT ON COLUMN nodes.plan IS 'What the script does, in the words of who wrote it.';
COMMENT ON COLUMN nodes.complete IS 'False if racing stopped it before its last fold: never the best.';
COMMENT ON COLUMN nodes.attempts IS 'How often it was started; 2 after a kill.';
COMMENT ON COLUMN runs.resumed IS 'How often the run was resumed.';
COMMENT ON COLUMN runs.exam IS 'The examination of the model that the run is a part of; null for a search.';
COMMENT ON COLUMN runs.constant_score IS 'The metric of the best constant guess, on the same rows; null if there is none.';
COMMENT ON COLUMN runs.task_fingerprint IS 'Hash of the task''s kind, metric, targets and columns: equal for the same task.';
COMMENT ON COLUMN cost.operator IS 'draft, debug, improve, merge, human or tune.';
COMMENT ON COLUMN gains.operator IS 'draft, debug, improve, merge, human or tune.';
COMMENT ON COLUMN gains.plan IS 'What the script does, in the words of who wrote it.';
COMMENT ON COLUMN leaderboard.plan IS 'What the script does, in the words of who wrote it.';
COMMENT ON COLUMN lineage.leaf IS 'The node whose ancestors are listed.';
COMMENT ON COLUMN error_signatures.fixed IS 'Nodes that a debug node fixed.';
COMMENT ON COLUMN exam_tasks.state IS 'Of the run: finished, or stopped if its minutes were over or the person ended it.';
COMMENT ON COLUMN exam_tasks.with_code IS 'Of them, those with code in the reply.';
COMMENT ON COLUMN exam_tasks.debugs IS 'Scripts that were to fix a failed one.';
COMMENT ON COLUMN model_exams.tasks IS 'Tasks that were started.';
COMMENT ON COLUMN model_exams.code_percent IS 'Share of them with code in the reply.';
COMMENT ON COLUMN model_exams.debugs IS 'Scripts that were to fix a failed one.';
