import { type Db, rows } from '../database.ts';
import type { GenerationRecord } from '../entities/generation.ts';
import type { AccountRecord } from '../entities/ledger.ts';
import type { MessageRecord } from '../entities/message.ts';
import type { SessionRecord } from '../entities/session.ts';
import type { AdmissionLimits } from '../entities/usage.ts';
import { prepared } from '../prepared.ts';
import { counted, ofDay, ofMonth, ofWindow, windowStart } from './usage-counters.ts';

/** What a new generation is made of. */
export type NewGeneration = Pick<
  GenerationRecord,
  | 'id'
  | 'userId'
  | 'sessionId'
  | 'model'
  | 'settings'
  | 'lane'
  | 'input'
  | 'price'
  | 'hold'
  | 'holdTokens'
  | 'createdAt'
> & {
  /** The placeholder that it fills. */
  messageId: string;
  /** It is stopped when nobody says for so long that somebody waits for it; null: it goes on by itself. */
  watchedMs: number | null;
  /** When the hold is given up, unless a worker prolongs it. */
  holdExpiresAt: Date;
};

/** A session that is opened with its first turn. */
export interface OpeningSession extends Pick<SessionRecord, 'kind' | 'model' | 'settings' | 'metadata'> {
  /** Null: it is kept. */
  expiresAt: Date | null;
}

/** Messages that are stored together, and the generations of the replies among them. */
export interface NewTurn {
  userId: string;
  sessionId: string;
  /** Becomes the title of a session that has none. */
  title: string | null;
  /** The session, when it is not there yet: it is stored with the turn, or not at all. */
  opening?: OpeningSession | undefined;
  /** In the order of their ids; one or more. */
  messages: MessageRecord[];
  generations: NewGeneration[];
  /** Credits of all holds together, a decimal string. */
  hold: string;
  /** Tokens of all holds together. */
  holdTokens: number;
}

/** How storing a turn went. */
export type TurnOutcome =
  | {
      status: 'stored';
      account: Pick<AccountRecord, 'balance' | 'held'> | undefined;
      /** The message that was stored in the session before these, whether or not it is still there. */
      previousId: string | null;
    }
  /** A message that sorts behind these was stored before them: they need other ids. */
  | { status: 'overtaken'; by: string }
  /** There is no such session of that user. */
  | { status: 'no-session' }
  /** Some limit, or the credits, do not allow it. */
  | { status: 'refused' };

const MESSAGE_COLUMNS = 'id, session_id, user_id, parent_id, role, content, created_at';
const MESSAGE_TYPES =
  'id uuid, session_id uuid, user_id uuid, parent_id uuid, role text, content text, created_at timestamptz';
const GENERATION_COLUMNS =
  'id, user_id, session_id, message_id, model, settings, lane, input, price, hold, hold_tokens, hold_expires_at, created_at';
const GENERATION_TYPES = `id uuid, user_id uuid, session_id uuid, message_id uuid, model text, settings jsonb,
  lane smallint, input jsonb, price jsonb, hold numeric, hold_tokens integer, hold_expires_at timestamptz,
  created_at timestamptz, watched_ms integer`;
/** By the clock of the database, which is the one that it is looked at by. */
const WATCHED_UNTIL = `now() + watched_ms * interval '1 millisecond'`;

/** What a user may still use: `limit` of the role, with what was set for the user over it. Null: no limit. */
const limit = (name: string): string => `(limits.all_limits ->> '${name}')::bigint`;
/** True where there is no limit, or `used` is within it. */
const within = (used: string, limited: string): string => `(${limited} IS NULL OR ${used} <= ${limited})`;

/**
 * The account of a turn that asks for replies, held, counted and checked in one update of its row: requests that come
 * at once wait for each other here, and each is checked against what the one before has left.
 */
const ADMITTED = `
  UPDATE accounts SET held = held + $8, held_tokens = held_tokens + $9, running = running + $7,
         ${counted('$10', { requests: '$7' })}
    FROM locked, limits
   WHERE accounts.user_id = $2 AND $7::int > 0 AND locked.in_order
     AND balance - held >= $8
     AND (running = 0 OR running + $7 <= $11)
     AND ${within(`${ofDay('day_requests')} + $7`, limit('dailyRequests'))}
     AND ${within(`${ofMonth('month_requests')} + $7`, limit('monthlyRequests'))}
     AND ${within(`${ofMonth('month_tokens')} + held_tokens + $9`, limit('monthlyTokens'))}
     AND ${within(`${ofWindow('window_requests', '$10')} + $7`, '$12::bigint')}
     AND ${within(`${ofWindow('window_tokens', '$10')} + held_tokens + $9`, '$13::bigint')}
     AND ($14::numeric IS NULL OR $14 > coalesce(
           (SELECT cost_usd FROM org_windows WHERE window_start = ${windowStart('$10')}), 0))
  RETURNING balance, held`;

