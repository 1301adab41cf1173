import { invalidField, notFound } from '../base/errors.ts';
import { newId } from '../base/ids.ts';
import { excerpt } from '../base/text.ts';
import type { SendMessageAnswer, SendMessageBody } from '../contracts/routes/messages.ts';
import type { Database } from '../data/database.ts';
import type { MessageRecord } from '../data/entities/message.ts';
import type { SessionRecord } from '../data/entities/session.ts';
import type { AdmissionLimits } from '../data/entities/usage.ts';
import { findOwnedSession, findSessionToPostIn } from '../data/repositories/sessions.ts';
import { presentMessage } from '../presenters/message.ts';
import { presentSession } from '../presenters/session.ts';
import type { AccessDirectory } from './access.ts';
import { requireRoom, requireSettings } from './admit-prompt.ts';
import { answerOnce, findFirstAnswer } from './answer-once.ts';
import { requireReach } from './model-access.ts';
import type { Model, ModelDirectory } from './model-directory.ts';
import { type Counted, countedGeneration, type RateLimit } from './rate-limits.ts';
import {
  type HoldRules,
  type LaunchDeps,
  launch,
  planReplies,
  presentPlanned,
  storeTurn,
} from './start-replies.ts';

/** What sending a message needs. */
export interface SendMessageDeps extends LaunchDeps {
  database: Database;
  models: ModelDirectory;
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

/**
 * Stores a message; one of the user's is answered by a generation per model.
 *
 * @param idempotencyKey from the header; `clientMessageId` does the same within one session
 * @throws {AppError} `not_found`, `validation_failed`, `model_not_available`, `forbidden`, `idempotency_key_reused`,
 *   `rate_limited`, `insufficient_credits`, `usage_limit_reached`, `too_many_generations`
 */
export type SendMessage = (
  identity: Counted,
  body: SendMessageBody,
  idempotencyKey?: string,
) => Promise<SendMessageAnswer>;

/** Longest title made of a first message, in UTF-16 code units. */
const TITLE_CHARS = 60;

/** Makes the verb. */
export function createSendMessage(deps: SendMessageDeps): SendMessage {
  const { database, models, maxMessageChars, limits, holds, inrPerUsd } = deps;

  return async (asking, body, idempotencyKey) => {
    const { userId } = asking;
    const repeatable = { userId, key: keyOf(body, idempotencyKey), request: body };
    const before = await findFirstAnswer<SendMessageAnswer>(database.db, repeatable);
    if (before) return before;

    const session = await findSessionToPostIn(database.db, userId, body.sessionId);
    if (!session) throw notFound('session');
    if (body.content.length > maxMessageChars) {
      throw invalidField('body.content', `must have at most ${maxMessageChars} characters`);
    }
    const chosen = body.role === 'user' ? chooseModels(body, session, models) : [];
    if (body.role === 'assistant' && (body.model || body.models)) {
      throw invalidField(body.model ? 'body.model' : 'body.models', 'only a message of the user is answered');
    }

    const nameOf = (index: number) => (body.models ? `body.models.${index}` : 'body.model');
    await requireReach(
      deps.access,
      userId,
      chosen.map((model, index) => ({ model, path: nameOf(index) })),
    );

    const { role, content } = body;
    const { settings } = session;
    for (const model of chosen) requireSettings(model, settings, 'session.settings');
    await requireRoom(chosen, { systemPrompt: settings.systemPrompt, content }, 'body.content');
    const message: MessageRecord = {
      id: newId(),
      sessionId: session.id,
      userId,
      parentId: session.newestMessageId,
      role,
      content,
      reasoning: null,
      createdAt: new Date(),
    };
    const turn = { userId, sessionId: session.id, parentId: message.id, settings };
    const prompt = { content, historyTokens: session.historyTokens };
    const replies = await planReplies(turn, chosen, { prompt, holds });
    const answer: SendMessageAnswer = {
      message: presentMessage({ ...message, generation: null }, { inrPerUsd }),
      replies: replies.map((reply) => presentPlanned(reply, inrPerUsd)),
    };

    const title = role === 'user' ? excerpt(content, TITLE_CHARS) : null;
    const once = await answerOnce(database, repeatable, {
      answer,
      work: (db) => {
        const store = () => storeTurn(db, { userId, sessionId: session.id, message, replies, title }, limits);
        // Here only the first of equal requests arrives: a repetition is not counted, not even one that runs beside it.
        return replies.length > 0 ? countedGeneration(deps.rateLimit, asking, store) : store();
      },
    });
    if (once.repeated) return once.answer;

    const messages = [answer.message, ...answer.replies];
    await launch(deps, { userId, messages, replies, account: once.done });
    if (title && session.title === null) await announceTitle(userId, session.id);
    return answer;
  };

  async function announceTitle(userId: string, sessionId: string): Promise<void> {
    const titled = await findOwnedSession(database.db, userId, sessionId);
    if (titled) await deps.announce.toSession(sessionId, 'session:update', presentSession(titled, inrPerUsd));
  }
}

/** The key under which a request may be repeated: the header's, or the client's own within the session. */
function keyOf(
  { sessionId, clientMessageId }: SendMessageBody,
  header: string | undefined,
): string | undefined {
  if (header !== undefined) return `key:${header}`;
  return clientMessageId === undefined ? undefined : `message:${sessionId}:${clientMessageId}`;
}

function chooseModels(body: SendMessageBody, session: SessionRecord, models: ModelDirectory): Model[] {
  if (body.models && body.model) throw invalidField('body.models', 'must not be given together with `model`');
  if (body.models) return body.models.map((id, index) => models.resolve(id, `body.models.${index}`));
  return [models.resolve(body.model ?? session.model, 'body.model')];
}
