import { type Db, rows } from '../database.ts';
import type { GenerationOutcome, GenerationRecord } from '../entities/generation.ts';
import type { MessageRecord } from '../entities/message.ts';
import { prepared } from '../prepared.ts';
import { alive, kept } from './kept-sessions.ts';
import { OPEN } from './open-generations.ts';
import { hasMore, type SizedRow, sizedPage } from './sized-page.ts';

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

/** What is read of a message with its generation: a {@link MessageRow}. */
export const COLUMNS = `m.id, m.session_id, m.user_id, m.parent_id, m.role, m.content, m.reasoning, m.created_at,
         g.id AS generation_id, g.model, g.status, g.attempt, g.finish_reason, g.error_code, g.error_message,
         g.tries, g.omitted_parameters, g.input_tokens, g.cached_input_tokens, g.output_tokens, g.reasoning_tokens,
         g.usage_estimated, g.cost_usd, g.credits, g.completed_at, g.lane, g.tool_calls`;
/** Where that stands: `m` the message, `g` the generation. */
export const TABLES = 'messages m LEFT JOIN generations g ON g.message_id = m.id';
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
  return (await rows<MessageRow>(db, OWNED, [id, userId])).map(toView)[0];
}

/** As {@link findOwnedMessage} for all that an owner comes back to: the message of a one-shot call is not there. */
export async function findKeptMessage(db: Db, userId: string, id: string): Promise<MessageView | undefined> {
  return (await rows<MessageRow>(db, KEPT, [id, userId])).map(toView)[0];
}

/** Messages of one session by id, in no order; those that are not there are left out. */
export async function findMessages(db: Db, sessionId: string, ids: string[]): Promise<MessageView[]> {
  if (ids.length === 0) return [];
  const found = await rows<MessageRow>(db, prepared(`${SELECT} WHERE m.id = ANY($1) AND m.session_id = $2`), [
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

/** What a model is told of a message. */
export type ContextMessage = Pick<MessageRecord, 'id' | 'parentId' | 'role' | 'content'> & {
  /** Of a reply: the model that wrote it. */
  model: string | null;
  /** Of a reply in a playground: its lane. */
  lane: number | null;
};

/** What a generation has before it. */
export interface ContextPage {
  /** Newest first. */
  messages: ContextMessage[];
  /** There are more before them. */
  truncated: boolean;
}

/**
 * Most bytes of text that are read for one reply: what two million tokens of prose have, which is as much as the largest windows
 * hold. Messages may be a hundred times as long as the window of a small model, and there are many of them.
 */
const CONTEXT_BYTES = 8_000_000;

const CONTEXT = prepared(
  sizedPage({
    columns: 'm.id, m.parent_id AS "parentId", m.role, m.content, g.model, g.lane',
    from: `${TABLES} WHERE m.session_id = (SELECT session_id FROM generations WHERE id = $1)
        AND m.id <= (SELECT p.parent_id FROM generations x JOIN messages p ON p.id = x.message_id WHERE x.id = $1)`,
    order: 'm.id DESC',
    limit: '$2',
    bytes: 'octet_length(m.content)',
    mostBytes: CONTEXT_BYTES,
  }),
);

/**
 * What a generation has before it: the message that it answers, which is always read, then older ones. When that message was
 * deleted, the first one is another. Only what a model is told: this stands between a person and the first token.
 */
export async function listContext(db: Db, generationId: string, limit: number): Promise<ContextPage> {
  const messages = await rows<ContextMessage & SizedRow>(db, CONTEXT, [generationId, limit]);
  return { messages, truncated: hasMore(messages) };
}

/** The ids of a session's messages newer than `after`, oldest first. */
export async function listMessageIdsAfter(
  db: Db,
  { sessionId, after, limit }: { sessionId: string; after: string; limit: number },
): Promise<string[]> {
  const sql = 'SELECT id FROM messages WHERE session_id = $1 AND id > $2 ORDER BY id LIMIT $3';
  return (await rows<{ id: string }>(db, sql, [sessionId, after, limit])).map(({ id }) => id);
}

/** A session's messages whose generation has not ended, oldest first. */
export async function listRunningMessages(db: Db, sessionId: string): Promise<MessageView[]> {
  const found = await rows<MessageRow>(
    db,
    prepared(`${SELECT} WHERE g.session_id = $1 AND g.${OPEN} ORDER BY m.id`),
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

/** A message with its generation, as it is read. */
export interface MessageRow {
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

/** A row as what it shows. */
export function toView(row: MessageRow): MessageView {
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

function toGeneration(row: MessageRow, generationId: string): GenerationView {
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
