import type { Anthropic } from '@anthropic-ai/sdk';
import { joinTurns, systemOf } from './joined-turns.ts';
import type { ProviderRequest } from './provider.ts';

/** The wire demands a limit; this one where the request has none. */
const DEFAULT_MAX_TOKENS = 4096;

/** Older models still take these; the SDK's types have dropped them. */
type Body = Anthropic.MessageCreateParamsStreaming & { temperature?: number; top_p?: number };

/** A request in the words of Anthropic's wire. The system turn has its own field. */
export function toAnthropicBody(request: ProviderRequest): Body {
  const system = systemOf(request.turns);
  return {
    model: request.model,
    max_tokens: request.maxTokens ?? DEFAULT_MAX_TOKENS,
    messages: joinTurns(request.turns),
    stream: true,
    ...(system === undefined ? {} : { system }),
    ...samplingOf(request),
  };
}

/**
 * The scale of the temperature ends at 1 here. From Opus 4.1 on temperature and `top_p` together are answered with
 * 400: where both are given, the temperature stays.
 */
function samplingOf({ temperature, topP }: ProviderRequest): { temperature?: number; top_p?: number } {
  if (temperature !== undefined) return { temperature: Math.min(temperature, 1) };
  return topP === undefined ? {} : { top_p: topP };
}
