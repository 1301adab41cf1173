import type { Try } from '../contracts/message.ts';
import type { ModelParameter } from '../contracts/model.ts';
import type { PromptInput, ToolCall } from '../contracts/prompt.ts';
import type { ModelPrice } from '../data/entities/generation.ts';
import type { Written } from '../feed/ports.ts';
import type { FinishReason, ProviderError, ProviderUsage } from '../providers/provider.ts';
import type { AttemptEnd, SettledUsage } from './attempt-end.ts';
import { believedUsage } from './believed-usage.ts';
import type { ContextWindow } from './context-budget.ts';
import { countPrompt } from './count-prompt.ts';
import { countTokens } from './count-tokens.ts';

/** What is known when a provider's stream is over: exactly one of the first four is set. */
export interface StreamEnd {
  /** `credit_limit`: ended by us, see `CreditMeter`. */
  finishReason?: FinishReason | 'credit_limit';
  error?: ProviderError;
  /** Ended from outside while the model was writing. */
  aborted?: boolean;
  /** Never begun: it was stopped before, or there is nothing to answer. */
  cancelled?: boolean;
  /** What the model asks of tools. */
  toolCalls?: ToolCall[];
  /** What was written of calls; those of a stream that was cut off are not whole, and are written and paid for like text. */
  called?: string;
  usage?: ProviderUsage;
  /** How much the model that answered reads and writes, where that is known. */
  window?: ContextWindow | undefined;
  /** What the model that answered costs the operator; left out: what was frozen on the generation. */
  costPrice?: ModelPrice;
  /** Every call of a provider, in order. */
  tries?: Try[];
  /** Settings that the model that answered does not take. */
  omittedParameters?: ModelParameter[];
}

/** What is stored and charged for the end of a stream. */
export async function describeEnd(
  end: StreamEnd,
  prompt: PromptInput,
  written: Written,
): Promise<AttemptEnd> {
  const { tries = [], omittedParameters = [], costPrice, toolCalls } = end;
  const usage = await usageOf(end, prompt, written);
  const known = { ...written, usage, costPrice, tries, omittedParameters, toolCalls };
  if (end.finishReason) return { status: 'completed', finishReason: end.finishReason, ...known };
  if (!end.error) return { status: 'cancelled', finishReason: 'cancelled', ...known };
  const { code, message } = end.error;
  // Broken off after its first visible token: it is not tried again, whatever the cause, and what there is stays.
  const error = isNothing(written) ? { code, message } : { code: 'interrupted' as const, message };
  return { status: 'failed', finishReason: 'error', ...known, error };
}

/** What is stored and charged when a generation is given up, with `message` for people. */
export async function interruptedEnd(
  prompt: PromptInput,
  written: Written,
  message: string,
): Promise<AttemptEnd> {
  return {
    status: 'failed',
    finishReason: 'error',
    ...written,
    usage: await usageOf({}, prompt, written),
    error: { code: 'interrupted', message },
  };
}

/**
 * The provider's own count of each side, or ours where it gave none that can be believed; undefined for a model that wrote
 * nothing and did not finish. When a provider is cut off, its last count may be older than most of the text: then ours is
 * taken, if it is higher. A reply that was ended because the credits were used up was measured by our count, and is charged
 * by it.
 */
async function usageOf(
  end: StreamEnd,
  prompt: PromptInput,
  written: Written,
): Promise<SettledUsage | undefined> {
  const limited = end.finishReason === 'credit_limit';
  // Where the credits did not even pay for the prompt, nobody was asked.
  const nothing = isNothing(written) && !end.toolCalls && !end.called;
  if (nothing && (limited ? !end.tries : !end.finishReason)) return undefined;
  const { usage = {}, toolCalls, window } = end;
  const told = limited ? {} : believedUsage(usage, { prompt, written, toolCalls, window });
  const counted = await countOutput(end, told, written);
  const { inputTokens = await countPrompt(prompt), outputTokens = 0, costUsd, ...parts } = told;
  // What was cut off has cost more than was told before.
  const cost = costUsd !== undefined && (end.finishReason || !counted) ? { costUsd } : {};
  const estimated = counted !== undefined || told.inputTokens === undefined;
  return { inputTokens, outputTokens, ...parts, ...counted, ...cost, estimated };
}

/** Our count of what was written; undefined where the provider's is taken. */
async function countOutput(
  { finishReason, toolCalls, called = '' }: StreamEnd,
  { outputTokens: told }: ProviderUsage,
  written: Written,
): Promise<Pick<SettledUsage, 'outputTokens' | 'reasoningTokens'> | undefined> {
  if (finishReason && told !== undefined) return undefined;
  const reasoningTokens = await countTokens(written.reasoning ?? '');
  const callTokens = await countTokens(toolCalls ? JSON.stringify(toolCalls) : called);
  const outputTokens = reasoningTokens + (await countTokens(written.text)) + callTokens;
  return told !== undefined && told >= outputTokens ? undefined : { outputTokens, reasoningTokens };
}

/** Reasoning is output like any other: whoever wrote only that has written something. */
const isNothing = ({ text, reasoning }: Written): boolean => text === '' && reasoning === null;
