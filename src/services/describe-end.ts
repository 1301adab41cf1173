import type { Written } from '../feed/ports.ts';
import type { ChatTurn, FinishReason, ProviderError, ProviderUsage } from '../providers/provider.ts';
import { countTokens } from './count-tokens.ts';
import type { AttemptEnd } from './settle-generation.ts';

/** What is known when a provider's stream is over: exactly one of the first four is set. */
export interface StreamEnd {
  finishReason?: FinishReason;
  error?: ProviderError;
  /** Ended from outside while the model was writing. */
  aborted?: boolean;
  /** Never begun: it was stopped before, or there is nothing to answer. */
  cancelled?: boolean;
  usage?: ProviderUsage;
}

/** What is stored and charged for the end of a stream. */
export async function describeEnd(end: StreamEnd, turns: ChatTurn[], written: Written): Promise<AttemptEnd> {
  const usage = await usageOf(end, turns, written);
  if (end.finishReason) return { status: 'completed', finishReason: end.finishReason, ...written, usage };
  if (!end.error) return { status: 'cancelled', finishReason: 'cancelled', ...written, usage };
  const { code, message } = end.error;
  // Broken off after its first visible token: it is not tried again, whatever the cause, and what there is stays.
  const error = isNothing(written) ? { code, message } : { code: 'interrupted' as const, message };
  return { status: 'failed', finishReason: 'error', ...written, usage, error };
}

/** What is stored and charged when too many workers died on a generation. */
export async function interruptedEnd(
  turns: ChatTurn[],
  written: Written,
  textAttempt: number,
): Promise<AttemptEnd> {
  return {
    status: 'failed',
    finishReason: 'error',
    ...written,
    textAttempt,
    usage: await usageOf({}, turns, written),
    error: { code: 'interrupted', message: 'The server was interrupted twice while it wrote this reply.' },
  };
}

/** The provider's own count, or ours where it sent none; nothing for a model that wrote nothing and did not finish. */
async function usageOf(end: StreamEnd, turns: ChatTurn[], written: Written): Promise<AttemptEnd['usage']> {
  if (isNothing(written) && !end.finishReason) return undefined;
  if (end.usage) return { ...end.usage, estimated: false };
  let inputTokens = 0;
  for (const turn of turns) inputTokens += await countTokens(turn.content);
  const reasoningTokens = await countTokens(written.reasoning ?? '');
  const outputTokens = reasoningTokens + (await countTokens(written.text));
  return { inputTokens, outputTokens, reasoningTokens, estimated: true };
}

/** Reasoning is output like any other: whoever wrote only that has written something. */
const isNothing = ({ text, reasoning }: Written): boolean => text === '' && reasoning === null;
