import { type Db, rows } from '../database.ts';
import { prepared } from '../prepared.ts';
import { kept } from './kept-sessions.ts';
import { COLUMNS, type MessageRow, type MessageView, TABLES, toView } from './messages.ts';

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
  const found = await rows<SizedRow>(
    db,
    pageSql({
      where: `m.session_id = ${session} ${older}`,
      order: 'm.id DESC',
      limit: `$${params.length + 1}`,
    }),
    before === undefined ? [...params, limit] : [...params, limit, before],
  );
  return toPage(found);
}

/** A page of a session's messages newer than `after`, oldest first. */
export async function pageMessagesAfter(
  db: Db,
  { sessionId, after, limit }: { sessionId: string; after: string; limit: number },
): Promise<MessagePage> {
  const sql = pageSql({ where: 'm.session_id = $1 AND m.id > $2', order: 'm.id', limit: '$3' });
  return toPage(await rows<SizedRow>(db, sql, [sessionId, after, limit]));
}

/** The oldest of these messages of a session. */
export async function pageMessages(
  db: Db,
  { sessionId, ids }: { sessionId: string; ids: string[] },
): Promise<MessagePage> {
  const sql = pageSql({ where: 'm.id = ANY($2) AND m.session_id = $1', order: 'm.id', limit: 'ALL' });
  return toPage(await rows<SizedRow>(db, sql, [sessionId, ids]));
}

/** A row of a page. */
type SizedRow = MessageRow & { more: boolean };

/**
 * A page, by number and by bytes. Both are found out while the index is walked, and neither goes further than the page; how
 * long a text is stands beside it, and does not have it read.
 */
function pageSql({ where, order, limit }: { where: string; order: string; limit: string }): string {
  const bytes = 'octet_length(m.content) + coalesce(octet_length(m.reasoning), 0)';
  return prepared(`SELECT * FROM (
     SELECT ${COLUMNS}, row_number() OVER walk AS number, sum(${bytes}) OVER walk AS bytes, lead(true, 1, false) OVER walk AS more
       FROM ${TABLES} WHERE ${where}
     WINDOW walk AS (ORDER BY ${order} ROWS UNBOUNDED PRECEDING) ORDER BY ${order} LIMIT ${limit}) AS page
    WHERE number = 1 OR bytes <= ${PAGE_BYTES} ORDER BY number`);
}

const toPage = (found: SizedRow[]): MessagePage => ({
  messages: found.map(toView),
  more: found.at(-1)?.more ?? false,
});
