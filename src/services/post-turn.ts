import { invalidField } from '../base/errors.ts';
import { newId } from '../base/ids.ts';
import { KeyedQueue } from '../base/keyed-queue.ts';
import type { Message } from '../contracts/message.ts';
import type { PromptInput } from '../contracts/prompt.ts';
import type { SessionSettings } from '../contracts/session.ts';
import type { Database, Db } from '../data/database.ts';
import type { MessageRecord } from '../data/entities/message.ts';
import type { AdmissionLimits } from '../data/entities/usage.ts';
import type { OpeningSession } from '../data/repositories/turns.ts';
import { presentMessage } from '../presenters/message.ts';
import { presentPlanned } from '../presenters/planned-reply.ts';
import type { AccessDirectory } from './access.ts';
import { requireRoom, requireSettings } from './admit-prompt.ts';
import { answerOnce, type Done, findFirstAnswer } from './answer-once.ts';
import { type LaunchDeps, launch } from './launch-turn.ts';
import { requireReach } from './model-access.ts';
import { type AskedReply, type HoldRules, planReplies } from './plan-replies.ts';
import { type Counted, countedGeneration, type RateLimit } from './rate-limits.ts';
import { type Stored, type StoredTurn, storeTurn } from './store-turn.ts';

/** What posting a turn needs. */
export interface PostTurnDeps extends LaunchDeps {
  database: Database;
  /** Who may ask paid models. */
  access: Pick<AccessDirectory, 'of'>;
  /** Longest message, in UTF-16 code units. */
  maxMessageChars: number;
  limits: AdmissionLimits;
  /** How often a user may ask for replies. */
  rateLimit: RateLimit;
  holds: HoldRules;
  /** Rupees per US dollar. */
  inrPerUsd: number;
}

/** A request, and the keys under which its client may repeat it; none: it is never a repetition. */
export interface Repeatable {
  keys: string[];
  /** Everything that makes it the same request. */
  request: unknown;
  /** The session that it names, where it names one: what is posted in it is stored in the order in which it was asked for. */
  sessionId?: string | undefined;
}

/** A turn, as its door has made it out of a request. */
export interface TurnToPost {
  sessionId: string;
  settings: SessionSettings;
  /** The session, when it is opened with this turn. */
  opening?: OpeningSession;
  /** What is said. A message that is there already, and is answered again, is not stored. */
  message?: NewMessage | { there: MessageRecord };
  /** Who is to answer, in the order in which the replies are shown; none: the message is only stored. */
  asked: (AskedReply & { path: string })[];
  /** Becomes the title of a session that has none. */
  title?: string | null;
  /**
   * Reads what the door answers with beside the messages. Where the request may be repeated that happens in the transaction
   * that stores the turn, and it is kept with the answer: a repetition is told what the first request was.
   */
  also?: (db: Db) => Promise<unknown>;
  /** Where the texts and the settings stand in the request, for refusals. */
  paths: { content: string; settings: string };
}

/** A message that is stored with the turn. */
export interface NewMessage {
  role: 'user' | 'assistant';
  content: string;
  /** What it follows. */
  parentId: string | null;
}

/** What was posted, and a placeholder for each reply. */
export interface PostedTurn {
  /** Null where what was asked is no message. */
  message: Message | null;
  replies: Message[];
  /** What was read with it, see {@link TurnToPost}. */
  also?: unknown;
}

/**
 * The way into the pipeline, for every door: answers a repeated request from its first answer; checks models, settings
 * and length; counts, holds and stores the turn, all or nothing; launches it. `prepare` makes the turn of a request that is
 * not a repetition.
 *
 * @throws {AppError} what `prepare` throws; `validation_failed`, `forbidden`, `not_found`, `idempotency_key_reused`,
 *   `rate_limited`, `insufficient_credits`, `usage_limit_reached`, `too_many_generations`
 */
export type PostTurn = (
  asking: Counted,
  repeatable: Repeatable,
  prepare: () => Promise<TurnToPost>,
) => Promise<PostedTurn>;

