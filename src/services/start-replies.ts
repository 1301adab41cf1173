import { notFound } from '../base/errors.ts';
import { newId } from '../base/ids.ts';
import type { Logger } from '../base/logger.ts';
import type { Message } from '../contracts/message.ts';
import type { SessionSettings } from '../contracts/session.ts';
import type { Db } from '../data/database.ts';
import type { MessageRecord } from '../data/entities/message.ts';
import { insertTurn, type NewGeneration } from '../data/repositories/turns.ts';
import { presentMessage } from '../presenters/message.ts';
import type { GenerationQueue } from '../queue/generation-queue.ts';
import type { Announcer } from './announce.ts';
import type { Model } from './model-directory.ts';

/** A reply that is about to be written: its placeholder, and the generation that will fill it. */
export interface PlannedReply {
  message: MessageRecord;
  generation: NewGeneration;
}

/** What the replies of one turn have in common. */
export interface Turn {
  userId: string;
  sessionId: string;
  /** The message that is answered. */
  parentId: string;
  settings: SessionSettings;
}

/** A reply by each model, with ids of their own, not stored yet. */
export function planReplies(turn: Turn, models: Model[]): PlannedReply[] {
  const { userId, sessionId, parentId, settings } = turn;
  return models.map((model) => {
    const createdAt = new Date();
    const message: MessageRecord = {
      id: newId(),
      sessionId,
      userId,
      parentId,
      role: 'assistant',
      content: '',
      reasoning: null,
      createdAt,
    };
    const { id, price } = model;
    const generation = {
      id: newId(),
      userId,
      sessionId,
      messageId: message.id,
      model: id,
      settings,
      price,
      createdAt,
    };
    return { message, generation };
  });
}

/** A planned reply as its placeholder is shown. */
export function presentPlanned({ message, generation }: PlannedReply, inrPerUsd: number): Message {
  const { id: generationId, model } = generation;
  const nothingYet = {
    finishReason: null,
    errorCode: null,
    errorMessage: null,
    tries: [],
    omittedParameters: [],
    inputTokens: null,
    cachedInputTokens: null,
    outputTokens: null,
    reasoningTokens: null,
    usageEstimated: null,
    costUsd: null,
    credits: null,
    completedAt: null,
  };
  return presentMessage(
    { ...message, generation: { generationId, model, status: 'queued', attempt: 0, ...nothingYet } },
    { inrPerUsd },
  );
}

/** What is stored of a turn. */
export interface StoredTurn {
  userId: string;
  sessionId: string;
  /** What was posted; undefined when a reply is written again. */
  message?: MessageRecord;
  replies: PlannedReply[];
  /** Becomes the title of a session that has none. */
  title?: string | null;
}

/**
 * Stores a turn, in the caller's transaction.
 *
 * @throws {AppError} `not_found` when the session was deleted meanwhile
 */
export async function storeTurn(db: Db, turn: StoredTurn): Promise<void> {
  const { userId, sessionId, message, replies, title = null } = turn;
  const messages = [...(message ? [message] : []), ...replies.map((reply) => reply.message)];
  const generations = replies.map(({ generation }) => generation);
  if (!(await insertTurn(db, { userId, sessionId, title, messages, generations }))) throw notFound('session');
}

/** What {@link launch} needs. */
export interface LaunchDeps {
  announce: Announcer;
  queue: GenerationQueue;
  log: Logger;
}

/**
 * Tells the room of a committed turn, and queues its generations: asked for in this order, so that nobody sees a
 * delta of a message that was not announced, but without waiting in between. What a crash or a lost queue leaves
 * undone, the sweeper does.
 */
export async function launch(deps: LaunchDeps, messages: Message[], replies: PlannedReply[]): Promise<void> {
  const { announce, queue, log } = deps;
  const announced = messages.map((message) => announce.toSession(message.sessionId, 'message:new', message));
  const queued = await Promise.allSettled(replies.map(({ generation }) => queue.enqueue(generation.id)));
  for (const result of queued) {
    if (result.status === 'rejected') log.warn({ err: result.reason }, 'a generation was not queued');
  }
  await Promise.all(announced);
}
