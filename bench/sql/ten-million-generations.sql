-- Fills a migrated, empty database: 10,000,000 generations over the year that ends now, of 10,000 users and 24 models,
-- and the usage_days that follow from them. About 6 GB. `bench/statistics-plans.ts` runs it. For less:
-- PGOPTIONS='-c parley.generations=100000'.

SELECT set_config('parley.generations', coalesce(nullif(current_setting('parley.generations', true), ''), '10000000'), false);
SET synchronous_commit = off;
-- No foreign key checks: every row below fits.
SET session_replication_role = replica;

-- A UUIDv7 of second `n` of the year: sorts by n, as the ids of the application do. The salt keeps two of one second apart.
CREATE FUNCTION pg_temp.id(n bigint, salt text) RETURNS uuid LANGUAGE sql IMMUTABLE AS $$
  SELECT (lpad(to_hex(1700000000000 + n * 1000), 12, '0') || '7000' || '8' || substr(md5(salt || n), 1, 15))::uuid
$$;

-- Indexes are made again after the rows: many times faster.
CREATE TEMP TABLE dropped AS
  SELECT indexname, indexdef FROM pg_indexes
   WHERE schemaname = 'public' AND tablename IN ('sessions', 'generations')
     AND indexname NOT LIKE '%\_pkey' AND indexname NOT LIKE '%\_key';
DO $$
DECLARE name text;
BEGIN
  FOR name IN SELECT indexname FROM dropped LOOP EXECUTE format('DROP INDEX %I', name); END LOOP;
END $$;

-- 24 models of five providers, and echo.
CREATE TEMP TABLE served AS
  SELECT n AS which, CASE WHEN n = 0 THEN 'echo'
                 ELSE (ARRAY['openai', 'anthropic', 'gemini', 'openrouter', 'huggingface'])[1 + n % 5] || '/model-' || n END AS model
    FROM generate_series(0, 23) n;

INSERT INTO users (id, email, created_at)
  SELECT pg_temp.id(n, 'user'), n || '@example.com', now() - interval '1 year' FROM generate_series(0, 9999) n;
INSERT INTO accounts (user_id, balance) SELECT id, 1000 FROM users;

-- User 0 is the heavy one: every second session, and every twentieth generation, of all models on every day. Each of the
-- others comes every third day and asks one of four models. Every tenth generation is a title, every twentieth fails, and
-- every fortieth is stopped. Fifty still run.
INSERT INTO sessions (id, user_id, title, model, message_count, total_tokens, total_cost_usd, total_credits, last_activity_at, created_at)
  SELECT pg_temp.id(n, 'session'), pg_temp.id(CASE WHEN n % 2 = 0 THEN 0 ELSE 1 + (n / 2) % 9999 END, 'user'),
         'Conversation about subject ' || n, 'echo', 50, 7500, 0.0225, 75,
         date_trunc('milliseconds', now() - ((n * 7919) % 200000) * interval '150 seconds'), now() - interval '1 year'
    FROM generate_series(0, 199999) n;

INSERT INTO generations (id, user_id, session_id, message_id, kind, model, status, attempt, price, finish_reason,
                         input_tokens, output_tokens, usage_estimated, cost_usd, credits, created_at, started_at, completed_at)
  SELECT pg_temp.id(n, 'generation'), pg_temp.id(who, 'user'), pg_temp.id(n, 'session'),
         CASE WHEN kind = 'reply' THEN pg_temp.id(n, 'message') END, kind, model,
         CASE WHEN running THEN 'streaming' ELSE ending END, 1,
         '{"creditsPer100Tokens":"10","usdPerMillionInput":"1","usdPerMillionCachedInput":"0.1","usdPerMillionOutput":"4"}',
         CASE WHEN NOT running AND ending = 'completed' THEN 'stop' END,
         CASE WHEN NOT running THEN 50 + n % 200 END, CASE WHEN NOT running THEN n % 500 END,
         CASE WHEN NOT running THEN false END, CASE WHEN NOT running THEN 0.00005 + n % 500 * 0.000004 END,
         CASE WHEN NOT running THEN CASE WHEN kind = 'reply' THEN 5 + n % 500 * 0.1 ELSE 0 END END,
         moment, moment, CASE WHEN NOT running THEN moment END
    FROM (
      SELECT n, now() - (total - n) * (interval '365 days' / total) AS moment, n >= total - 50 AS running,
             CASE WHEN n % 10 = 7 AND n < total - 50 THEN 'title' ELSE 'reply' END AS kind,
             CASE WHEN n % 20 = 3 THEN 'failed' WHEN n % 40 = 5 THEN 'cancelled' ELSE 'completed' END AS ending,
             who, CASE WHEN who = 0 THEN (n / 20) % 24 ELSE (who + n / 20 % 4 * 5) % 24 END AS which
        FROM (SELECT n, total, CASE WHEN n % 20 = 1 THEN 0
                     -- A user of those whose turn this day is.
                     ELSE 1 + (n * 2654435761 % 3333) * 3 + (n * 365 / total) % 3 END AS who
                FROM (SELECT current_setting('parley.generations')::bigint AS total) AS size,
                     generate_series(0, total - 1) n) AS turn) AS drawn
    JOIN served USING (which);

-- As the migration counts what was there before it; in the order of the days, as they are written in the course of a year.
INSERT INTO usage_days
  SELECT user_id, (completed_at AT TIME ZONE 'UTC')::date, model, kind,
         count(*) FILTER (WHERE status = 'completed'), count(*) FILTER (WHERE status = 'failed'),
         count(*) FILTER (WHERE status = 'cancelled'), coalesce(sum(input_tokens), 0),
         coalesce(sum(output_tokens), 0), coalesce(sum(cost_usd), 0), coalesce(sum(credits), 0)
    FROM generations WHERE completed_at IS NOT NULL GROUP BY 1, 2, 3, 4 ORDER BY 2;

DO $$
DECLARE definition text;
BEGIN
  FOR definition IN SELECT indexdef FROM dropped LOOP EXECUTE definition; END LOOP;
END $$;
SET session_replication_role = origin;
