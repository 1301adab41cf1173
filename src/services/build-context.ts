import type { SessionSettings } from '../contracts/session.ts';
import type { MessageView } from '../data/repositories/messages.ts';
import type { ChatTurn } from '../providers/provider.ts';

/** What a model is to be given. */
export interface ContextInput {
  settings: SessionSettings;
  /** The model that is asked; where a message has several replies, its own is its history. */
  model: string;
  /** The message to be answered. */
  question: MessageView;
  /** What stands before it, newest first. */
  history: MessageView[];
}

/** Most characters of history; the system prompt and the question always go. */
const MAX_HISTORY_CHARS = 200_000;

/** The turns for a model: system prompt, as much of the history as fits (newest first), the question. */
export function buildContext({ settings, model, question, history }: ContextInput): ChatTurn[] {
  const replies = chooseReplies(history, model);
  const turns: ChatTurn[] = [];
  let chars = 0;
  for (const message of history) {
    if (message.role === 'assistant' && !replies.has(message.id)) continue;
    if (message.content === '') continue;
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

/** Of several replies to one message one is history: the newest of this model, or else the newest of any. */
function chooseReplies(history: MessageView[], model: string): Set<string> {
  const chosen = new Map<string, MessageView>();
  for (const message of history) {
    if (message.role !== 'assistant' || message.content === '') continue;
    const key = message.generation ? (message.parentId ?? message.id) : message.id;
    const better = chosen.get(key);
    const own = message.generation?.model === model;
    if (!better || (own && better.generation?.model !== model)) chosen.set(key, message);
  }
  return new Set([...chosen.values()].map((message) => message.id));
}
