import { invalidField, notFound } from '../base/errors.ts';
import type { SendMessageAnswer, SendMessageBody } from '../contracts/routes/messages.ts';
import type { SessionRecord } from '../data/entities/session.ts';
import { findSessionToPostIn } from '../data/repositories/sessions.ts';
import { type AnnounceSessionDeps, announceSession } from './announce-session.ts';
import type { Model, ModelDirectory } from './model-directory.ts';
import type { PostTurn } from './post-turn.ts';
import type { Counted } from './rate-limits.ts';
import { repeatKeys } from './repeat-keys.ts';
import { requireChat } from './require-chat.ts';
import { firstTitle } from './title-text.ts';

/** What sending a message needs. */
export interface SendMessageDeps extends AnnounceSessionDeps {
  models: ModelDirectory;
  postTurn: PostTurn;
}

/**
 * Stores a message; one of the user's is answered by a generation per model.
 *
 * @param idempotencyKey from the header; `clientMessageId` does the same within one session; where both are given, each counts
 * @throws {AppError} `not_found`, `validation_failed`, `model_not_available`, `forbidden`, `idempotency_key_reused`,
 *   `rate_limited`, `insufficient_credits`, `usage_limit_reached`, `too_many_generations`
 */
export type SendMessage = (
  identity: Counted,
  body: SendMessageBody,
  idempotencyKey?: string,
) => Promise<SendMessageAnswer>;

/** Makes the verb. */
export function createSendMessage(deps: SendMessageDeps): SendMessage {
  const { database, models } = deps;

  return async (asking, body, idempotencyKey) => {
    const { userId } = asking;
    const { role, content } = body;
    const title = role === 'user' ? firstTitle(content) : null;
    let untitled: SessionRecord | undefined;
    const { clientMessageId: id, ...request } = body;
    const own = { id, scope: `message:${body.sessionId}` };
    const { sessionId } = body;
    const repeatable = { keys: repeatKeys({ header: idempotencyKey, own }), request, sessionId };
    const posted = await deps.postTurn(asking, repeatable, async () => {
      const session = await findSessionToPostIn(database.db, userId, sessionId);
      if (!session) throw notFound('session', 'body.sessionId');
      requireChat(session, 'body.sessionId');
      if (title && session.title === null) untitled = session;
      const { settings, historyTokens, newestMessageId: parentId } = session;
      const asked = chooseModels(body, session, models);
      return {
        sessionId,
        settings,
        title,
        message: { role, content, parentId },
        asked: asked.map((each) => ({ ...each, historyTokens })),
        paths: { content: 'body.content', settings: 'session.settings' },
      };
    });
    if (untitled) await announceSession(deps, untitled);
    return posted as SendMessageAnswer;
  };
}

/** Who is asked, each with where it is named. */
function chooseModels(
  body: SendMessageBody,
  session: SessionRecord,
  models: ModelDirectory,
): { model: Model; path: string }[] {
  const resolve = (id: string, path: string) => ({ model: models.resolve(id, path), path });
  if (body.role === 'assistant') {
    if (!body.model && !body.models) return [];
    throw invalidField(body.model ? 'body.model' : 'body.models', 'only a message of the user is answered');
  }
  if (body.models && body.model) throw invalidField('body.models', 'must not be given together with `model`');
  if (body.models) return body.models.map((id, index) => resolve(id, `body.models.${index}`));
  return [resolve(body.model ?? session.model, 'body.model')];
}
