import { type Db, rows } from '../database.ts';
import { long } from '../long-statements.ts';

/** The ids of the sign-ins and of the API keys that were revoked in the last `seconds`, with those that went with their account. */
export async function listRevoked(db: Db, seconds: number): Promise<string[]> {
  const found = await rows<{ id: string }>(
    db,
    `SELECT id FROM refresh_families WHERE revoked_at > clock_timestamp() - $1 * interval '1 second'
     UNION ALL
     SELECT id FROM api_keys WHERE revoked_at > clock_timestamp() - $1 * interval '1 second'
     UNION ALL
     SELECT id FROM gone_credentials WHERE revoked_at > clock_timestamp() - $1 * interval '1 second'`,
    [seconds],
  );
  return found.map(({ id }) => id);
}

/** Forgets the credentials of accounts that were deleted over `days` ago: no token of theirs lives that long. Returns how many. */
export async function forgetGoneCredentials(db: Db, days: number): Promise<number> {
  const forgotten = await rows(
    db,
    long(`DELETE FROM gone_credentials WHERE revoked_at < now() - $1 * interval '1 day' RETURNING id`),
    [days],
  );
  return forgotten.length;
}
