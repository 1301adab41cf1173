import type { MigrationInterface, QueryRunner } from 'typeorm';

/** The catalogue of models; which calls a generation made; reasoning beside the text; titles written by models. */
export class AddCatalogue1763700000000 implements MigrationInterface {
  readonly name = 'AddCatalogue1763700000000';

  async up(db: QueryRunner): Promise<void> {
    await db.query(`
      CREATE TABLE models (
        id text PRIMARY KEY,
        provider text NOT NULL,
        name text NOT NULL,
        snapshot jsonb NOT NULL,
        synced jsonb,
        override jsonb,
        vanished_at timestamptz,
        title text NOT NULL,
        category text NOT NULL,
        tier text NOT NULL CHECK (tier IN ('free', 'paid')),
        context_length integer CHECK (context_length > 0),
        max_output_tokens integer CHECK (max_output_tokens > 0),
        capabilities jsonb NOT NULL,
        parameters jsonb NOT NULL,
        usd_per_million_input numeric(20,10) NOT NULL CHECK (usd_per_million_input >= 0),
        usd_per_million_cached_input numeric(20,10) NOT NULL CHECK (usd_per_million_cached_input >= 0),
        usd_per_million_output numeric(20,10) NOT NULL CHECK (usd_per_million_output >= 0),
        credits_per_100_tokens numeric(20,6) NOT NULL CHECK (credits_per_100_tokens >= 0),
        enabled boolean NOT NULL,
        source text NOT NULL CHECK (source IN ('snapshot', 'sync', 'admin')),
        created_at timestamptz NOT NULL DEFAULT now(),
        updated_at timestamptz NOT NULL DEFAULT now()
      );

      CREATE TABLE catalogue_state (
        provider text PRIMARY KEY,
        snapshot_date date,
        synced_at timestamptz,
        endpoint text
      );

      ALTER TABLE messages ADD COLUMN reasoning text;

      ALTER TABLE sessions ADD COLUMN title_by text NOT NULL DEFAULT 'owner'
        CHECK (title_by IN ('owner', 'excerpt', 'model'));

      ALTER TABLE generations
        ALTER COLUMN message_id DROP NOT NULL,
        ADD COLUMN kind text NOT NULL DEFAULT 'reply' CHECK (kind IN ('reply', 'title')),
        ADD COLUMN tries jsonb NOT NULL DEFAULT '[]',
        ADD COLUMN omitted_parameters jsonb NOT NULL DEFAULT '[]',
        ADD COLUMN cached_input_tokens integer,
        ADD COLUMN reasoning_tokens integer,
        ADD CONSTRAINT generations_message CHECK ((message_id IS NULL) = (kind = 'title'));
      CREATE INDEX generations_failed ON generations (id DESC) WHERE status = 'failed';
      CREATE UNIQUE INDEX generations_one_title ON generations (session_id) WHERE kind = 'title';
    `);
  }

  async down(db: QueryRunner): Promise<void> {
    await db.query(`
      DELETE FROM generations WHERE kind = 'title';
      DROP INDEX generations_one_title, generations_failed;
      ALTER TABLE generations
        DROP CONSTRAINT generations_message,
        DROP COLUMN kind,
        DROP COLUMN tries,
        DROP COLUMN omitted_parameters,
        DROP COLUMN cached_input_tokens,
        DROP COLUMN reasoning_tokens,
        ALTER COLUMN message_id SET NOT NULL;
      ALTER TABLE sessions DROP COLUMN title_by;
      ALTER TABLE messages DROP COLUMN reasoning;
      DROP TABLE catalogue_state, models;
    `);
  }
}
