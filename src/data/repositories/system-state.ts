import { type Db, rows } from '../database.ts';
import { OPEN } from './open-generations.ts';

/** Which PostgreSQL this is, as in `18.0`. */
export async function findDatabaseVersion(db: Db): Promise<string> {
  const [found] = await rows<{ version: string }>(
    db,
    "SELECT split_part(current_setting('server_version'), ' ', 1) AS version",
  );
  return found?.version ?? '';
}

/** How many generations there are that have not ended; titles too. */
export async function countOpenGenerations(db: Db): Promise<{ running: number; queued: number }> {
  const [found] = await rows<{ running: number; queued: number }>(
    db,
    `SELECT count(*) FILTER (WHERE status = 'streaming')::int AS running,
            count(*) FILTER (WHERE status = 'queued')::int AS queued
       FROM generations WHERE ${OPEN}`,
  );
  return found ?? { running: 0, queued: 0 };
}

/** How many models there are, and how many of them can be asked: enabled, and of one of the providers that are served. */
export async function countModels(
  db: Db,
  served: readonly string[],
): Promise<{ models: number; available: number }> {
  const [found] = await rows<{ models: number; available: number }>(
    db,
    `SELECT count(*)::int AS models, count(*) FILTER (WHERE enabled AND provider = ANY($1))::int AS available
       FROM models`,
    [served],
  );
  return found ?? { models: 0, available: 0 };
}
