import { Decimal } from 'decimal.js';
import { invalidField, notFound } from '../base/errors.ts';
import { MAX_CREDITS } from '../contracts/credits.ts';
import type { MovedBalance, SetBalanceBody } from '../contracts/routes/balance.ts';
import type { Database, Db } from '../data/database.ts';
import { lockAccount } from '../data/repositories/ledger.ts';
import type { Announcer } from './announce.ts';
import { workOnce } from './answer-once.ts';
import { type AdminActor, audit } from './audit.ts';
import { announceMoved, moveBalance, unmoved } from './move-balance.ts';
import { repeatKeys } from './repeat-keys.ts';

/**
 * Sets the balance of a user, or adds to it: an `adjustment` by the admin who asks. What is set is set exactly, whatever
 * is charged at the same time: the difference is taken with the account locked.
 *
 * @param idempotencyKey the same key gets the first answer, and moves nothing
 * @throws {AppError} `not_found` for the user; `validation_failed` when `amount` would take the balance too far;
 *   `idempotency_key_reused`
 */
export type AdjustBalance = (
  admin: AdminActor,
  body: SetBalanceBody,
  idempotencyKey?: string,
) => Promise<MovedBalance>;

/** Makes the verb. */
export function createAdjustBalance(deps: { database: Database; announce: Announcer }): AdjustBalance {
  const { database, announce } = deps;

  return async (admin, body, idempotencyKey) => {
    const keys = repeatKeys({ header: idempotencyKey });
    const repeatable = { userId: admin.userId, keys, request: { adjust: body } };
    const { answer, repeated } = await workOnce(database, repeatable, (db) => adjust(db, admin, body));
    if (!repeated) await announceMoved(announce, answer);
    return answer;
  };
}

async function adjust(db: Db, admin: AdminActor, body: SetBalanceBody): Promise<MovedBalance> {
  const { userId, balance, amount, reason } = body;
  const account = await lockAccount(db, userId);
  if (!account) throw notFound('user', 'body.userId');
  const moved = new Decimal(amount ?? new Decimal(balance ?? account.balance).minus(account.balance));
  if (amount !== undefined) requireInReach(moved, moved.plus(account.balance));
  if (moved.isZero()) return unmoved(account);
  const entry = {
    userId,
    kind: 'adjustment' as const,
    amount: moved.toFixed(),
    reason,
    createdBy: admin.userId,
  };
  const done = (await moveBalance(db, entry)) ?? unmoved(account);
  await audit(db, admin, {
    action: 'balance.adjust',
    targetType: 'user',
    targetId: userId,
    details: {
      before: { balance: new Decimal(account.balance).toFixed() },
      after: { balance: moved.plus(account.balance).toFixed() },
      reason,
    },
  });
  return done;
}

/** However often something is added, a balance stays one that can be shown exactly. */
function requireInReach(amount: Decimal, after: Decimal): void {
  const tooFar = amount.isPositive() ? after.gt(MAX_CREDITS) : after.lt(-MAX_CREDITS);
  if (!tooFar) return;
  throw invalidField(
    'body.amount',
    `would make the balance ${after.toFixed()}, beyond ${MAX_CREDITS} either way`,
  );
}
