import type { SessionSettings } from '../contracts/session.ts';
import type { ContextMessage } from '../data/repositories/messages.ts';
import type { ChatTurn } from '../providers/provider.ts';

/** What a model is to be given. */
export interface ContextInput {
  settings: SessionSettings;
  /** The model that is asked; where a message has several replies, its own is its history. */
  model: string;
  /** The message to be answered. */
  question: ContextMessage;
  /** What stands before it, newest first. */
  history: ContextMessage[];
}

/** Most characters of history; the system prompt and the question always go. */
const MAX_HISTORY_CHARS = 200_000;

/** The turns for a model: system prompt, as much of the history as fits (newest first), the question. */
export function buildContext({ settings, model, question, history }: ContextInput): ChatTurn[] {
  const turns: ChatTurn[] = [];
  let chars = 0;
  for (const message of asConversation(history, model)) {
    chars += message.content.length;
    if (chars > MAX_HISTORY_CHARS) break;
    turns.push({ role: message.role, content: message.content });
  }
  turns.reverse();
  while (turns[0]?.role === 'assistant') turns.shift();
  const system = settings.systemPrompt?.trim();
  return [
    ...(system ? [{ role: 'system' as const, content: system }] : []),
    ...turns,
    { role: 'user' as const, content: question.content },
  ];
}

/**
 * The history with one reply to each message, right behind it: one that was written again later must not stand
 * behind what was said meanwhile. Newest first, like `history`.
 */
function asConversation(history: ContextMessage[], model: string): ContextMessage[] {
  const chosen = chooseReplies(history, model);
  const asked = new Set(history.filter(({ role }) => role !== 'assistant').map(({ id }) => id));
  return history.flatMap((message) => {
    if (message.content === '') return [];
    if (message.role !== 'assistant') return [chosen.get(message.id) ?? [], message].flat();
    const key = questionOf(message);
    return asked.has(key) || chosen.get(key) !== message ? [] : [message];
  });
}

/** Of several replies to one message one is history: the newest of this model, or else the newest of any. */
function chooseReplies(history: ContextMessage[], model: string): Map<string, ContextMessage> {
  const chosen = new Map<string, ContextMessage>();
  for (const message of history) {
    if (message.role !== 'assistant' || message.content === '') continue;
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
