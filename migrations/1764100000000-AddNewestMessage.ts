import type { MigrationInterface, QueryRunner } from 'typeorm';

/** The newest message that was ever stored in a session: the next one has to sort behind it. Null: nothing is known of one. */
export class AddNewestMessage1764100000000 implements MigrationInterface {
  readonly name = 'AddNewestMessage1764100000000';

  async up(db: QueryRunner): Promise<void> {
    await db.query('ALTER TABLE sessions ADD COLUMN newest_message_id uuid');
  }

  async down(db: QueryRunner): Promise<void> {
    await db.query('ALTER TABLE sessions DROP COLUMN newest_message_id');
  }
}
