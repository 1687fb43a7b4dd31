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
