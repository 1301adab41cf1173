import { type Db, rows } from '../database.ts';
import type { GenerationOutcome, GenerationRecord } from '../entities/generation.ts';
import type { MessageRecord } from '../entities/message.ts';
import { prepared } from '../prepared.ts';
import { alive, kept } from './kept-sessions.ts';

/** What a message shows of its generation. */
export type GenerationView = GenerationOutcome &
  Pick<
    GenerationRecord,
    | 'model'
    | 'status'
    | 'attempt'
    | 'finishReason'
    | 'tries'
    | 'omittedParameters'
    | 'lane'
    | 'toolCalls'
    | 'completedAt'
  > & { generationId: string };

/** A message with its generation; without one for what people wrote. */
export interface MessageView extends MessageRecord {
  generation: GenerationView | null;
}

const COLUMNS = `m.id, m.session_id, m.user_id, m.parent_id, m.role, m.content, m.reasoning, m.created_at,
         g.id AS generation_id, g.model, g.status, g.attempt, g.finish_reason, g.error_code, g.error_message,
         g.tries, g.omitted_parameters, g.input_tokens, g.cached_input_tokens, g.output_tokens, g.reasoning_tokens,
         g.usage_estimated, g.cost_usd, g.credits, g.completed_at, g.lane, g.tool_calls`;
const TABLES = 'messages m LEFT JOIN generations g ON g.message_id = m.id';
const SELECT = `SELECT ${COLUMNS} FROM ${TABLES}`;

const ofSession = (condition: string): string =>
  prepared(
    `${SELECT} WHERE m.id = $1 AND m.user_id = $2 AND (SELECT ${condition} FROM sessions WHERE sessions.id = m.session_id)`,
  );
const OWNED = ofSession(alive('sessions'));
const KEPT = ofSession(kept('sessions'));

/**
 * A message of one owner, in whatever session; undefined when there is none, its session has expired, or it is somebody
 * else's.
 */
export async function findOwnedMessage(db: Db, userId: string, id: string): Promise<MessageView | undefined> {
  return (await rows<Row>(db, OWNED, [id, userId])).map(toView)[0];
}

/** As {@link findOwnedMessage} for all that an owner comes back to: the message of a one-shot call is not there. */
export async function findKeptMessage(db: Db, userId: string, id: string): Promise<MessageView | undefined> {
  return (await rows<Row>(db, KEPT, [id, userId])).map(toView)[0];
}

/** Messages of one session by id, in no order; those that are not there are left out. */
export async function findMessages(db: Db, sessionId: string, ids: string[]): Promise<MessageView[]> {
  if (ids.length === 0) return [];
  const found = await rows<Row>(db, prepared(`${SELECT} WHERE m.id = ANY($1) AND m.session_id = $2`), [
    ids,
    sessionId,
  ]);
  return found.map(toView);
}

/** Which of these messages are in a session. */
export async function findMessageIds(db: Db, sessionId: string, ids: string[]): Promise<string[]> {
  if (ids.length === 0) return [];
  const sql = 'SELECT id FROM messages WHERE id = ANY($1) AND session_id = $2';
  return (await rows<{ id: string }>(db, sql, [ids, sessionId])).map(({ id }) => id);
}

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

/** A row of a page. */
type SizedRow = Row & { more: boolean };

/**
 * A page, by number and by bytes. Both are found out while the index is walked, and neither goes further than the page; how
 * long a text is stands beside it, and does not have it read.
 */
function pageSql({ where, order, limit }: { where: string; order: string; limit: string }): string {
  const bytes = 'octet_length(m.content) + coalesce(octet_length(m.reasoning), 0)';
  return `SELECT * FROM (
     SELECT ${COLUMNS}, row_number() OVER walk AS number, sum(${bytes}) OVER walk AS bytes, lead(true, 1, false) OVER walk AS more
       FROM ${TABLES} WHERE ${where}
     WINDOW walk AS (ORDER BY ${order} ROWS UNBOUNDED PRECEDING) ORDER BY ${order} LIMIT ${limit}) AS page
    WHERE number = 1 OR bytes <= ${PAGE_BYTES} ORDER BY number`;
}

const toPage = (found: SizedRow[]): MessagePage => ({
  messages: found.map(toView),
  more: found.at(-1)?.more ?? false,
});

/** What a model is told of a message. */
export type ContextMessage = Pick<MessageRecord, 'id' | 'parentId' | 'role' | 'content'> & {
  /** Of a reply: the model that wrote it. */
  model: string | null;
  /** Of a reply in a playground: its lane. */
  lane: number | null;
};

/**
 * What a generation has before it: the message that it answers, then older ones, newest first. When that message was
 * deleted, the first one is another. Only what a model is told: this stands between a person and the first token.
 */
export async function listContext(db: Db, generationId: string, limit: number): Promise<ContextMessage[]> {
  return rows<ContextMessage>(
    db,
    prepared(`SELECT m.id, m.parent_id AS "parentId", m.role, m.content, g.model, g.lane
       FROM messages m LEFT JOIN generations g ON g.message_id = m.id
      WHERE m.session_id = (SELECT session_id FROM generations WHERE id = $1)
        AND m.id <= (SELECT p.parent_id FROM generations x JOIN messages p ON p.id = x.message_id WHERE x.id = $1)
      ORDER BY m.id DESC LIMIT $2`),
    [generationId, limit],
  );
}

