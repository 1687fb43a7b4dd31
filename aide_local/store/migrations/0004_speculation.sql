-- Prompt lookup decoding: how much of a reply was guessed from the prompt.

ALTER TABLE generations ADD COLUMN speculated_tokens INTEGER;
COMMENT ON COLUMN generations.speculated_tokens IS 'Tokens of the reply that were guessed from the prompt and confirmed, several at a time. Null in runs of earlier schemas.';

DROP VIEW model_speed;
CREATE VIEW model_speed AS
SELECT r.model, r.machine, count(*) AS generations,
       1000 * sum(g.prompt_tokens) / nullif(sum(g.prefill_ms), 0) AS prefill_tokens_per_second,
       1000 * sum(g.completion_tokens) / nullif(sum(g.decode_ms), 0) AS decode_tokens_per_second,
       100.0 * sum(g.cached_tokens) / nullif(sum(g.cached_tokens + g.prompt_tokens), 0) AS cached_percent,
       100.0 * sum(g.speculated_tokens)
           / nullif(sum(g.completion_tokens) FILTER (g.speculated_tokens IS NOT NULL), 0) AS speculated_percent
FROM generations g JOIN runs r USING (run_id) GROUP BY ALL;
COMMENT ON VIEW model_speed IS 'Tokens per second of each model on each machine.';
COMMENT ON COLUMN model_speed.model IS 'The model''s name.';
COMMENT ON COLUMN model_speed.machine IS 'Host name, processor, cores.';
COMMENT ON COLUMN model_speed.generations IS 'Number of replies.';
COMMENT ON COLUMN model_speed.prefill_tokens_per_second IS 'Tokens of prompts read in a second.';
COMMENT ON COLUMN model_speed.decode_tokens_per_second IS 'Tokens of replies written in a second.';
COMMENT ON COLUMN model_speed.cached_percent IS 'Share of the prompts'' tokens that were in the cache.';
COMMENT ON COLUMN model_speed.speculated_percent IS 'Share of the replies'' tokens that were guessed from the prompt and confirmed.';
