import { now } from '../base/clock.ts';
import { asGiven, notFound } from '../base/errors.ts';
import { newId } from '../base/ids.ts';
import type { Message } from '../contracts/message.ts';
import type { PromptInput } from '../contracts/prompt.ts';
import type { SessionSettings } from '../contracts/session.ts';
import type { Database } from '../data/database.ts';
import { findOwnedMessage } from '../data/repositories/messages.ts';
import { findOwnedSession } from '../data/repositories/sessions.ts';
import { presentMessage } from '../presenters/message.ts';
import type { Background } from './background.ts';
import { type FollowReplies, type ReplyEvent, waitForReplies } from './follow-replies.ts';
import type { ModelDirectory } from './model-directory.ts';
import type { PostTurn } from './post-turn.ts';
import type { Counted } from './rate-limits.ts';
import { repeatKeys } from './repeat-keys.ts';
import type { StopGeneration } from './stop-generation.ts';
import { WATCH_MS, type WatchedCalls } from './watched-calls.ts';

/** A one-shot call under `/v1`: a prompt in, a text out, nothing that is kept. */
export interface NewCall {
  /** As it is named in the request. */
  model: string;
  prompt: PromptInput;
  settings: Omit<SessionSettings, 'systemPrompt'>;
  /** Where these stand in the request, for refusals. */
  paths: { model: string; content: string; temperature: string; maxTokens: string };
}

/** A call that was admitted. */
export interface StartedCall {
  userId: string;
  sessionId: string;
  messageId: string;
  /** The whole id of the model that was asked. */
  model: string;
  createdAt: string;
  /** Whoever sends the request again, or asks for the call, finds it: it is not stopped for one that leaves. */
  isRepeatable: boolean;
}

/** One-shot calls. Each is a generation in a session of its own, which no list shows and which is deleted an hour later. */
export interface Calls {
  /**
   * Starts one, or finds the one that the first request with this key has started, however that was to be answered.
   *
   * @param key under which the client may repeat it
   * @throws {AppError} `model_not_available`, and what {@link PostTurn} throws
   */
  start(asking: Counted, key: string | undefined, call: NewCall): Promise<StartedCall>;
  /**
   * What happens to it, until it has ended. Whoever leaves before, by `signal` or by leaving the loop, stops it.
   *
   * @throws when the broker or the database does not answer
   */
  follow(call: StartedCall, signal: AbortSignal): AsyncIterable<ReplyEvent>;
  /**
   * One that was started before, and what there is of it: for clients that come back. It is not stopped when they leave again.
   *
   * @throws {AppError} `not_found`
   */
  find(userId: string, messageId: string): Promise<{ call: StartedCall; message: Message }>;
  /** Waits for its end. Undefined when it was left before. @throws like `follow` */
  wait(call: StartedCall, signal: AbortSignal): Promise<Message | undefined>;
}

/** What calls need. */
export interface CallsDeps {
  database: Pick<Database, 'db'>;
  /** Rupees per US dollar. */
  inrPerUsd: number;
  models: Pick<ModelDirectory, 'resolve'>;
  postTurn: PostTurn;
  followReplies: FollowReplies;
  stopMessage: StopGeneration['stopMessage'];
  background: Background;
  watched: WatchedCalls;
}

/** How long a call can be asked for again, in milliseconds: for clients that lost their connection. */
const TTL_MS = 3_600_000;

function toCall(userId: string, message: Message, isRepeatable: boolean): StartedCall {
  const { id: messageId, sessionId, model, createdAt } = message;
  return { userId, sessionId, messageId, model: model ?? '', createdAt, isRepeatable };
}

/** Makes them. */
export function createCalls(deps: CallsDeps): Calls {
  const { database, inrPerUsd, models, postTurn, followReplies, stopMessage, background, watched } = deps;

  async function* follow(call: StartedCall, signal: AbortSignal): AsyncGenerator<ReplyEvent> {
    const { userId, sessionId, messageId } = call;
    let isOver = false;
    const unwatch = call.isRepeatable ? undefined : watched.watch(messageId);
    try {
      for await (const event of followReplies({ sessionId, messageIds: [messageId], signal })) {
        isOver = event.type === 'end' || event.type === 'gone';
        yield event;
      }
    } finally {
      unwatch?.();
      if (!isOver && !call.isRepeatable) {
        background.run('the stop of a call that was left', async () => {
          await stopMessage(userId, messageId);
        });
      }
    }
  }

  return {
    async start(asking, key, call) {
      const { model, prompt, settings, paths } = call;
      const repeatable = { keys: repeatKeys({ header: key }), request: call };
      const posted = postTurn(asking, repeatable, async () => {
        const asked = models.resolve(model, paths.model);
        const expiresAt = new Date(now() + TTL_MS);
        const watchedMs = key === undefined ? WATCH_MS : null;
        return {
          sessionId: newId(),
          settings,
          opening: { kind: 'call', model: asked.id, settings, metadata: {}, expiresAt },
          asked: [{ model: asked, path: paths.model, historyTokens: 0, input: prompt, watchedMs }],
          paths: { content: paths.content, settings: 'settings' },
        };
      });
      const { replies } = await posted.catch((error: unknown) => {
        const named = asGiven(error, 'settings.temperature', paths.temperature);
        throw asGiven(named, 'settings.maxTokens', paths.maxTokens);
      });
      return toCall(asking.userId, replies[0] as Message, key !== undefined);
    },
    async find(userId, messageId) {
      const found = await findOwnedMessage(database.db, userId, messageId);
      const session = found && (await findOwnedSession(database.db, userId, found.sessionId));
      if (!found || session?.kind !== 'call') throw notFound('call');
      const message = presentMessage(found, { inrPerUsd });
      return { call: toCall(userId, message, true), message };
    },
    follow,
    async wait(call, signal) {
      const { sessionId, messageId } = call;
      const [message] = await waitForReplies(() => follow(call, signal), {
        sessionId,
        messageIds: [messageId],
        signal,
      });
      return message;
    },
  };
}
