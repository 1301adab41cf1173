import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Roles with permissions, Google accounts, API keys, password resets, profiles, favourites, the audit log. */
export class AddIdentity1763900000000 implements MigrationInterface {
  readonly name = 'AddIdentity1763900000000';

  async up(db: QueryRunner): Promise<void> {
    await db.query(`
      ALTER TABLE roles
        ADD COLUMN permissions jsonb NOT NULL DEFAULT '[]',
        ADD COLUMN all_permissions boolean NOT NULL DEFAULT false,
        ADD COLUMN built_in boolean NOT NULL DEFAULT false;
      UPDATE roles SET built_in = true;
      UPDATE roles SET all_permissions = true WHERE name = 'admin';
      UPDATE roles SET permissions = '["ai.session.view", "ai.usage.view"]' WHERE name = 'viewer';
      UPDATE roles SET permissions =
        '["chat.use", "ai.enhance.create", "ai.stream.access", "ai.session.view", "ai.session.manage", "ai.usage.view"]'
        WHERE name = 'user';
      UPDATE roles SET permissions =
        '["chat.use", "models.paid", "ai.enhance.create", "ai.stream.access", "ai.session.view", "ai.session.manage", "ai.usage.view"]'
        WHERE name IN ('premium', 'editor');

      ALTER TABLE users
        ADD COLUMN google_id text,
        ADD COLUMN bio text,
        ADD COLUMN preferences jsonb NOT NULL DEFAULT '{}',
        ADD COLUMN login_count integer NOT NULL DEFAULT 0,
        ADD COLUMN last_login_at timestamptz;
      CREATE UNIQUE INDEX users_google ON users (google_id) WHERE google_id IS NOT NULL;
      CREATE INDEX users_role ON users (role, id);
      CREATE INDEX users_inactive ON users (id) WHERE NOT is_active;
      -- So that no account is left with a role that was deleted meanwhile.
      UPDATE users SET role = 'user' WHERE role NOT IN (SELECT name FROM roles);
      ALTER TABLE users ADD CONSTRAINT users_role_known FOREIGN KEY (role) REFERENCES roles;

      CREATE TABLE favorite_models (
        user_id uuid NOT NULL REFERENCES users ON DELETE CASCADE,
        model_id text NOT NULL,
        created_at timestamptz NOT NULL DEFAULT now(),
        PRIMARY KEY (user_id, model_id)
      );

      CREATE TABLE api_keys (
        id uuid PRIMARY KEY,
        user_id uuid NOT NULL REFERENCES users ON DELETE CASCADE,
        name text NOT NULL,
        prefix text NOT NULL,
        key_hash bytea NOT NULL UNIQUE,
        scopes jsonb NOT NULL,
        created_at timestamptz NOT NULL DEFAULT now(),
        expires_at timestamptz,
        last_used_at timestamptz,
        revoked_at timestamptz
      );
      CREATE INDEX api_keys_user ON api_keys (user_id, id DESC);
      CREATE INDEX api_keys_revoked ON api_keys (revoked_at) WHERE revoked_at IS NOT NULL;

      CREATE TABLE gone_credentials (
        id uuid PRIMARY KEY,
        revoked_at timestamptz NOT NULL DEFAULT clock_timestamp()
      );
      CREATE INDEX gone_credentials_revoked ON gone_credentials (revoked_at);

      CREATE TABLE password_resets (
        id uuid PRIMARY KEY,
        user_id uuid NOT NULL REFERENCES users ON DELETE CASCADE,
        token_hash bytea NOT NULL UNIQUE,
        created_at timestamptz NOT NULL DEFAULT now(),
        expires_at timestamptz NOT NULL,
        used_at timestamptz
      );
      CREATE INDEX password_resets_user ON password_resets (user_id);
      CREATE INDEX password_resets_expiry ON password_resets (expires_at);

      CREATE TABLE audit_log (
        id uuid PRIMARY KEY,
        actor_id uuid,
        action text NOT NULL,
        target_type text NOT NULL,
        target_id text,
        details jsonb NOT NULL DEFAULT '{}',
        request_id text,
        created_at timestamptz NOT NULL DEFAULT now()
      );
      CREATE INDEX audit_log_actor ON audit_log (actor_id, id DESC);
      CREATE INDEX audit_log_action ON audit_log (action, id DESC);
      CREATE INDEX audit_log_target ON audit_log (target_type, target_id, id DESC);

      ALTER TABLE ledger_entries DROP CONSTRAINT ledger_entries_user_id_fkey;
    `);
  }

  async down(db: QueryRunner): Promise<void> {
    await db.query(`
      DELETE FROM ledger_entries WHERE user_id NOT IN (SELECT id FROM users);
      ALTER TABLE ledger_entries ADD FOREIGN KEY (user_id) REFERENCES users;
      DROP TABLE audit_log, password_resets, gone_credentials, api_keys, favorite_models;
      DROP INDEX users_google, users_role, users_inactive;
      ALTER TABLE users DROP CONSTRAINT users_role_known, DROP COLUMN google_id, DROP COLUMN bio, DROP COLUMN preferences, DROP COLUMN login_count,
        DROP COLUMN last_login_at;
      DELETE FROM roles WHERE NOT built_in;
      UPDATE users SET role = 'user' WHERE role NOT IN (SELECT name FROM roles);
      ALTER TABLE roles DROP COLUMN permissions, DROP COLUMN all_permissions, DROP COLUMN built_in;
    `);
  }
}
