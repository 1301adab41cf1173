import { Decimal } from 'decimal.js';
import { AppError, notFound } from '../base/errors.ts';
import type { MovedBalance } from '../contracts/routes/balance.ts';
import type { Database, Db } from '../data/database.ts';
import { isKnownGeneration } from '../data/repositories/generation-log.ts';
import { findCharge, lockAccount } from '../data/repositories/ledger.ts';
import type { Announcer } from './announce.ts';
import { workOnce } from './answer-once.ts';
import { type AdminActor, audit } from './audit.ts';
import { announceMoved, moveBalance } from './move-balance.ts';
import { repeatKeys } from './repeat-keys.ts';

/** Which generation is refunded, and why. */
export interface Refund {
  generationId: string;
  reason?: string | undefined;
}

/**
 * Gives back exactly what a generation was charged, once; also when its session is gone.
 *
 * @param idempotencyKey the same key gets the first answer
 * @throws {AppError} `not_found`; `conflict` when nothing was charged, or it was refunded already;
 *   `idempotency_key_reused`
 */
export type RefundGeneration = (
  admin: AdminActor,
  refund: Refund,
  idempotencyKey?: string,
) => Promise<MovedBalance>;

/** Makes the verb. */
export function createRefundGeneration(deps: { database: Database; announce: Announcer }): RefundGeneration {
  const { database, announce } = deps;

  return async (admin, refund, idempotencyKey) => {
    const keys = repeatKeys({ header: idempotencyKey });
    const repeatable = { userId: admin.userId, keys, request: { refund } };
    const { answer, repeated } = await workOnce(database, repeatable, (db) => refundOnce(db, admin, refund));
    if (!repeated) await announceMoved(announce, answer);
    return answer;
  };
}

async function refundOnce(
  db: Db,
  admin: AdminActor,
  { generationId, reason }: Refund,
): Promise<MovedBalance> {
  const charge = await findCharge(db, generationId);
  if (!charge) throw await whyNotCharged(db, generationId);
  const { userId } = charge;
  // Of two at once, the second waits here, and then sees what the first has posted.
  if (!(await lockAccount(db, userId))) throw new AppError('conflict', 'The account was deleted.');
  const amount = new Decimal(charge.amount).negated().toFixed();
  const refunded = await moveBalance(db, {
    userId,
    kind: 'refund',
    amount,
    generationId,
    reason: reason ?? null,
    createdBy: admin.userId,
  });
  if (!refunded) throw new AppError('conflict', 'This generation has been refunded already.');
  await audit(db, admin, {
    action: 'generation.refund',
    targetType: 'generation',
    targetId: generationId,
    details: { userId, amount, reason: reason ?? null },
  });
  return refunded;
}

async function whyNotCharged(db: Db, generationId: string): Promise<AppError> {
  if (!(await isKnownGeneration(db, generationId))) return notFound('generation');
  return new AppError('conflict', 'This generation has not been charged, so there is nothing to refund.');
}