/** Makes the verb. */
export function createPostTurn(deps: PostTurnDeps): PostTurn {
  const { database, limits, holds, inrPerUsd } = deps;
  // The database has the turns of one session wait for each other anyway, each with a connection. Here they do so from the
  // beginning, in their order, so that each follows the one before; and they are announced in it: whoever hears of a message
  // before an older one has to read that by itself.
  const ofSession = new KeyedQueue();
  const inTurn = <T>(userId: string, sessionId: string, work: () => Promise<T>): Promise<T> =>
    ofSession.run(`${userId}/${sessionId}`, work);

  return async (asking, request, prepare) => {
    const { sessionId } = request;
    const post = () => postOnce(asking, request, prepare);
    const { posted, launched } = await (sessionId === undefined
      ? post()
      : inTurn(asking.userId, sessionId, post));
    await launched;
    return posted;
  };

  /** Stores the turn, and launches it without waiting for that. */
  async function postOnce(
    asking: Counted,
    { keys, request, sessionId: named }: Repeatable,
    prepare: () => Promise<TurnToPost>,
  ): Promise<{ posted: PostedTurn; launched?: Promise<void> | undefined }> {
    const { userId } = asking;
    const repeatable = { userId, keys, request };
    const before = await findFirstAnswer<PostedTurn>(database.db, repeatable);
    if (before) return { posted: before };

    const posting = await prepare();
    await admit(userId, posting);
    const { sessionId, settings, opening, asked, title } = posting;
    const message = messageOf(userId, posting);
    const said = message.stored ?? message.there;
    const turn = { userId, sessionId, parentId: said?.id ?? null, content: said?.content ?? '', settings };
    const replies = await planReplies(turn, asked, holds);
    const planned = { userId, sessionId, message: message.stored, replies, title, opening };
    const answer = answerOf(planned, said);
    const withAlso = async (db: Db, told: PostedTurn): Promise<PostedTurn> =>
      posting.also ? { ...told, also: await posting.also(db) } : told;
    const work = async (db: Db) => {
      const store = () => storeTurn(db, planned, limits);
      // Here only the first of equal requests arrives: a repetition is not counted, not even one that runs beside it.
      const done = await (replies.length > 0 ? countedGeneration(deps.rateLimit, asking, store) : store());
      const { turn } = done;
      const told = turn === planned ? answer : answerOf(turn, turn.message ?? said);
      return { done, answer: keys.length > 0 ? await withAlso(db, told) : told };
    };
    const storeOnce = async () => {
      const once = await answerOnce(database, repeatable, { answer, work });
      const launched = once.repeated ? undefined : launchTurn(once);
      // Without a key nothing of it is kept, and the turn is on its way already.
      const posted = keys.length > 0 ? once.answer : await withAlso(database.db, once.answer);
      return { posted, launched };
    };
    return named === undefined ? inTurn(userId, sessionId, storeOnce) : storeOnce();
  }

  /** Asks for all of it at once: who is next need not wait for what comes of it. */
  function launchTurn({ answer: { message, replies }, done }: Done<PostedTurn, Stored>): Promise<void> {
    const isNew = message && done.turn.message;
    return launch(deps, { messages: isNew ? [message, ...replies] : replies, stored: done });
  }

  function answerOf({ replies }: StoredTurn, said: MessageRecord | undefined): PostedTurn {
    return {
      message: said ? presentMessage({ ...said, generation: null }, { inrPerUsd }) : null,
      replies: replies.map((reply) => presentPlanned(reply, inrPerUsd)),
    };
  }

  /** Refuses what cannot be answered, before anything is written. */
  async function admit(userId: string, { settings, message, asked, paths }: TurnToPost): Promise<void> {
    if (message && 'content' in message && message.content.length > deps.maxMessageChars) {
      throw invalidField(paths.content, `must have at most ${deps.maxMessageChars} characters`);
    }
    await requireReach(deps.access, userId, asked);
    for (const { model } of asked) requireSettings(model, settings, paths.settings);
    const said = message && 'there' in message ? message.there : message;
    const conversing = asked.filter(({ input }) => !input).map(({ model }) => model);
    if (said && conversing.length > 0) {
      await requireRoom(conversing, promptOf(said.content, settings), paths.content);
    }
    for (const { model, input } of asked) if (input) await requireRoom([model], input, paths.content);
  }
}

/** What is always in a prompt, however little of the history fits. */
function promptOf(content: string, { systemPrompt = '' }: SessionSettings): PromptInput {
  const system = systemPrompt === '' ? [] : [{ role: 'system' as const, content: systemPrompt }];
  return { turns: [...system, { role: 'user', content }] };
}

function messageOf(
  userId: string,
  { sessionId, message }: TurnToPost,
): { stored?: MessageRecord; there?: MessageRecord } {
  if (!message) return {};
  if ('there' in message) return message;
  return { stored: { ...message, id: newId(), sessionId, userId, reasoning: null, createdAt: new Date() } };
}
