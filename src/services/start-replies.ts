import { Decimal } from 'decimal.js';
import { AppError, notFound } from '../base/errors.ts';
import { newId, newIdAfter } from '../base/ids.ts';
import type { Logger } from '../base/logger.ts';
import type { Message } from '../contracts/message.ts';
import type { PromptInput } from '../contracts/prompt.ts';
import type { SessionSettings } from '../contracts/session.ts';
import type { Db } from '../data/database.ts';
import type { AccountRecord } from '../data/entities/ledger.ts';
import type { MessageRecord } from '../data/entities/message.ts';
import type { AdmissionLimits } from '../data/entities/usage.ts';
import { findUsageState } from '../data/repositories/accounts.ts';
import {
  insertTurn,
  type NewGeneration,
  type NewTurn,
  type OpeningSession,
  type TurnOutcome,
} from '../data/repositories/turns.ts';
import { presentBalance } from '../presenters/balance.ts';
import { presentMessage } from '../presenters/message.ts';
import type { GenerationQueue } from '../queue/generation-queue.ts';
import type { Announcer } from './announce.ts';
import { countPrompt } from './count-prompt.ts';
import { countTokens } from './count-tokens.ts';
import { explainRefusal } from './explain-refusal.ts';
import { estimateHold } from './hold.ts';
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
  /** The message that is answered; null when what is asked is no message. */
  parentId: string | null;
  /** That message; empty when every reply has an input of its own. */
  content: string;
  settings: SessionSettings;
}

/** Who is to write one reply, and to what. */
export interface AskedReply {
  model: Model;
  /** Tokens of the conversation up to here, see `AskedTokens`. */
  historyTokens: number;
  /** Of a playground run. */
  lane?: number;
  /** The whole prompt, where that is not the conversation. */
  input?: PromptInput;
  /** See `NewGeneration`. */
  watchedMs?: number | null;
}

/** What is set aside for a reply, and for how long. */
export interface HoldRules {
  /** Tokens of output. */
  reserveTokens: number;
  /** How long a reply may be without a worker. */
  minutes: number;
}

/** Each reply, with ids of its own and what is to be set aside for it; not stored yet. */
export async function planReplies(
  turn: Turn,
  asked: AskedReply[],
  holds: HoldRules,
): Promise<PlannedReply[]> {
  const { userId, sessionId, parentId, settings } = turn;
  const { maxTokens } = settings;
  const countAsked = countsOf(turn);
  const planned: PlannedReply[] = [];
  for (const { model, historyTokens, lane = null, input = null, watchedMs = null } of asked) {
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
    const tokens = input ? await countPrompt(input) : await countAsked(historyTokens);
    const hold = estimateHold(
      model,
      { asked: tokens, history: historyTokens, maxTokens },
      holds.reserveTokens,
    );
    const generation = {
      id: newId(),
      userId,
      sessionId,
      messageId: message.id,
      model: model.id,
      settings,
      lane,
      input,
      watchedMs,
      price: model.price,
      ...hold,
      holdExpiresAt: new Date(createdAt.getTime() + holds.minutes * 60_000),
      createdAt,
    };
    planned.push({ message, generation });
  }
  return planned;
}

/** Counts what a turn asks anew, each text once, and none that nobody is asked. The system prompt is in what the last reply took, where there was one. */
function countsOf({ content, settings }: Turn): (historyTokens: number) => Promise<number> {
  let tokens: number | undefined;
  let system: number | undefined;
  return async (historyTokens) => {
    tokens ??= await countTokens(content);
    if (historyTokens > 0) return tokens;
    system ??= await countTokens(settings.systemPrompt ?? '');
    return tokens + system;
  };
}

/** A planned reply as its placeholder is shown. */
export function presentPlanned({ message, generation }: PlannedReply, inrPerUsd: number): Message {
  const { id: generationId, model, lane } = generation;
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
    toolCalls: null,
    completedAt: null,
  };
  return presentMessage(
    { ...message, generation: { generationId, model, lane, status: 'queued', attempt: 0, ...nothingYet } },
    { inrPerUsd },
  );
}

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
  account: HeldAccount | undefined;
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

/** Each further try follows another turn that was stored meanwhile: somebody always gets on. */
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

/** An account with what is set aside. */
export type HeldAccount = Pick<AccountRecord, 'balance' | 'held'>;

/** What {@link launch} needs. */
export interface LaunchDeps {
  announce: Announcer;
  queue: GenerationQueue;
  log: Logger;
}

/** A turn that was stored. */
export interface LaunchedTurn {
  /** To be shown: all that was stored, in the order of their ids. */
  messages: Message[];
  /** What {@link storeTurn} returned. */
  stored: Stored;
}

/**
 * Tells the room of a committed turn, and queues its generations: asked for in this order, so that nobody sees a
 * delta of a message that was not announced, nor what is held after it was given back, but without waiting in between. What
 * a crash or a lost queue leaves undone, the sweeper does.
 */
export async function launch(deps: LaunchDeps, { messages, stored }: LaunchedTurn): Promise<void> {
  const { announce, queue, log } = deps;
  const { account, previousId } = stored;
  const { userId, replies } = stored.turn;
  const announced = messages.map((message, index) => {
    const event = { ...message, previousId: messages[index - 1]?.id ?? previousId };
    return announce.toSession(message.sessionId, 'message:new', event);
  });
  if (account) announced.push(announce.toUser(userId, 'balance:update', presentBalance(account)));
  const queued = await Promise.allSettled(replies.map(({ generation }) => queue.enqueue(generation.id)));
  for (const result of queued) {
    if (result.status === 'rejected') log.warn({ err: result.reason }, 'a generation was not queued');
  }
  await Promise.all(announced);
}
