import { createHash } from 'node:crypto';
import type { ChatTurn } from '../contracts/prompt.ts';
import type { SessionSettings } from '../contracts/session.ts';
import type { ContextMessage } from '../data/repositories/messages.ts';
import { asConversation } from './conversation.ts';
import { countTokens } from './count-tokens.ts';
import type { TokenCounts } from './token-counts.ts';

/** What a model is to be given. */
export interface ContextInput {
  settings: SessionSettings;
  /** The model that is asked; where a message has several replies, its own is its history. */
  model: string;
  /** Of a playground run: the lane whose replies alone are history. */
  lane?: number | null;
  /** The message to be answered. */
  question: ContextMessage;
  /** What stands before it, newest first. */
  history: ContextMessage[];
  /** There is more before that. */
  truncated: boolean;
  /** Most tokens of all of it, see `contextBudget`. */
  budgetTokens: number;
}

/** What a turn costs beside its text, in tokens. */
const TURN_TOKENS = 4;
/** As much of what fits may be left out, so that the beginning stays the same for many turns. */
const BLOCK_SHARE = 0.5;

/**
 * The turns for a model: the system prompt and the question always, and as much of the history between them as the
 * budget holds, newest first.
 *
 * What does not fit is dropped in blocks. A provider's prompt cache works as long as prompts begin alike; dropping one
 * turn at each further question would miss it every time.
 */
export async function buildContext(input: ContextInput, counts: TokenCounts): Promise<ChatTurn[]> {
  const { settings, model, lane = null, question, history } = input;
  const system = settings.systemPrompt?.trim() ?? '';
  const conversation = asConversation(history, { model, lane });
  const kept = await keep(conversation, input, counts, system);
  const turns = kept.toReversed().map(({ role, content }) => ({ role, content }));
  while (turns[0]?.role === 'assistant') turns.shift();
  return [
    ...(system ? [{ role: 'system' as const, content: system }] : []),
    ...turns,
    { role: 'user' as const, content: question.content },
  ];
}

/** The newest of a conversation, as much as fits. Newest first, as it is given. */
async function keep(
  conversation: ContextMessage[],
  { question, truncated, budgetTokens }: ContextInput,
  counts: TokenCounts,
  system: string,
): Promise<ContextMessage[]> {
  // A token has one byte or more: most conversations fit without counting anything.
  const always = [system, question.content];
  if (!truncated && bytesOf([...always, ...conversation.map(({ content }) => content)]) <= budgetTokens) {
    return conversation;
  }
  let left = budgetTokens - (await counts.of(question)) - (await countTokens(system)) - 2 * TURN_TOKENS;
  const room = left;
  /** Tokens left before each message that fits. */
  const before: number[] = [];
  for (const message of conversation) {
    left -= (await counts.of(message)) + TURN_TOKENS;
    if (left < 0) break;
    before.push(left);
  }
  if (before.length === conversation.length && !truncated) return conversation;
  return conversation.slice(0, blockStart(conversation, before, room) + 1);
}

/**
 * Which message stands first, of a conversation that does not fit: the index of one in the older part of what does. The
 * choice is by the messages alone, the smallest hash of their ids, so that it needs no memory and the next questions
 * make the same one, until it does not fit any more.
 */
function blockStart(conversation: ContextMessage[], before: number[], room: number): number {
  const used = room - (before.at(-1) ?? room);
  let start = -1;
  let smallest: string | undefined;
  before.forEach((left, index) => {
    const message = conversation[index];
    if (message?.role !== 'user' || room - left < used * BLOCK_SHARE) return;
    const hash = createHash('md5').update(message.id).digest('hex');
    if (smallest !== undefined && hash >= smallest) return;
    smallest = hash;
    start = index;
  });
  return start === -1 ? before.length - 1 : start;
}

function bytesOf(texts: string[]): number {
  return texts.reduce((sum, text) => sum + Buffer.byteLength(text) + TURN_TOKENS, 0);
}
