import { type Db, rows } from '../database.ts';
import { prepared } from '../prepared.ts';
import { kept } from './kept-sessions.ts';
import { COLUMNS, type MessageRow, type MessageView, TABLES, toView } from './messages.ts';
import { hasMore, type SizedRow, sizedPage } from './sized-page.ts';

/** Which messages of a session are read at once. */
export interface MessagePageQuery {
  sessionId: string;
  limit: number;
  /** Only messages older than this id. */
  before?: string | undefined;
}

/** Some messages of a session. */
export interface MessagePage {
  messages: MessageView[];
  /** There are more behind them. */
  more: boolean;
}

/**
 * Most bytes of text that are read at once; one message is always read. A hundred of the longest would be some tens of megabytes,
 * which are kept for as long as whoever asked for them takes to read them.
 */
const PAGE_BYTES = 1_000_000;

/** A session's messages, newest first. */
export async function listMessages(
  db: Db,
  { sessionId, limit, before }: MessagePageQuery,
): Promise<MessagePage> {
  return listNewest(db, { session: '$1', params: [sessionId], limit, before });
}

/**
 * As {@link listMessages} for a session of one owner, in one statement; empty as well when there is no such
 * session, it is a one-shot call, it has expired, or it is somebody else's.
 */
export async function listOwnedMessages(
  db: Db,
  { userId, sessionId, limit, before }: MessagePageQuery & { userId: string },
): Promise<MessagePage> {
  const session = `(SELECT CASE WHEN user_id = $2 AND ${kept('sessions')} THEN id END FROM sessions WHERE id = $1)`;
  return listNewest(db, { session, params: [sessionId, userId], limit, before });
}

/** The cursor is in the statement only when there is one: `$n IS NULL OR …` would read the session to its end. */
async function listNewest(
  db: Db,
  {
    session,
    params,
    limit,
    before,
  }: { session: string; params: string[]; limit: number; before: string | undefined },
): Promise<MessagePage> {
  const older = before === undefined ? '' : `AND m.id < $${params.length + 2}`;
  const sql = pageSql({
    where: `m.session_id = ${session} ${older}`,
    order: 'm.id DESC',
    limit: `$${params.length + 1}`,
  });
  return readPage(db, sql, before === undefined ? [...params, limit] : [...params, limit, before]);
}

/** A page of a session's messages newer than `after`, oldest first. */
export async function pageMessagesAfter(
  db: Db,
  { sessionId, after, limit }: { sessionId: string; after: string; limit: number },
): Promise<MessagePage> {
  const sql = pageSql({ where: 'm.session_id = $1 AND m.id > $2', order: 'm.id', limit: '$3' });
  return readPage(db, sql, [sessionId, after, limit]);
}

/** The oldest of these messages of a session. */
export async function pageMessages(
  db: Db,
  { sessionId, ids }: { sessionId: string; ids: string[] },
): Promise<MessagePage> {
  const sql = pageSql({ where: 'm.id = ANY($2) AND m.session_id = $1', order: 'm.id', limit: 'ALL' });
  return readPage(db, sql, [sessionId, ids]);
}

/** Prepared: there are few texts, and the plan of none depends on what it is asked for. */
const pageSql = ({ where, ...page }: { where: string; order: string; limit: string }): string =>
  prepared(
    sizedPage({
      ...page,
      columns: COLUMNS,
      from: `${TABLES} WHERE ${where}`,
      bytes: 'octet_length(m.content) + coalesce(octet_length(m.reasoning), 0)',
      mostBytes: PAGE_BYTES,
    }),
  );

async function readPage(db: Db, sql: string, params: unknown[]): Promise<MessagePage> {
  const found = await rows<MessageRow & SizedRow>(db, sql, params);
  return { messages: found.map(toView), more: hasMore(found) };
}
