-- Fills a migrated, empty database: 200,000 sessions, half of them one user's, and 10,000,000 messages, half of
-- them replies. About 5 GB. `bench/query-plans.ts` runs it. For less: PGOPTIONS='-c parley.sessions=2000 -c parley.messages=100000'.

SELECT set_config('parley.sessions', coalesce(nullif(current_setting('parley.sessions', true), ''), '200000'), false),
       set_config('parley.messages', coalesce(nullif(current_setting('parley.messages', true), ''), '10000000'), false);
SET synchronous_commit = off;
-- No foreign key checks: every row below fits.
SET session_replication_role = replica;

-- A UUIDv7 of second `n`: sorts by n, as the ids of the application do.
CREATE FUNCTION pg_temp.id(n bigint, salt text) RETURNS uuid LANGUAGE sql IMMUTABLE AS $$
  SELECT (lpad(to_hex(1700000000000 + n * 1000), 12, '0') || '7000' || '8' || substr(md5(salt || n), 1, 15))::uuid
$$;
CREATE FUNCTION pg_temp.moment(n bigint) RETURNS timestamptz LANGUAGE sql IMMUTABLE AS $$
  SELECT to_timestamp(1700000000 + n)
$$;

-- Indexes are made again after the rows: many times faster.
CREATE TEMP TABLE dropped AS
  SELECT indexname, indexdef FROM pg_indexes
   WHERE schemaname = 'public' AND tablename IN ('sessions', 'messages', 'generations')
     AND indexname NOT LIKE '%\_pkey' AND indexname NOT LIKE '%\_key';
DO $$
DECLARE name text;
BEGIN
  FOR name IN SELECT indexname FROM dropped LOOP EXECUTE format('DROP INDEX %I', name); END LOOP;
END $$;

-- User 0 is the heavy one: every second session. The others, 10,000, have ten sessions each.
INSERT INTO users (id, email) SELECT pg_temp.id(n, 'user'), n || '@example.com' FROM generate_series(0, 10000) n;
INSERT INTO groups (id, user_id, name)
  SELECT pg_temp.id(n, 'group'), pg_temp.id(CASE WHEN n < 50 THEN 0 ELSE n / 2 END, 'user'), 'Group ' || n
    FROM generate_series(0, 20000) n;

-- Of the heavy user's sessions 60 % are in one of 50 groups (group 0 has 40 of 60), 1 % are favourites, 2 % playground.
INSERT INTO sessions (id, user_id, group_id, kind, title, model, is_favorite, message_count, last_activity_at, created_at)
  SELECT pg_temp.id(n, 'session'),
         pg_temp.id(CASE WHEN n % 2 = 0 THEN 0 ELSE 1 + (n / 2) % 10000 END, 'user'),
         CASE WHEN n % 2 = 0 AND n % 10 < 6 THEN pg_temp.id(CASE WHEN n % 10 < 4 THEN 0 ELSE n / 10 % 50 END, 'group') END,
         CASE WHEN n % 100 < 4 AND n % 2 = 0 THEN 'playground' ELSE 'chat' END,
         'Conversation about subject ' || n, 'echo', n % 200 = 0, 50,
         -- Used in another order than opened, and some at the same moment.
         date_trunc('milliseconds', pg_temp.moment((n * 7919) % 100000)), pg_temp.moment(n)
    FROM generate_series(0, current_setting('parley.sessions')::bigint - 1) n;

-- The sessions take turns, so the messages of one lie far apart. Every hundredth message goes to session 0.
INSERT INTO messages (id, session_id, user_id, role, content, created_at)
  SELECT pg_temp.id(n, 'message'), pg_temp.id(s, 'session'),
         pg_temp.id(CASE WHEN s % 2 = 0 THEN 0 ELSE 1 + (s / 2) % 10000 END, 'user'),
         CASE WHEN n % 2 = 0 THEN 'user' ELSE 'assistant' END, 'Forty characters of what somebody wrote.',
         pg_temp.moment(n)
    FROM (SELECT n, CASE WHEN n / 2 % 100 = 0 THEN 0 ELSE (n / 2) % current_setting('parley.sessions')::bigint END AS s
            FROM generate_series(0, current_setting('parley.messages')::bigint - 1) n) AS turn;

-- A generation for every reply; some 50 are still running, five of them in session 0.
INSERT INTO generations (id, user_id, session_id, message_id, model, status, attempt, price, finish_reason,
                         input_tokens, output_tokens, usage_estimated, cost_usd, credits, created_at, completed_at)
  SELECT m.id, m.user_id, m.session_id, m.id, 'echo',
         CASE WHEN running THEN 'streaming' ELSE 'completed' END, 1, '{}', CASE WHEN NOT running THEN 'stop' END,
         100, 50, false, 0.0001, 1.5, m.created_at, CASE WHEN NOT running THEN m.created_at END
    FROM (SELECT *, n % 100003 = 3 OR n % 2000000 = 1 AS running
            FROM messages, LATERAL (SELECT extract(epoch FROM created_at)::bigint - 1700000000 AS n) AS number
           WHERE role = 'assistant' ORDER BY id) AS m;

DO $$
DECLARE definition text;
BEGIN
  FOR definition IN SELECT indexdef FROM dropped LOOP EXECUTE definition; END LOOP;
END $$;
SET session_replication_role = origin;
