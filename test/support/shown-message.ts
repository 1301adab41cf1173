import { newId } from '../../src/base/ids.ts';
import type { Message } from '../../src/contracts/message.ts';

/** A message as clients are shown it: a question of a user, but for what is given. */
export function shownMessage(differing: Partial<Message> = {}): Message {
  const createdAt = new Date().toISOString();
  return {
    id: newId(),
    sessionId: newId(),
    parentId: null,
    role: 'user',
    content: 'a question',
    model: null,
    status: 'completed',
    attempt: 0,
    finishReason: null,
    reasoning: null,
    tries: [],
    omittedParameters: [],
    lane: null,
    toolCalls: [],
    usage: null,
    cost: null,
    credits: null,
    error: null,
    attachments: [],
    createdAt,
    completedAt: createdAt,
    ...differing,
  };
}
