import type { PromptInput, ToolCall } from '../contracts/prompt.ts';
import type { Written } from '../feed/ports.ts';
import type { ProviderUsage } from '../providers/provider.ts';
import { mostTokens } from './count-prompt.ts';

/** What a model was asked, and what it answered. */
export interface Exchange {
  prompt: PromptInput;
  written: Written;
  toolCalls?: ToolCall[] | undefined;
}

/**
 * The counts of a provider that can be true: servers have been seen to send zeros where they count nothing. What is not
 * believed is left out, and its part with it.
 */
export function believedUsage(told: ProviderUsage, exchange: Exchange): ProviderUsage {
  const { prompt, written, toolCalls } = exchange;
  const { inputTokens, cachedInputTokens, outputTokens, reasoningTokens, ...believed } = told;
  const hasPrompt = mostTokens(prompt) > 0;
  const hasOutput = written.text !== '' || Boolean(written.reasoning) || toolCalls !== undefined;
  const input = inputTokens === 0 && hasPrompt ? {} : { inputTokens, cachedInputTokens };
  const output = outputTokens === 0 && hasOutput ? {} : { outputTokens, reasoningTokens };
  return { ...believed, ...input, ...output };
}
