import { notFound } from '../base/errors.ts';
import type { EnhanceActionName, Enhancement } from '../contracts/enhancement.ts';
import { NONE_MASKED } from '../contracts/masking.ts';
import type { Message } from '../contracts/message.ts';
import type { Database } from '../data/database.ts';
import { type EnhancementRow, findEnhancement } from '../data/repositories/enhancements.ts';
import type { LiveMessages } from './live-messages.ts';
import type { StopGeneration } from './stop-generation.ts';

/** What a user does with enhancements. What has expired, or is somebody else's, is `not_found`. */
export interface Enhancements {
  /** As it was asked for. @throws {AppError} `not_found` */
  find(userId: string, sessionId: string): Promise<EnhancementRow>;
  /** As it is now, with what is written so far. @throws {AppError} `not_found` */
  get(userId: string, sessionId: string): Promise<Enhancement>;
  /** Stops it, unless it has ended. @throws {AppError} `not_found` */
  cancel(userId: string, sessionId: string): Promise<void>;
}

/** What enhancements are made of. */
export interface EnhancementsDeps {
  database: Pick<Database, 'db'>;
  messages: Pick<LiveMessages, 'current'>;
  stopSession: StopGeneration['stopSession'];
}

/** Makes them. */
export function createEnhancements({ database, messages, stopSession }: EnhancementsDeps): Enhancements {
  async function find(userId: string, sessionId: string): Promise<EnhancementRow> {
    const found = await findEnhancement(database.db, userId, sessionId);
    if (!found) throw notFound('enhancement');
    const { metadata } = found;
    // What was asked for before there was a kind does not count it.
    return { ...found, metadata: { ...metadata, masked: { ...NONE_MASKED, ...metadata.masked } } };
  }

  return {
    find,
    async get(userId, sessionId) {
      const found = await find(userId, sessionId);
      const [reply] = await messages.current(sessionId, [found.replyId]);
      if (!reply) throw notFound('enhancement');
      return presentEnhancement(found, reply);
    },
    async cancel(userId, sessionId) {
      await find(userId, sessionId);
      await stopSession(userId, sessionId);
    },
  };
}

function presentEnhancement(found: EnhancementRow, reply: Message): Enhancement {
  const { sessionId, text, model, createdAt, expiresAt } = found;
  const { status, content: result, finishReason, usage: tokens, cost, credits, error, completedAt } = reply;
  const { tone, customPrompt, fieldType, entityId, fieldId, masked, context, estimatedTokens } =
    found.metadata;
  return {
    sessionId,
    status,
    action: found.action as EnhanceActionName,
    model,
    text,
    result,
    finishReason,
    tokens,
    cost,
    credits,
    error,
    metadata: { tone, customPrompt, fieldType, entityId, fieldId, masked, context, estimatedTokens },
    createdAt: createdAt.toISOString(),
    completedAt,
    expiresAt: expiresAt.toISOString(),
  };
}
