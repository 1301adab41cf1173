import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Holds, usage limits by role and user, statistics by day. */
export class AddCredits1763800000000 implements MigrationInterface {
  readonly name = 'AddCredits1763800000000';

  async up(db: QueryRunner): Promise<void> {
    await db.query(`
      ALTER TABLE generations
        ADD COLUMN hold numeric(20,6) NOT NULL DEFAULT 0 CHECK (hold >= 0),
        ADD COLUMN hold_tokens integer NOT NULL DEFAULT 0 CHECK (hold_tokens >= 0),
        ADD COLUMN hold_expires_at timestamptz;

      ALTER TABLE accounts
        ADD COLUMN held_tokens bigint NOT NULL DEFAULT 0 CHECK (held_tokens >= 0),
        ADD COLUMN running integer NOT NULL DEFAULT 0 CHECK (running >= 0),
        ADD COLUMN used_on date NOT NULL DEFAULT '1970-01-01',
        ADD COLUMN day_requests integer NOT NULL DEFAULT 0,
        ADD COLUMN month_requests integer NOT NULL DEFAULT 0,
        ADD COLUMN month_tokens bigint NOT NULL DEFAULT 0,
        ADD COLUMN window_start timestamptz NOT NULL DEFAULT 'epoch',
        ADD COLUMN window_requests integer NOT NULL DEFAULT 0,
        ADD COLUMN window_tokens bigint NOT NULL DEFAULT 0,
        ADD COLUMN window_cost_usd numeric(20,10) NOT NULL DEFAULT 0;
      UPDATE accounts SET running = (
        SELECT count(*) FROM generations g
         WHERE g.user_id = accounts.user_id AND g.kind = 'reply' AND g.status IN ('queued', 'streaming'));

      CREATE TABLE org_windows (
        window_start timestamptz PRIMARY KEY,
        cost_usd numeric(20,10) NOT NULL DEFAULT 0
      );

      CREATE TABLE roles (
        name text PRIMARY KEY,
        usage_limits jsonb NOT NULL DEFAULT '{}',
        created_at timestamptz NOT NULL DEFAULT now(),
        updated_at timestamptz NOT NULL DEFAULT now()
      );
      INSERT INTO roles (name, usage_limits) VALUES
        ('user', '{"dailyRequests": 50, "monthlyRequests": 1000, "monthlyTokens": 100000}'),
        ('viewer', '{"dailyRequests": 50, "monthlyRequests": 1000, "monthlyTokens": 100000}'),
        ('premium', '{"dailyRequests": 200, "monthlyRequests": 5000, "monthlyTokens": 500000}'),
        ('editor', '{"dailyRequests": 200, "monthlyRequests": 5000, "monthlyTokens": 500000}'),
        ('admin', '{}');
      ALTER TABLE users ADD COLUMN usage_limits jsonb NOT NULL DEFAULT '{}';

      ALTER TABLE ledger_entries
        ADD COLUMN balance_after numeric(20,6),
        ADD COLUMN created_by uuid,
        ADD COLUMN seq bigint;
      UPDATE ledger_entries e SET balance_after = sums.balance, seq = sums.seq FROM (
        SELECT id, sum(amount) OVER (PARTITION BY user_id ORDER BY id) AS balance, row_number() OVER (ORDER BY id) AS seq
          FROM ledger_entries
      ) AS sums WHERE sums.id = e.id;
      ALTER TABLE ledger_entries ALTER COLUMN balance_after SET NOT NULL, ALTER COLUMN seq SET NOT NULL;
      ALTER TABLE ledger_entries ALTER COLUMN seq ADD GENERATED ALWAYS AS IDENTITY;
      SELECT setval(pg_get_serial_sequence('ledger_entries', 'seq'), max(seq)) FROM ledger_entries HAVING max(seq) > 0;
      DROP INDEX ledger_entries_newest;
      CREATE UNIQUE INDEX ledger_entries_newest ON ledger_entries (user_id, seq DESC);
      CREATE UNIQUE INDEX ledger_entries_one_refund ON ledger_entries (generation_id) WHERE kind = 'refund';

      CREATE TABLE usage_days (
        user_id uuid NOT NULL,
        day date NOT NULL,
        model text NOT NULL,
        kind text NOT NULL,
        completed integer NOT NULL DEFAULT 0,
        failed integer NOT NULL DEFAULT 0,
        cancelled integer NOT NULL DEFAULT 0,
        input_tokens bigint NOT NULL DEFAULT 0,
        output_tokens bigint NOT NULL DEFAULT 0,
        cost_usd numeric(20,10) NOT NULL DEFAULT 0,
        credits numeric(20,6) NOT NULL DEFAULT 0,
        PRIMARY KEY (user_id, day, model, kind)
      ) WITH (fillfactor = 80);
      CREATE INDEX usage_days_day ON usage_days (day);
      CREATE TABLE usage_totals (
        day date NOT NULL,
        model text NOT NULL,
        kind text NOT NULL,
        completed integer NOT NULL,
        failed integer NOT NULL,
        cancelled integer NOT NULL,
        input_tokens bigint NOT NULL,
        output_tokens bigint NOT NULL,
        cost_usd numeric(20,10) NOT NULL,
        credits numeric(20,6) NOT NULL,
        PRIMARY KEY (day, model, kind)
      );
      CREATE TABLE usage_months (
        month date NOT NULL,
        user_id uuid NOT NULL,
        kind text NOT NULL,
        completed integer NOT NULL,
        failed integer NOT NULL,
        cancelled integer NOT NULL,
        input_tokens bigint NOT NULL,
        output_tokens bigint NOT NULL,
        cost_usd numeric(20,10) NOT NULL,
        credits numeric(20,6) NOT NULL,
        PRIMARY KEY (month, user_id, kind)
      );
      CREATE TABLE usage_closed (
        only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
        days_before date NOT NULL DEFAULT '1970-01-01',
        months_before date NOT NULL DEFAULT '1970-01-01'
      );
      INSERT INTO usage_closed DEFAULT VALUES;
      INSERT INTO usage_days
        SELECT user_id, (completed_at AT TIME ZONE 'UTC')::date, model, kind,
               count(*) FILTER (WHERE status = 'completed'), count(*) FILTER (WHERE status = 'failed'),
               count(*) FILTER (WHERE status = 'cancelled'), coalesce(sum(input_tokens), 0),
               coalesce(sum(output_tokens), 0), coalesce(sum(cost_usd), 0), coalesce(sum(credits), 0)
          FROM generations WHERE completed_at IS NOT NULL GROUP BY 1, 2, 3, 4;
    `);
  }

  async down(db: QueryRunner): Promise<void> {
    await db.query(`
      DROP TABLE usage_closed, usage_months, usage_totals, usage_days, org_windows, roles;
      DROP INDEX ledger_entries_one_refund;
      ALTER TABLE ledger_entries DROP COLUMN balance_after, DROP COLUMN created_by, DROP COLUMN seq;
      CREATE INDEX ledger_entries_newest ON ledger_entries (user_id, id DESC);
      ALTER TABLE users DROP COLUMN usage_limits;
      ALTER TABLE accounts
        DROP COLUMN held_tokens, DROP COLUMN running, DROP COLUMN used_on, DROP COLUMN day_requests,
        DROP COLUMN month_requests, DROP COLUMN month_tokens, DROP COLUMN window_start,
        DROP COLUMN window_requests, DROP COLUMN window_tokens, DROP COLUMN window_cost_usd;
      UPDATE accounts SET held = 0;
      ALTER TABLE generations DROP COLUMN hold, DROP COLUMN hold_tokens, DROP COLUMN hold_expires_at;
    `);
  }
}
