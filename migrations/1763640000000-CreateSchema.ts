import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Accounts, sessions, messages, generations, the ledger. */
export class CreateSchema1763640000000 implements MigrationInterface {
  readonly name = 'CreateSchema1763640000000';

  async up(db: QueryRunner): Promise<void> {
    await db.query(`
      CREATE TABLE users (
        id uuid PRIMARY KEY,
        email text NOT NULL,
        name text,
        password_hash text,
        role text NOT NULL DEFAULT 'user',
        email_verified_at timestamptz,
        is_active boolean NOT NULL DEFAULT true,
        created_at timestamptz NOT NULL DEFAULT now(),
        updated_at timestamptz NOT NULL DEFAULT now()
      );
      CREATE UNIQUE INDEX users_email ON users (lower(email));

      CREATE TABLE refresh_families (
        id uuid PRIMARY KEY,
        user_id uuid NOT NULL REFERENCES users ON DELETE CASCADE,
        user_agent text,
        created_at timestamptz NOT NULL DEFAULT now(),
        last_used_at timestamptz NOT NULL DEFAULT now(),
        revoked_at timestamptz
      );
      CREATE INDEX refresh_families_user ON refresh_families (user_id);
      CREATE INDEX refresh_families_revoked ON refresh_families (revoked_at) WHERE revoked_at IS NOT NULL;

      CREATE TABLE refresh_tokens (
        id uuid PRIMARY KEY,
        family_id uuid NOT NULL REFERENCES refresh_families ON DELETE CASCADE,
        token_hash bytea NOT NULL UNIQUE,
        created_at timestamptz NOT NULL DEFAULT now(),
        expires_at timestamptz NOT NULL,
        used_at timestamptz
      );
      CREATE INDEX refresh_tokens_family ON refresh_tokens (family_id);
      CREATE INDEX refresh_tokens_expiry ON refresh_tokens (expires_at);

      CREATE TABLE groups (
        id uuid PRIMARY KEY,
        user_id uuid NOT NULL REFERENCES users ON DELETE CASCADE,
        name text NOT NULL,
        created_at timestamptz NOT NULL DEFAULT now(),
        updated_at timestamptz NOT NULL DEFAULT now()
      );
      CREATE INDEX groups_newest ON groups (user_id, id DESC);

      CREATE TABLE sessions (
        id uuid PRIMARY KEY,
        user_id uuid NOT NULL REFERENCES users ON DELETE CASCADE,
        group_id uuid REFERENCES groups ON DELETE SET NULL,
        kind text NOT NULL DEFAULT 'chat',
        title text,
        model text NOT NULL,
        settings jsonb NOT NULL DEFAULT '{}',
        is_favorite boolean NOT NULL DEFAULT false,
        message_count integer NOT NULL DEFAULT 0,
        total_tokens bigint NOT NULL DEFAULT 0,
        total_cost_usd numeric(20,10) NOT NULL DEFAULT 0,
        total_credits numeric(20,6) NOT NULL DEFAULT 0,
        last_activity_at timestamptz(3) NOT NULL DEFAULT now(),
        expires_at timestamptz,
        created_at timestamptz NOT NULL DEFAULT now(),
        updated_at timestamptz NOT NULL DEFAULT now()
      );
      CREATE INDEX sessions_newest ON sessions (user_id, last_activity_at DESC, id DESC);
      CREATE INDEX sessions_of_group ON sessions (group_id, last_activity_at DESC, id DESC)
        WHERE group_id IS NOT NULL;
      CREATE INDEX sessions_favorite ON sessions (user_id, last_activity_at DESC, id DESC) WHERE is_favorite;
      CREATE INDEX sessions_expiry ON sessions (expires_at) WHERE expires_at IS NOT NULL;

      CREATE TABLE messages (
        id uuid PRIMARY KEY,
        session_id uuid NOT NULL REFERENCES sessions ON DELETE CASCADE,
        user_id uuid NOT NULL REFERENCES users ON DELETE CASCADE,
        parent_id uuid,
        role text NOT NULL CHECK (role IN ('user', 'assistant', 'system')),
        content text NOT NULL,
        created_at timestamptz NOT NULL DEFAULT now()
      );
      CREATE INDEX messages_newest ON messages (session_id, id DESC);
      CREATE INDEX messages_user ON messages (user_id);

      CREATE TABLE generations (
        id uuid PRIMARY KEY,
        user_id uuid NOT NULL REFERENCES users ON DELETE CASCADE,
        session_id uuid NOT NULL,
        message_id uuid NOT NULL UNIQUE,
        model text NOT NULL,
        status text NOT NULL CHECK (status IN ('queued', 'streaming', 'completed', 'failed', 'cancelled')),
        attempt integer NOT NULL DEFAULT 0,
        interruptions integer NOT NULL DEFAULT 0,
        released_at timestamptz,
        cancel_requested_at timestamptz,
        settings jsonb NOT NULL DEFAULT '{}',
        price jsonb NOT NULL,
        finish_reason text,
        error_code text,
        error_message text,
        input_tokens integer,
        output_tokens integer,
        usage_estimated boolean,
        cost_usd numeric(20,10),
        credits numeric(20,6),
        heartbeat_at timestamptz,
        created_at timestamptz NOT NULL DEFAULT now(),
        started_at timestamptz,
        completed_at timestamptz
      ) WITH (fillfactor = 80);
      CREATE INDEX generations_open ON generations (session_id) WHERE status IN ('queued', 'streaming');
      CREATE INDEX generations_user ON generations (user_id, id DESC);

      CREATE TABLE accounts (
        user_id uuid PRIMARY KEY REFERENCES users ON DELETE CASCADE,
        balance numeric(20,6) NOT NULL DEFAULT 0,
        held numeric(20,6) NOT NULL DEFAULT 0 CHECK (held >= 0)
      );

      CREATE TABLE ledger_entries (
        id uuid PRIMARY KEY,
        user_id uuid NOT NULL REFERENCES users,
        kind text NOT NULL CHECK (kind IN ('grant', 'charge', 'adjustment', 'refund')),
        amount numeric(20,6) NOT NULL,
        generation_id uuid,
        reason text,
        created_at timestamptz NOT NULL DEFAULT now()
      );
      CREATE INDEX ledger_entries_newest ON ledger_entries (user_id, id DESC);
      CREATE UNIQUE INDEX ledger_entries_one_charge ON ledger_entries (generation_id) WHERE kind = 'charge';

      CREATE TABLE idempotency_keys (
        user_id uuid NOT NULL REFERENCES users ON DELETE CASCADE,
        key text NOT NULL,
        fingerprint bytea NOT NULL,
        answer json NOT NULL,
        created_at timestamptz NOT NULL DEFAULT now(),
        PRIMARY KEY (user_id, key)
      );
      CREATE INDEX idempotency_keys_age ON idempotency_keys (created_at);
    `);
  }

  async down(db: QueryRunner): Promise<void> {
    await db.query(`
      DROP TABLE idempotency_keys, ledger_entries, accounts, generations, messages, sessions, groups,
        refresh_tokens, refresh_families, users;
    `);
  }
}
