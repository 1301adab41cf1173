import { type Database, rows } from '../../src/data/database.ts';

/**
 * As if a row had been changed a minute ago. Its next change is seen by a later `updated_at`, where one that follows at once may
 * have the same millisecond.
 */
export async function changedAMinuteAgo(
  { db }: Pick<Database, 'db'>,
  table: 'sessions' | 'groups' | 'ai_entities',
  id: string,
): Promise<void> {
  await rows(db, `UPDATE ${table} SET updated_at = now() - interval '1 minute' WHERE id = $1 RETURNING 1`, [
    id,
  ]);
}