/** The ids of a session's messages newer than `after`, oldest first. */
export async function listMessageIdsAfter(
  db: Db,
  { sessionId, after, limit }: { sessionId: string; after: string; limit: number },
): Promise<string[]> {
  const sql = 'SELECT id FROM messages WHERE session_id = $1 AND id > $2 ORDER BY id LIMIT $3';
  return (await rows<{ id: string }>(db, sql, [sessionId, after, limit])).map(({ id }) => id);
}

/** A page of a session's messages newer than `after`, oldest first. */
export async function pageMessagesAfter(
  db: Db,
  { sessionId, after, limit }: { sessionId: string; after: string; limit: number },
): Promise<MessagePage> {
  const sql = pageSql({ where: 'm.session_id = $1 AND m.id > $2', order: 'm.id', limit: '$3' });
  return toPage(await rows<SizedRow>(db, sql, [sessionId, after, limit]));
}

/** A session's messages newer than `after`, oldest first, however long they are. */
export async function listMessagesAfter(
  db: Db,
  { sessionId, after, limit }: { sessionId: string; after: string; limit: number },
): Promise<MessageView[]> {
  const found = await rows<Row>(
    db,
    `${SELECT} WHERE m.session_id = $1 AND m.id > $2 ORDER BY m.id LIMIT $3`,
    [sessionId, after, limit],
  );
  return found.map(toView);
}

/** A session's messages whose generation has not ended, oldest first. */
export async function listRunningMessages(db: Db, sessionId: string): Promise<MessageView[]> {
  const found = await rows<Row>(
    db,
    prepared(`${SELECT} WHERE g.session_id = $1 AND g.status IN ('queued', 'streaming') ORDER BY m.id`),
    [sessionId],
  );
  return found.map(toView).filter((message) => message.sessionId === sessionId);
}

/** Writes the final text, and the reasoning before it. Returns false when the message was deleted meanwhile. */
export async function setMessageContent(
  db: Db,
  id: string,
  { content, reasoning }: Pick<MessageRecord, 'content' | 'reasoning'>,
): Promise<boolean> {
  const sql = prepared('UPDATE messages SET content = $2, reasoning = $3 WHERE id = $1 RETURNING id');
  const found = await rows(db, sql, [id, content, reasoning]);
  return found.length > 0;
}

/**
 * Deletes a message, and takes it out of the count of its session. The message is locked before the session, as by a
 * settlement. Returns false when it was not there.
 */
export async function deleteMessageRow(db: Db, id: string): Promise<boolean> {
  const [done] = await rows<{ gone: boolean }>(
    db,
    `WITH gone AS (DELETE FROM messages WHERE id = $1 RETURNING session_id),
          counted AS (UPDATE sessions SET message_count = message_count - 1 FROM gone WHERE sessions.id = gone.session_id)
     SELECT EXISTS (SELECT FROM gone) AS gone`,
    [id],
  );
  return done?.gone ?? false;
}

interface Row {
  id: string;
  session_id: string;
  user_id: string;
  parent_id: string | null;
  role: MessageRecord['role'];
  content: string;
  reasoning: string | null;
  created_at: Date;
  generation_id: string | null;
  model: string;
  status: GenerationRecord['status'];
  attempt: number;
  finish_reason: GenerationRecord['finishReason'];
  error_code: GenerationRecord['errorCode'];
  error_message: string | null;
  tries: GenerationRecord['tries'];
  omitted_parameters: GenerationRecord['omittedParameters'];
  input_tokens: number | null;
  cached_input_tokens: number | null;
  output_tokens: number | null;
  reasoning_tokens: number | null;
  usage_estimated: boolean | null;
  cost_usd: string | null;
  credits: string | null;
  completed_at: Date | null;
  lane: number | null;
  tool_calls: GenerationRecord['toolCalls'];
}

function toView(row: Row): MessageView {
  return {
    id: row.id,
    sessionId: row.session_id,
    userId: row.user_id,
    parentId: row.parent_id,
    role: row.role,
    content: row.content,
    reasoning: row.reasoning,
    createdAt: row.created_at,
    generation: row.generation_id === null ? null : toGeneration(row, row.generation_id),
  };
}

function toGeneration(row: Row, generationId: string): GenerationView {
  return {
    generationId,
    model: row.model,
    status: row.status,
    attempt: row.attempt,
    finishReason: row.finish_reason,
    errorCode: row.error_code,
    errorMessage: row.error_message,
    tries: row.tries,
    omittedParameters: row.omitted_parameters,
    inputTokens: row.input_tokens,
    cachedInputTokens: row.cached_input_tokens,
    outputTokens: row.output_tokens,
    reasoningTokens: row.reasoning_tokens,
    usageEstimated: row.usage_estimated,
    costUsd: row.cost_usd,
    credits: row.credits,
    completedAt: row.completed_at,
    lane: row.lane,
    toolCalls: row.tool_calls,
  };
}
