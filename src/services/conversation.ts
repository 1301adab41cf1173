import type { ContextMessage } from '../data/repositories/messages.ts';

/** Whose conversation it is: that of a model, or of a lane of a playground, which knows nothing of the others. */
export interface Asked {
  model: string;
  lane: number | null;
}

/**
 * The history with one reply to each message, right behind it: one that was written again later must not stand
 * behind what was said meanwhile. Newest first, like `history`.
 */
export function asConversation(history: ContextMessage[], asked: Asked): ContextMessage[] {
  const chosen = chooseReplies(history, asked);
  const questions = new Set(history.filter(({ role }) => role !== 'assistant').map(({ id }) => id));
  // Of a question that was deleted the replies stand where the first of them is.
  const first = new Map(history.map((message) => [questionOf(message), message]));
  return history.flatMap((message) => {
    if (message.role !== 'assistant') {
      return message.content === '' ? [] : [chosen.get(message.id) ?? [], message].flat();
    }
    const key = questionOf(message);
    return questions.has(key) || first.get(key) !== message ? [] : (chosen.get(key) ?? []);
  });
}

/** Of several replies to one message one is history: the newest of this model, or else the newest of any. */
function chooseReplies(history: ContextMessage[], { model, lane }: Asked): Map<string, ContextMessage> {
  const chosen = new Map<string, ContextMessage>();
  for (const message of history) {
    if (message.role !== 'assistant' || message.content === '') continue;
    if (lane !== null && message.lane !== lane) continue;
    const key = questionOf(message);
    const better = chosen.get(key);
    const own = message.model === model;
    if (!better || (own && better.model !== model)) chosen.set(key, message);
  }
  return chosen;
}

/** What a reply answers; a text that was posted for the assistant stands for itself. */
function questionOf({ id, parentId, model }: ContextMessage): string {
  return model !== null ? (parentId ?? id) : id;
}
