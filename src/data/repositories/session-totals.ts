import { type Db, rows } from '../database.ts';
import { prepared } from '../prepared.ts';

/** What one generation adds to the totals of its session. */
export interface AddedUsage {
  sessionId: string;
  tokens: number;
  /** US dollars, a decimal string. */
  costUsd: string;
  /** A decimal string. */
  credits: string;
}

/** Adds a settled generation to its session, if that is still there. */
export async function addUsage(db: Db, { sessionId, tokens, costUsd, credits }: AddedUsage): Promise<void> {
  await rows(
    db,
    prepared(`UPDATE sessions SET total_tokens = total_tokens + $2, total_cost_usd = total_cost_usd + $3,
       total_credits = total_credits + $4, last_activity_at = now() WHERE id = $1 RETURNING id`),
    [sessionId, tokens, costUsd, credits],
  );
}
