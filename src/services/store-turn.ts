import { Decimal } from 'decimal.js';
import { AppError, notFound } from '../base/errors.ts';
import { newIdAfter } from '../base/ids.ts';
import type { Db } from '../data/database.ts';
import type { AccountRecord } from '../data/entities/ledger.ts';
import type { MessageRecord } from '../data/entities/message.ts';
import type { AdmissionLimits } from '../data/entities/usage.ts';
import { findUsageState } from '../data/repositories/accounts.ts';
import {
  insertTurn,
  type NewTurn,
  type OpeningSession,
  type TurnOutcome,
} from '../data/repositories/turns.ts';
import { explainRefusal } from './explain-refusal.ts';
import type { PlannedReply } from './plan-replies.ts';

/** What is stored of a turn. */
export interface StoredTurn {
  userId: string;
  sessionId: string;
  /** What was posted; undefined when a reply is written again. */
  message?: MessageRecord | undefined;
  replies: PlannedReply[];
  /** Becomes the title of a session that has none. */
  title?: string | null | undefined;
  /** The session, when it is opened with this turn. */
  opening?: OpeningSession | undefined;
}

/** How often a turn that was refused is tried again when nothing speaks against it any more. */
const MAX_TRIES = 5;

/** How a turn was stored. */
export interface Stored {
  /** The turn; with other ids where another was stored before it, see `insertTurn`. */
  turn: StoredTurn;
  /** The account with what was set aside; undefined when nothing was. */
  account: Pick<AccountRecord, 'balance' | 'held'> | undefined;
  /** The message that was stored in the session before it; null when there was none. */
  previousId: string | null;
}

/**
 * Stores a turn, in the caller's transaction, if credits and limits of its user allow it.
 *
 * @throws {AppError} `not_found` when the session was deleted meanwhile; `insufficient_credits`, `usage_limit_reached`,
 *   `too_many_generations`
 */
export async function storeTurn(db: Db, planned: StoredTurn, limits: AdmissionLimits): Promise<Stored> {
  const { userId, replies } = planned;
  const generations = replies.map(({ generation }) => generation);
  const asked = {
    replies: replies.length,
    hold: Decimal.sum(0, ...generations.map(({ hold }) => hold)).toFixed(),
    holdTokens: generations.reduce((sum, { holdTokens }) => sum + holdTokens, 0),
  };
  for (let tries = 0; tries < MAX_TRIES; tries++) {
    const { outcome, turn } = await insertInOrder(db, planned, asked, limits);
    if (outcome.status === 'stored') {
      const { account, previousId } = outcome;
      return { turn, account, previousId };
    }
    if (outcome.status === 'no-session') throw notFound('session');
    const state = await findUsageState(db, userId, limits);
    if (!state) throw notFound('account');
    const refusal = explainRefusal(state, asked, limits);
    if (refusal) throw refusal;
  }
  throw new AppError('too_many_generations', 'Too many requests of yours came at once. Try again.', {
    retryAfterSeconds: 1,
  });
}

/** Tries again only after another turn was stored in between: of many at once, one always succeeds. */
async function insertInOrder(
  db: Db,
  planned: StoredTurn,
  { hold, holdTokens }: Pick<NewTurn, 'hold' | 'holdTokens'>,
  limits: AdmissionLimits,
): Promise<{ outcome: Exclude<TurnOutcome, { status: 'overtaken' }>; turn: StoredTurn }> {
  for (let turn = planned; ; ) {
    const { userId, sessionId, message, replies, title = null, opening } = turn;
    const messages = [...(message ? [message] : []), ...replies.map((reply) => reply.message)];
    const generations = replies.map(({ generation }) => generation);
    const rows = { userId, sessionId, title, opening, messages, generations, hold, holdTokens };
    const outcome = await insertTurn(db, rows, limits);
    if (outcome.status !== 'overtaken') return { outcome, turn };
    turn = movedBehind(turn, outcome.by);
  }
}

/** A turn whose messages sort behind another. */
function movedBehind(turn: StoredTurn, id: string): StoredTurn {
  const message = turn.message && { ...turn.message, id: newIdAfter(id) };
  let last = message?.id ?? id;
  const replies = turn.replies.map((reply) => {
    last = newIdAfter(last);
    const parentId = message?.id ?? reply.message.parentId;
    return {
      message: { ...reply.message, id: last, parentId },
      generation: { ...reply.generation, messageId: last },
    };
  });
  return { ...turn, message, replies };
}
