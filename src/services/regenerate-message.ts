import { AppError, notFound } from '../base/errors.ts';
import type { SendMessageAnswer } from '../contracts/routes/messages.ts';
import { findKeptMessage, type MessageView } from '../data/repositories/messages.ts';
import { findSessionToPostIn } from '../data/repositories/sessions.ts';
import { countTokens } from './count-tokens.ts';
import type { Counted } from './rate-limits.ts';
import { repeatKeys } from './repeat-keys.ts';
import type { SendMessageDeps } from './send-message.ts';

/**
 * Has another reply written to the message that a reply answers. The old reply stays.
 *
 * @throws {AppError} `not_found`; `conflict` when the message is not a reply, or its question was deleted;
 *   `model_not_available`, `forbidden`; `validation_failed` when the model cannot take it; `idempotency_key_reused`;
 *   `rate_limited`, `insufficient_credits`, `usage_limit_reached`, `too_many_generations`
 */
export type RegenerateMessage = (
  identity: Counted,
  messageId: string,
  options: { model?: string | undefined },
  idempotencyKey?: string,
) => Promise<SendMessageAnswer>;

/** Makes the verb. */
export function createRegenerateMessage(
  deps: Pick<SendMessageDeps, 'database' | 'models' | 'postTurn'>,
): RegenerateMessage {
  const { database, models } = deps;

  return async (asking, messageId, { model }, idempotencyKey) => {
    const { userId } = asking;
    const repeatable = {
      keys: repeatKeys({ header: idempotencyKey }),
      request: { regenerate: messageId, model },
    };
    const posted = await deps.postTurn(asking, repeatable, async () => {
      const old = await findKeptMessage(database.db, userId, messageId);
      if (!old) throw notFound('message');
      const question = await questionOf(old);
      const session = await findSessionToPostIn(database.db, userId, old.sessionId);
      if (!session) throw notFound('session');
      if (session.kind !== 'chat')
        throw new AppError('conflict', 'Only a reply in a chat can be written again.');
      const chosen = models.resolve(model ?? old.generation?.model ?? session.model, 'body.model');
      // What the old reply was asked is what the new one will be asked; of one that read nothing, or has not ended, that is not known.
      const read = old.generation?.inputTokens ?? session.historyTokens;
      const asked = read - (await countTokens(question.content));
      return {
        sessionId: session.id,
        settings: session.settings,
        message: { there: question },
        asked: [{ model: chosen, path: 'body.model', historyTokens: Math.max(0, asked) }],
        paths: { content: 'message.content', settings: 'session.settings' },
      };
    });
    return posted as SendMessageAnswer;
  };

  async function questionOf(reply: MessageView): Promise<MessageView> {
    if (reply.role !== 'assistant') throw new AppError('conflict', 'Only a reply can be written again.');
    const { userId, parentId } = reply;
    const question = parentId === null ? undefined : await findKeptMessage(database.db, userId, parentId);
    if (question?.role !== 'user') {
      throw new AppError('conflict', 'The message that this reply answers is not there any more.');
    }
    return question;
  }
}
