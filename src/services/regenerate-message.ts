import { AppError, notFound } from '../base/errors.ts';
import type { SendMessageAnswer } from '../contracts/routes/messages.ts';
import { findOwnedMessage, type MessageView } from '../data/repositories/messages.ts';
import { findOwnedSession } from '../data/repositories/sessions.ts';
import { presentMessage } from '../presenters/message.ts';
import { requireRoom, requireSettings } from './admit-prompt.ts';
import { answerOnce, findFirstAnswer } from './answer-once.ts';
import { countTokens } from './count-tokens.ts';
import { requireReach } from './model-access.ts';
import { type Counted, countedGeneration } from './rate-limits.ts';
import type { SendMessageDeps } from './send-message.ts';
import { launch, planReplies, presentPlanned, storeTurn } from './start-replies.ts';

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
export function createRegenerateMessage(deps: SendMessageDeps): RegenerateMessage {
  const { database, models, limits, holds, inrPerUsd } = deps;

  return async (asking, messageId, { model }, idempotencyKey) => {
    const { userId } = asking;
    const key = idempotencyKey === undefined ? undefined : `key:${idempotencyKey}`;
    const repeatable = { userId, key, request: { regenerate: messageId, model } };
    const before = await findFirstAnswer<SendMessageAnswer>(database.db, repeatable);
    if (before) return before;

    const old = await findOwnedMessage(database.db, userId, messageId);
    if (!old) throw notFound('message');
    const question = await questionOf(old);
    const session = await findOwnedSession(database.db, userId, old.sessionId);
    if (!session) throw notFound('session');
    const chosen = models.resolve(model ?? old.generation?.model ?? session.model, 'body.model');
    await requireReach(deps.access, userId, [{ model: chosen, path: 'body.model' }]);

    const { settings } = session;
    requireSettings(chosen, settings, 'session.settings');
    const prompt = { systemPrompt: settings.systemPrompt, content: question.content };
    await requireRoom([chosen], prompt, 'message.content');

    const turn = { userId, sessionId: session.id, parentId: question.id, settings };
    // What the old reply was asked is what the new one will be asked.
    const historyTokens = Math.max(
      0,
      (old.generation?.inputTokens ?? 0) - (await countTokens(question.content)),
    );
    const replies = await planReplies(turn, [chosen], {
      prompt: { content: question.content, historyTokens },
      holds,
    });
    const answer = {
      message: presentMessage(question, { inrPerUsd }),
      replies: replies.map((reply) => presentPlanned(reply, inrPerUsd)),
    };
    const once = await answerOnce(database, repeatable, {
      answer,
      work: (db) =>
        countedGeneration(deps.rateLimit, asking, () =>
          storeTurn(db, { userId, sessionId: session.id, replies }, limits),
        ),
    });
    if (!once.repeated) {
      await launch(deps, { userId, messages: answer.replies, replies, account: once.done });
    }
    return once.answer;
  };

  async function questionOf(reply: MessageView): Promise<MessageView> {
    if (reply.role !== 'assistant') throw new AppError('conflict', 'Only a reply can be written again.');
    const { userId, parentId } = reply;
    const question = parentId === null ? undefined : await findOwnedMessage(database.db, userId, parentId);
    if (question?.role !== 'user') {
      throw new AppError('conflict', 'The message that this reply answers is not there any more.');
    }
    return question;
  }
}
