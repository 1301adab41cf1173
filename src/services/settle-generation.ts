import { Decimal } from 'decimal.js';
import { newId } from '../base/ids.ts';
import type { Database, Db } from '../data/database.ts';
import type { AccountRecord } from '../data/entities/ledger.ts';
import type { AdmissionLimits } from '../data/entities/usage.ts';
import { throughOutage } from '../data/outage.ts';
import { countOrgCost, findAccount, releaseHold } from '../data/repositories/accounts.ts';
import {
  type ClaimedGeneration,
  type EndedHold,
  endGeneration,
  isEndedAs,
} from '../data/repositories/generations.ts';
import { postEntry } from '../data/repositories/ledger.ts';
import { setMessageContent } from '../data/repositories/messages.ts';
import { addUsage } from '../data/repositories/session-totals.ts';
import { countUsage } from '../data/repositories/usage-days.ts';
import { presentBalance } from '../presenters/balance.ts';
import type { Announcer } from './announce.ts';
import type { AnnounceEnd } from './announce-end.ts';
import type { AttemptEnd } from './attempt-end.ts';
import { type EndRecord, endRecordOf } from './end-record.ts';

/**
 * Ends a generation, in one transaction: final content, usage, cost, charge (once per generation), the end of its hold,
 * totals, status; then tells the rooms. Waits for a database that is away: the reply is there, and would be written, and
 * paid for, once more.
 *
 * @param leaving ends every wait for what is away: this process must go, and another will settle it
 * @returns false when another worker has the claim: then nothing was written and nothing published
 */
export type SettleGeneration = (
  claim: ClaimedGeneration,
  end: AttemptEnd,
  leaving?: AbortSignal,
) => Promise<boolean>;

/** Makes the verb. */
export function createSettleGeneration(deps: {
  database: Database;
  limits: AdmissionLimits;
  announce: Announcer;
  announceEnd: AnnounceEnd;
}): SettleGeneration {
  const { database, limits, announce, announceEnd } = deps;
  const { window } = limits;

  return async (claim, end, leaving) => {
    const { id, attempt, userId, sessionId, messageId } = claim;
    const record = endRecordOf(claim, end);
    const ref = { id, attempt, textAttempt: end.textAttempt ?? attempt };
    const write = () =>
      database.transaction(async (db) => {
        const held = await endGeneration(db, ref, record);
        if (!held) return undefined;
        await setMessageContent(db, messageId, { content: end.text, reasoning: end.reasoning });
        return { account: await settleAccount(db, claim, record, held) };
      });
    const settled = await throughOutage(async (again) => {
      const written = await write();
      // The connection may have been lost with the answer to a commit.
      const isOurs = !written && again && (await isEndedAs(database.db, ref));
      return isOurs ? { account: await findAccount(database.db, userId) } : written;
    }, leaving);
    if (!settled) return false;
    try {
      await throughOutage(() => announceEnd(sessionId, messageId, leaving), leaving);
    } finally {
      if (settled.account) await announce.toUser(userId, 'balance:update', presentBalance(settled.account));
    }
    return true;
  };

  /** What was taken is counted and charged, and what was set aside is given back. The account comes last: see `insertTurn`. */
  async function settleAccount(
    db: Db,
    { id, userId, sessionId, model }: ClaimedGeneration,
    record: EndRecord,
    held: EndedHold,
  ): Promise<AccountRecord | undefined> {
    const { status, credits } = record;
    const [inputTokens, outputTokens] = [record.inputTokens ?? 0, record.outputTokens ?? 0];
    const [tokens, costUsd] = [inputTokens + outputTokens, record.costUsd ?? '0'];
    if (tokens > 0) await addUsage(db, { sessionId, tokens, costUsd, credits });
    await countUsage(db, {
      userId,
      model,
      kind: 'reply',
      status,
      inputTokens,
      outputTokens,
      costUsd,
      credits,
    });
    if (window.orgCostUsd !== undefined) await countOrgCost(db, costUsd, window.seconds);
    const released = await releaseHold(db, { userId, ...held, ended: 1, tokens, costUsd }, window.seconds);
    const amount = new Decimal(credits).negated();
    if (amount.isZero()) return released;
    const charge = {
      id: newId(),
      userId,
      kind: 'charge' as const,
      amount: amount.toFixed(),
      generationId: id,
    };
    return (await postEntry(db, charge)) ?? released;
  }
}
