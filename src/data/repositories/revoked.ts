import { type Db, rows } from '../database.ts';

/** The ids of the sign-ins and of the API keys that were revoked in the last `seconds`. */
export async function listRevoked(db: Db, seconds: number): Promise<string[]> {
  const found = await rows<{ id: string }>(
    db,
    `SELECT id FROM refresh_families WHERE revoked_at > clock_timestamp() - $1 * interval '1 second'
     UNION ALL
     SELECT id FROM api_keys WHERE revoked_at > clock_timestamp() - $1 * interval '1 second'`,
    [seconds],
  );
  return found.map(({ id }) => id);
}
