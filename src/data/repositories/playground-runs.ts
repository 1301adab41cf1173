import { type Db, rows } from '../database.ts';
import type { GenerationRecord } from '../entities/generation.ts';

/** What a list of runs shows beside the sessions. */
export interface RunSummary {
  sessionId: string;
  /** The beginning of the first prompt; null when it was deleted. */
  prompt: string | null;
  /** Which were named, in the order of the lanes. */
  models: string[];
  /** Of each lane, for the newest prompt. */
  statuses: GenerationRecord['status'][];
}

/**
 * What was asked first in these sessions, and how the lanes of the newest prompt stand.
 *
 * @param chars how much of a prompt
 */
export async function summarizeRuns(db: Db, sessionIds: string[], chars: number): Promise<RunSummary[]> {
  return rows<RunSummary>(
    db,
    `SELECT run.id AS "sessionId", first.prompt, run.metadata -> 'models' AS models,
            coalesce(lanes.statuses, '{}') AS statuses
       FROM sessions run
       LEFT JOIN LATERAL (
         SELECT left(content, $2) AS prompt FROM messages
          WHERE session_id = run.id AND role = 'user' ORDER BY id LIMIT 1) AS first ON true
       LEFT JOIN LATERAL (
         SELECT id FROM messages WHERE session_id = run.id AND role = 'user' ORDER BY id DESC LIMIT 1) AS newest ON true
       LEFT JOIN LATERAL (
         SELECT array_agg(g.status ORDER BY g.lane) AS statuses FROM messages m JOIN generations g ON g.message_id = m.id
          WHERE m.session_id = run.id AND m.id > newest.id AND m.parent_id = newest.id) AS lanes ON true
      WHERE run.id = ANY($1)`,
    [sessionIds, chars],
  );
}
