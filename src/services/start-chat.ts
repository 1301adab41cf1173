import { notFound } from '../base/errors.ts';
import { newId } from '../base/ids.ts';
import type { Message } from '../contracts/message.ts';
import type { ChatBody } from '../contracts/routes/chat.ts';
import type { Database } from '../data/database.ts';
import { findKeptSession, findSessionToPostIn } from '../data/repositories/sessions.ts';
import { presentSession } from '../presenters/session.ts';
import type { AccessDirectory } from './access.ts';
import type { Announcer } from './announce.ts';
import { chooseModel } from './choose-model.ts';
import type { DefaultModel } from './default-model.ts';
import type { ModelDirectory } from './model-directory.ts';
import type { PostTurn, TurnToPost } from './post-turn.ts';
import type { Counted } from './rate-limits.ts';
import { repeatKeys } from './repeat-keys.ts';
import { requireChat } from './require-chat.ts';
import { firstTitle } from './title-text.ts';

/** What a chat in one call needs. */
export interface StartChatDeps {
  database: Pick<Database, 'db'>;
  models: Pick<ModelDirectory, 'resolve'>;
  access: Pick<AccessDirectory, 'of'>;
  postTurn: PostTurn;
  announce: Announcer;
  /** The model of a session that names none. */
  defaultModel: DefaultModel;
  /** Rupees per US dollar. */
  inrPerUsd: number;
}

/** What was said, and the reply that is being written. */
export interface StartedChat {
  sessionId: string;
  message: Message;
  /** A placeholder. */
  reply: Message;
}

/**
 * Says something, in a session that is there or in a new one.
 *
 * @param idempotencyKey from the header; `clientMessageId` does the same within one session; where both are given, each counts
 * @throws {AppError} `not_found`, `validation_failed`, `model_not_available`, `forbidden`, `idempotency_key_reused`,
 *   `rate_limited`, `insufficient_credits`, `usage_limit_reached`, `too_many_generations`
 */
export type StartChat = (asking: Counted, call: ChatBody, idempotencyKey?: string) => Promise<StartedChat>;

/** A session of which others are to be told once the turn is stored. */
interface Untold {
  id: string;
  /** Opened with the turn; else it got its title by it. */
  isNew: boolean;
}

const PATHS = { content: 'body.message', settings: 'body.settings' };

/** Makes the verb. */
export function createStartChat(deps: StartChatDeps): StartChat {
  const { models, announce, inrPerUsd } = deps;
  const { db } = deps.database;

  return async (asking, call, idempotencyKey) => {
    const { userId } = asking;
    let untold: Untold | undefined;
    const { clientMessageId: id, ...chat } = call;
    const own = { id, scope: `chat:${call.sessionId ?? ''}` };
    const { sessionId: named } = call;
    const keys = repeatKeys({ header: idempotencyKey, own });
    const repeatable = { keys, request: { chat }, sessionId: named };
    const posted = await deps.postTurn(asking, repeatable, async () => {
      const { turn, tell } = await (named === undefined
        ? opening(userId, call)
        : continued(userId, named, call));
      if (tell) untold = { id: turn.sessionId, isNew: turn.opening !== undefined };
      return turn;
    });
    const [message, reply] = [posted.message as Message, posted.replies[0] as Message];
    const { sessionId } = message;
    // Of requests that came at once, only the first has opened its own.
    if (untold?.id === sessionId) await tell(userId, untold);
    return { sessionId, message, reply };
  };

  async function opening(userId: string, { message, modelId, settings = {} }: ChatBody) {
    const model = await chooseModel(deps, { userId, named: modelId, path: 'body.modelId' });
    const turn: TurnToPost = {
      sessionId: newId(),
      settings,
      opening: { kind: 'chat', model: model.id, settings, metadata: {}, expiresAt: null },
      title: firstTitle(message),
      message: { role: 'user', content: message, parentId: null },
      asked: [{ model, path: 'body.modelId', historyTokens: 0 }],
      paths: PATHS,
    };
    return { turn, tell: true };
  }

  async function continued(userId: string, id: string, { message, modelId, settings }: ChatBody) {
    const session = await findSessionToPostIn(db, userId, id);
    if (!session) throw notFound('session', 'body.sessionId');
    requireChat(session, 'body.sessionId');
    const model = models.resolve(modelId ?? session.model, 'body.modelId');
    const turn: TurnToPost = {
      sessionId: id,
      settings: { ...session.settings, ...settings },
      title: firstTitle(message),
      message: { role: 'user', content: message, parentId: session.newestMessageId },
      asked: [{ model, path: 'body.modelId', historyTokens: session.historyTokens }],
      paths: settings ? PATHS : { ...PATHS, settings: 'session.settings' },
    };
    return { turn, tell: session.title === null };
  }

  /** Tells the other devices of what the turn has made of the session. */
  async function tell(userId: string, { id, isNew }: Untold): Promise<void> {
    const session = await findKeptSession(db, userId, id);
    if (!session) return;
    const shown = presentSession(session, inrPerUsd);
    if (isNew) await announce.toUser(userId, 'session:new', shown);
    else await announce.toSession(id, 'session:update', shown);
  }
}
