import type { PromptInput, ToolCall } from '../contracts/prompt.ts';
import type { Written } from '../feed/ports.ts';
import type { ProviderUsage } from '../providers/provider.ts';
import type { ContextWindow } from './context-budget.ts';
import { mostTokens } from './count-prompt.ts';

/**
 * What is in a prompt beside what was sent, in tokens: templates, what a provider says before, images that count as more
 * than we do.
 */
const MAX_ADDED = 100_000;
/** What a model writes where nothing is known of it, in tokens: as much as current ones. */
const UNKNOWN_OUTPUT = 128_000;
/** So many times what a model is known to write is believed: that may be old, and reasoning that is not seen cannot be counted here. */
const OUTPUT_MARGIN = 2;

/** What a model was asked, and what it answered. */
export interface Exchange {
  prompt: PromptInput;
  written: Written;
  toolCalls?: ToolCall[] | undefined;
  window?: ContextWindow | undefined;
}

/**
 * The counts of a provider that can be true: servers have been seen to send zeros where they count nothing, and one that
 * miscounts must not take a whole balance. What is not believed is left out, and its part with it.
 */
export function believedUsage(told: ProviderUsage, exchange: Exchange): ProviderUsage {
  const { inputTokens, cachedInputTokens, outputTokens, reasoningTokens, costUsd } = told;
  const input = verdictOn(inputTokens, inputBounds(exchange));
  const output = verdictOn(outputTokens, outputBounds(exchange));
  return {
    ...(input === 'believed' ? { inputTokens, cachedInputTokens } : {}),
    ...(output === 'believed' ? { outputTokens, reasoningTokens } : {}),
    // Whoever counts so has the cost from it.
    ...(costUsd === undefined || input === 'absurd' || output === 'absurd' ? {} : { costUsd }),
  };
}

/** Between what a count can be, in tokens. */
interface Bounds {
  least: number;
  most: number;
}

function verdictOn(count: number | undefined, { least, most }: Bounds): 'believed' | 'missing' | 'absurd' {
  if (count === undefined || count < least) return 'missing';
  return count > most ? 'absurd' : 'believed';
}

function inputBounds({ prompt, window }: Exchange): Bounds {
  const sent = mostTokens(prompt);
  const most = Math.min(sent + MAX_ADDED, window?.contextLength ?? Number.POSITIVE_INFINITY);
  return { least: Math.min(sent, 1), most };
}

function outputBounds({ written: { text, reasoning }, toolCalls, window }: Exchange): Bounds {
  const seen = [text, reasoning ?? '', toolCalls ? JSON.stringify(toolCalls) : ''];
  // A token has one byte or more.
  const bytes = seen.reduce((sum, each) => sum + Buffer.byteLength(each), 0);
  const { contextLength, maxOutputTokens } = window ?? {};
  const known = maxOutputTokens ?? Math.min(contextLength ?? UNKNOWN_OUTPUT, UNKNOWN_OUTPUT);
  return { least: Math.min(bytes, 1), most: Math.max(known * OUTPUT_MARGIN, bytes) };
}
