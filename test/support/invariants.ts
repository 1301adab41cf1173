import { expect } from 'chai';
import { type Database, rows } from '../../src/data/database.ts';
import type { Following } from './following.ts';

/**
 * Expects what holds whatever has happened (specification, section 1), straight in the database:
 * every user message has exactly one reply per lane, and its generation has ended; every balance is the sum of its
 * ledger, with one charge per generation that cost something; nothing is held for what has ended; the totals of a
 * session are those of its generations. For a database in which nothing runs any more.
 *
 * @param besides rules that what was done there breaks by itself: whoever deletes a reply leaves a question without one
 */
export async function expectInvariants(
  { db }: Pick<Database, 'db'>,
  besides: readonly InvariantRule[] = [],
): Promise<void> {
  for (const [rule, sql] of Object.entries(VIOLATIONS)) {
    if (besides.includes(rule as InvariantRule)) continue;
    expect(await rows(db, sql), `broken: ${rule}`).to.deep.equal([]);
  }
}

/** The name of a rule. */
export type InvariantRule = keyof typeof VIOLATIONS;

/** Each statement finds what breaks its rule. */
const VIOLATIONS = {
  'every user message has exactly one reply per lane': `
    SELECT q.id, g.model, count(g.id) FROM messages q
      LEFT JOIN messages a ON a.parent_id = q.id AND a.role = 'assistant'
      LEFT JOIN generations g ON g.message_id = a.id
     WHERE q.role = 'user' GROUP BY q.id, g.model, g.lane HAVING count(g.id) <> 1`,
  'every generation has ended': `
    SELECT id, status, attempt, heartbeat_at FROM generations
     WHERE status IN ('queued', 'streaming') OR completed_at IS NULL`,
  'every generation has a message': `
    SELECT g.id FROM generations g LEFT JOIN messages m ON m.id = g.message_id WHERE m.id IS NULL`,
  'a balance is the sum of its ledger': `
    SELECT a.user_id, a.balance, sum(l.amount) FROM accounts a LEFT JOIN ledger_entries l USING (user_id)
     GROUP BY a.user_id HAVING a.balance <> coalesce(sum(l.amount), 0)`,
  'a generation is charged once, with what it cost': `
    SELECT g.id, g.credits, count(l.id), sum(l.amount) FROM generations g
      LEFT JOIN ledger_entries l ON l.generation_id = g.id AND l.kind = 'charge'
     GROUP BY g.id HAVING coalesce(sum(l.amount), 0) <> -coalesce(g.credits, 0) OR count(l.id) > 1`,
  'what is held is what open generations hold': `
    SELECT a.user_id, a.held, a.held_tokens, a.running FROM accounts a LEFT JOIN generations g
        ON g.user_id = a.user_id AND g.kind = 'reply' AND g.status IN ('queued', 'streaming')
     GROUP BY a.user_id
    HAVING a.held <> coalesce(sum(g.hold), 0) OR a.held_tokens <> coalesce(sum(g.hold_tokens), 0)
        OR a.running <> count(g.id)`,
  'the statistics are those of the generations': `
    SELECT * FROM (
      SELECT user_id, sum(completed + failed + cancelled) AS ended, sum(input_tokens + output_tokens) AS tokens,
             sum(credits) AS credits, sum(cost_usd) AS usd FROM usage_days GROUP BY 1) AS d
      FULL JOIN (
      SELECT user_id, count(*) AS ended, coalesce(sum(input_tokens + output_tokens), 0) AS tokens,
             coalesce(sum(credits), 0) AS credits, coalesce(sum(cost_usd), 0) AS usd
        FROM generations WHERE completed_at IS NOT NULL GROUP BY 1) AS g USING (user_id)
     WHERE (d.ended, d.tokens, d.credits, d.usd) IS DISTINCT FROM (g.ended, g.tokens, g.credits, g.usd)`,
  'the totals of a session are those of its generations': `
    SELECT s.id, s.total_tokens, s.total_credits, s.message_count FROM sessions s
     WHERE s.total_tokens <> (SELECT coalesce(sum(input_tokens + output_tokens), 0) FROM generations g
                               WHERE g.session_id = s.id)
        OR s.total_credits <> (SELECT coalesce(sum(credits), 0) FROM generations g WHERE g.session_id = s.id)
        OR s.message_count <> (SELECT count(*) FROM messages m WHERE m.session_id = s.id)`,
};

/**
 * Expects that clients that follow these messages saw nothing that the contract forbids, and ended with exactly
 * the text and the reasoning that are stored.
 */
export async function expectSameEverywhere(
  { db }: Pick<Database, 'db'>,
  clients: Following[],
  messageIds: string[],
): Promise<void> {
  const stored = await rows<{ id: string; content: string; reasoning: string | null; status: string }>(
    db,
    `SELECT m.id, m.content, m.reasoning, g.status FROM messages m JOIN generations g ON g.message_id = m.id
      WHERE m.id = ANY($1)`,
    [messageIds],
  );
  expect(stored).to.have.length(messageIds.length);
  for (const { transcript } of clients) {
    expect(transcript.faults).to.deep.equal([]);
    for (const { id, content, reasoning, status } of stored) {
      const copy = transcript.copies.get(id);
      expect(copy?.done?.status, `the end of ${id}`).to.equal(status);
      expect(
        copy?.text === content,
        `the text of ${id}: ${copy?.text.length} chars, not ${content.length}`,
      ).to.equal(true);
      expect(copy?.reasoning, `the reasoning of ${id}`).to.equal(reasoning ?? '');
    }
  }
}
