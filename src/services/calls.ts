import { now } from '../base/clock.ts';
import { newId } from '../base/ids.ts';
import type { Message } from '../contracts/message.ts';
import type { PromptInput } from '../contracts/prompt.ts';
import type { SessionSettings } from '../contracts/session.ts';
import type { Background } from './background.ts';
import { type FollowReplies, type ReplyEvent, waitForReplies } from './follow-replies.ts';
import type { ModelDirectory } from './model-directory.ts';
import type { PostTurn, Repeatable } from './post-turn.ts';
import type { Counted } from './rate-limits.ts';
import type { StopGeneration } from './stop-generation.ts';

/** A one-shot call under `/v1`: a prompt in, a text out, nothing that is kept. */
export interface NewCall {
  /** As it is named in the request. */
  model: string;
  prompt: PromptInput;
  settings: Omit<SessionSettings, 'systemPrompt'>;
  /** Where these stand in the request, for refusals. */
  paths: { model: string; content: string; settings: string };
}

/** A call that was admitted. */
export interface StartedCall {
  userId: string;
  sessionId: string;
  messageId: string;
  /** The whole id of the model that was asked. */
  model: string;
  createdAt: string;
  /** The request had a key: whoever sends it again finds the same call, so it is not stopped for one that leaves. */
  isRepeatable: boolean;
}

/** One-shot calls. Each is a generation in a session of its own, which no list shows and which is deleted an hour later. */
export interface Calls {
  /**
   * Starts one, or finds the one that the first request with this key has started.
   *
   * @throws {AppError} `model_not_available`, and what {@link PostTurn} throws
   */
  start(asking: Counted, repeatable: Repeatable, call: NewCall): Promise<StartedCall>;
  /**
   * What happens to it, until it has ended. Whoever leaves before, by `signal` or by leaving the loop, stops it.
   *
   * @throws when the broker or the database does not answer
   */
  follow(call: StartedCall, signal: AbortSignal): AsyncIterable<ReplyEvent>;
  /** Waits for its end. Undefined when it was left before. @throws like `follow` */
  wait(call: StartedCall, signal: AbortSignal): Promise<Message | undefined>;
}

/** What calls need. */
export interface CallsDeps {
  models: Pick<ModelDirectory, 'resolve'>;
  postTurn: PostTurn;
  followReplies: FollowReplies;
  stopMessage: StopGeneration['stopMessage'];
  background: Background;
}

/** How long a call can be asked for again, in milliseconds: for clients that lost their connection. */
const TTL_MS = 3_600_000;

/** Makes them. */
export function createCalls(deps: CallsDeps): Calls {
  const { models, postTurn, followReplies, stopMessage, background } = deps;

  async function* follow(call: StartedCall, signal: AbortSignal): AsyncGenerator<ReplyEvent> {
    const { userId, sessionId, messageId } = call;
    let isOver = false;
    try {
      for await (const event of followReplies({ sessionId, messageIds: [messageId], signal })) {
        isOver = event.type === 'end' || event.type === 'gone';
        yield event;
      }
    } finally {
      if (!isOver && !call.isRepeatable) {
        background.run('the stop of a call that was left', async () => {
          await stopMessage(userId, messageId);
        });
      }
    }
  }

  return {
    async start(asking, repeatable, { model, prompt, settings, paths }) {
      const { replies } = await postTurn(asking, repeatable, async () => {
        const asked = models.resolve(model, paths.model);
        const expiresAt = new Date(now() + TTL_MS);
        return {
          sessionId: newId(),
          settings,
          opening: { kind: 'call', model: asked.id, settings, metadata: {}, expiresAt },
          asked: [{ model: asked, path: paths.model, historyTokens: 0, input: prompt }],
          paths,
        };
      });
      const reply = replies[0] as Message;
      return {
        userId: asking.userId,
        sessionId: reply.sessionId,
        messageId: reply.id,
        model: reply.model ?? model,
        createdAt: reply.createdAt,
        isRepeatable: repeatable.key !== undefined,
      };
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
