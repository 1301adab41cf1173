import type { MigrationInterface, QueryRunner } from 'typeorm';

/** The playground, enhancements, one-shot calls: sessions of other kinds, lanes, prompts that are no conversation. */
export class AddDoors1764000000000 implements MigrationInterface {
  readonly name = 'AddDoors1764000000000';

  async up(db: QueryRunner): Promise<void> {
    await db.query(`
      ALTER TABLE sessions
        ADD COLUMN metadata jsonb NOT NULL DEFAULT '{}',
        ADD CONSTRAINT sessions_kind CHECK (kind IN ('chat', 'playground', 'enhancement', 'call'));
      DROP INDEX sessions_newest, sessions_favorite;
      CREATE INDEX sessions_newest ON sessions (user_id, kind, last_activity_at DESC, id DESC);
      CREATE INDEX sessions_favorite ON sessions (user_id, kind, last_activity_at DESC, id DESC) WHERE is_favorite;

      ALTER TABLE generations
        ADD COLUMN lane smallint CHECK (lane >= 0),
        ADD COLUMN input jsonb,
        ADD COLUMN tool_calls jsonb,
        ADD COLUMN watched_until timestamptz;

      CREATE TABLE ai_entities (
        user_id uuid NOT NULL REFERENCES users ON DELETE CASCADE,
        type text NOT NULL,
        id text NOT NULL,
        title text NOT NULL,
        -- Keeps the order of the fields, which jsonb does not: what comes first is told first.
        data json NOT NULL,
        relations jsonb NOT NULL DEFAULT '[]',
        created_at timestamptz NOT NULL DEFAULT now(),
        updated_at timestamptz NOT NULL DEFAULT now(),
        PRIMARY KEY (user_id, type, id)
      );
    `);
  }

  async down(db: QueryRunner): Promise<void> {
    await db.query(`
      DROP TABLE ai_entities;
      ALTER TABLE generations DROP COLUMN lane, DROP COLUMN input, DROP COLUMN tool_calls,
        DROP COLUMN watched_until;
      DELETE FROM sessions WHERE kind NOT IN ('chat', 'playground');
      DROP INDEX sessions_newest, sessions_favorite;
      CREATE INDEX sessions_newest ON sessions (user_id, last_activity_at DESC, id DESC);
      CREATE INDEX sessions_favorite ON sessions (user_id, last_activity_at DESC, id DESC) WHERE is_favorite;
      ALTER TABLE sessions DROP CONSTRAINT sessions_kind, DROP COLUMN metadata;
    `);
  }
}
