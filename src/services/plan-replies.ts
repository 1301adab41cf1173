import { newId } from '../base/ids.ts';
import type { PromptInput } from '../contracts/prompt.ts';
import type { SessionSettings } from '../contracts/session.ts';
import type { MessageRecord } from '../data/entities/message.ts';
import type { NewGeneration } from '../data/repositories/turns.ts';
import { countPrompt } from './count-prompt.ts';
import { countTokens } from './count-tokens.ts';
import { estimateHold } from './hold.ts';
import type { Model } from './model-directory.ts';

/** A reply that is about to be written: its placeholder, and the generation that will fill it. */
export interface PlannedReply {
  message: MessageRecord;
  generation: NewGeneration;
}

/** What the replies of one turn have in common. */
export interface Turn {
  userId: string;
  sessionId: string;
  /** The message that is answered; null when what is asked is no message. */
  parentId: string | null;
  /** That message; empty when every reply has an input of its own. */
  content: string;
  settings: SessionSettings;
}

/** Who is to write one reply, and to what. */
export interface AskedReply {
  model: Model;
  /** Tokens of the conversation up to here, see `AskedTokens`. */
  historyTokens: number;
  /** Of a playground run. */
  lane?: number;
  /** The whole prompt, where that is not the conversation. */
  input?: PromptInput;
  /** See `NewGeneration`. */
  watchedMs?: number | null;
}

/** What is set aside for a reply, and for how long. */
export interface HoldRules {
  /** Tokens of output. */
  reserveTokens: number;
  /** How long a reply may be without a worker. */
  minutes: number;
}

/** Each reply, with ids of its own and what is to be set aside for it; not stored yet. */
export async function planReplies(
  turn: Turn,
  asked: AskedReply[],
  holds: HoldRules,
): Promise<PlannedReply[]> {
  const { userId, sessionId, parentId, settings } = turn;
  const { maxTokens } = settings;
  const countAsked = countsOf(turn);
  const planned: PlannedReply[] = [];
  for (const { model, historyTokens, lane = null, input = null, watchedMs = null } of asked) {
    const createdAt = new Date();
    const message: MessageRecord = {
      id: newId(),
      sessionId,
      userId,
      parentId,
      role: 'assistant',
      content: '',
      reasoning: null,
      createdAt,
    };
    const tokens = input ? await countPrompt(input) : await countAsked(historyTokens);
    const hold = estimateHold(
      model,
      { asked: tokens, history: historyTokens, maxTokens },
      holds.reserveTokens,
    );
    const generation = {
      id: newId(),
      userId,
      sessionId,
      messageId: message.id,
      model: model.id,
      settings,
      lane,
      input,
      watchedMs,
      price: model.price,
      ...hold,
      holdExpiresAt: new Date(createdAt.getTime() + holds.minutes * 60_000),
      createdAt,
    };
    planned.push({ message, generation });
  }
  return planned;
}

/**
 * Counts what a turn adds to a history. Each text is counted at most once, and only when a reply needs it: the tokens of
 * a history include those of the system prompt.
 */
function countsOf({ content, settings }: Turn): (historyTokens: number) => Promise<number> {
  let tokens: number | undefined;
  let system: number | undefined;
  return async (historyTokens) => {
    tokens ??= await countTokens(content);
    if (historyTokens > 0) return tokens;
    system ??= await countTokens(settings.systemPrompt ?? '');
    return tokens + system;
  };
}
