import type { BalanceEvent } from '../contracts/events.ts';
import type { Session } from '../contracts/session.ts';
import type { Database } from '../data/database.ts';
import { findAccount } from '../data/repositories/accounts.ts';
import { listSessionsSince } from '../data/repositories/sessions.ts';
import { presentBalance } from '../presenters/balance.ts';
import { presentSession } from '../presenters/session.ts';

/** What the events in the room of a user are about, for whoever may have missed some. */
export interface UserRoomState {
  /** What the user has now; undefined without an account. */
  balance(userId: string): Promise<BalanceEvent | undefined>;
  /** What the user has opened since then, oldest first, {@link MAX_SESSIONS} at most. */
  sessionsSince(userId: string, since: Date): Promise<Session[]>;
}

/** Most sessions that somebody is told of afterwards; more are found in `GET /sessions`. */
const MAX_SESSIONS = 100;

/** Makes the reader. */
export function createUserRoomState({
  database,
  inrPerUsd,
}: {
  database: Pick<Database, 'db'>;
  inrPerUsd: number;
}): UserRoomState {
  return {
    async balance(userId) {
      const account = await findAccount(database.db, userId);
      return account && presentBalance(account);
    },
    async sessionsSince(userId, since) {
      const opened = await listSessionsSince(database.db, { userId, since, limit: MAX_SESSIONS });
      return opened.map((session) => presentSession(session, inrPerUsd));
    },
  };
}
