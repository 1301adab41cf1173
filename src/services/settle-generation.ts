import { Decimal } from 'decimal.js';
import { newId } from '../base/ids.ts';
import type { Database } from '../data/database.ts';
import { type ClaimedGeneration, endGeneration } from '../data/repositories/generations.ts';
import { postEntry } from '../data/repositories/ledger.ts';
import { setMessageContent } from '../data/repositories/messages.ts';
import { addUsage } from '../data/repositories/session-totals.ts';
import { presentBalance } from '../presenters/balance.ts';
import type { Announcer } from './announce.ts';
import type { AnnounceEnd } from './announce-end.ts';
import type { AttemptEnd } from './attempt-end.ts';
import { endRecordOf } from './end-record.ts';

/**
 * Ends a generation, in one transaction: final content, usage, cost, charge (once per generation), totals, status;
 * then tells the rooms.
 *
 * @returns false when another worker has the claim: then nothing was written and nothing published
 */
export type SettleGeneration = (claim: ClaimedGeneration, end: AttemptEnd) => Promise<boolean>;

/** Makes the verb. */
export function createSettleGeneration(deps: {
  database: Database;
  announce: Announcer;
  announceEnd: AnnounceEnd;
}): SettleGeneration {
  const { database, announce, announceEnd } = deps;

  return async (claim, end) => {
    const { id, attempt, userId, sessionId, messageId } = claim;
    const record = endRecordOf(claim, end);
    const settled = await database.transaction(async (db) => {
      const ref = { id, attempt, textAttempt: end.textAttempt ?? attempt };
      if (!(await endGeneration(db, ref, record))) return undefined;
      await setMessageContent(db, messageId, { content: end.text, reasoning: end.reasoning });
      if (!end.usage) return { account: undefined };
      const tokens = end.usage.inputTokens + end.usage.outputTokens;
      await addUsage(db, { sessionId, tokens, costUsd: record.costUsd ?? '0', credits: record.credits });
      const amount = new Decimal(record.credits).negated();
      if (amount.isZero()) return { account: undefined };
      const charge = {
        id: newId(),
        userId,
        kind: 'charge' as const,
        amount: amount.toFixed(),
        generationId: id,
      };
      return { account: await postEntry(db, charge) };
    });
    if (!settled) return false;
    await announceEnd(sessionId, messageId);
    if (settled.account) await announce.toUser(userId, 'balance:update', presentBalance(settled.account));
    return true;
  };
}