/** The session of a turn, locked, and then counted up: `locked` and `session` in the statement. */
const THERE = {
  locked: `SELECT id, newest_message_id, coalesce(newest_message_id < $17, true) AS in_order
             FROM sessions WHERE id = $1 AND user_id = $2 FOR NO KEY UPDATE`,
  session: `UPDATE sessions SET message_count = message_count + $3, newest_message_id = $16, title = coalesce(title, $4),
              last_activity_at = now(), title_by = CASE WHEN title IS NULL AND $4::text IS NOT NULL THEN 'excerpt' ELSE title_by END
         FROM locked WHERE sessions.id = locked.id AND locked.in_order AND ($7 = 0 OR EXISTS (SELECT FROM account)) RETURNING sessions.id`,
};
/** The same for a session that is opened with the turn. */
const OPENED = {
  locked: 'SELECT $1::uuid AS id, NULL::uuid AS newest_message_id, true AS in_order',
  session: `INSERT INTO sessions (id, user_id, message_count, newest_message_id, title, title_by, kind, model, settings, metadata,
              expires_at)
       SELECT $1, $2, $3, $16, $4, 'excerpt', opening.* FROM json_to_record($17)
           AS opening (kind text, model text, settings jsonb, metadata jsonb, expires_at timestamptz)
        WHERE $7 = 0 OR EXISTS (SELECT FROM account) RETURNING id`,
};

const storeWith = ({ locked, session }: typeof THERE): string =>
  prepared(`
  WITH locked AS (
    ${locked}
  ), limits AS (
    SELECT CASE WHEN $15 THEN coalesce(roles.usage_limits, '{}') ELSE '{}' END || users.usage_limits AS all_limits
      FROM users LEFT JOIN roles ON roles.name = users.role WHERE users.id = $2
  ), account AS (${ADMITTED}
  ), session AS (
    ${session}
  ), stored AS (
    INSERT INTO messages (${MESSAGE_COLUMNS})
    SELECT message.* FROM session, json_to_recordset($5) AS message (${MESSAGE_TYPES})
  ), queued AS (
    INSERT INTO generations (${GENERATION_COLUMNS}, watched_until, status)
    SELECT generation.${GENERATION_COLUMNS.replaceAll(', ', ', generation.')}, ${WATCHED_UNTIL}, 'queued'
      FROM session, json_to_recordset($6) AS generation (${GENERATION_TYPES})
  )
  SELECT EXISTS (SELECT FROM locked) AS found, (SELECT in_order FROM locked) AS "inOrder",
         (SELECT newest_message_id FROM locked) AS "newestId", EXISTS (SELECT FROM session) AS stored,
         (SELECT balance FROM account), (SELECT held FROM account)`);
const STORE = storeWith(THERE);
const STORE_AND_OPEN = storeWith(OPENED);

/**
 * Stores a turn, if its user's credits and limits allow it, and counts it into its session, which becomes the one last
 * used: all or nothing, in one statement, as this stands between a person and the first token. The session is locked before
 * the account, in the same order as by a settlement.
 *
 * In a session ids sort in the order in which messages are committed: the lock is held until then, and what sorts before the
 * newest that was ever stored is not stored. So whoever has a message, and all that sorts before it, has missed nothing.
 */
export async function insertTurn(db: Db, turn: NewTurn, limits: AdmissionLimits): Promise<TurnOutcome> {
  const { userId, sessionId, title, opening, messages, generations, hold, holdTokens } = turn;
  const { window, maxRunning, byRole } = limits;
  const [outcome] = await rows<{
    found: boolean;
    inOrder: boolean | null;
    newestId: string | null;
    stored: boolean;
    balance: string | null;
    held: string | null;
  }>(db, opening ? STORE_AND_OPEN : STORE, [
    sessionId,
    userId,
    messages.length,
    title,
    JSON.stringify(messages.map(toColumns)),
    JSON.stringify(generations.map(toColumns)),
    generations.length,
    hold,
    holdTokens,
    window.seconds,
    maxRunning,
    window.requests ?? null,
    window.tokens ?? null,
    window.orgCostUsd ?? null,
    byRole,
    messages.at(-1)?.id,
    opening ? JSON.stringify(toColumns(opening)) : messages[0]?.id,
  ]);
  if (!outcome?.found) return { status: 'no-session' };
  const { stored, inOrder, newestId: previousId, balance, held } = outcome;
  if (!inOrder && previousId) return { status: 'overtaken', by: previousId };
  if (!stored) return { status: 'refused' };
  const account = balance === null || held === null ? undefined : { balance, held };
  return { status: 'stored', account, previousId };
}

/** A record under the names of its columns. */
function toColumns(record: object): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(record).map(([name, value]) => [
      name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`),
      value,
    ]),
  );
}
