import type { Anthropic } from '@anthropic-ai/sdk';
import { joinTurns, plainTextOf, systemOf } from './joined-turns.ts';
import type { ProviderRequest } from './provider.ts';

/** The wire demands a limit: this one, where neither the request nor the model has one that is known. */
const DEFAULT_MAX_TOKENS = 4_096;
/** Most that is asked for unasked: what is kept free of a prompt for a reply is not more (`contextBudget`). */
const MOST_UNASKED = 16_384;

/** Older models still take these; the SDK's types have dropped them. */
type Body = Anthropic.MessageCreateParamsStreaming & { temperature?: number; top_p?: number };

/** A request in the words of Anthropic's wire. The system turn has its own field. */
export function toAnthropicBody(request: ProviderRequest): Body {
  const system = systemOf(request.turns);
  return {
    model: request.model,
    max_tokens: request.maxTokens ?? Math.min(request.maxOutputTokens ?? DEFAULT_MAX_TOKENS, MOST_UNASKED),
    messages: joinTurns(request.turns).map((turn) => ({ role: turn.role, content: plainTextOf(turn) ?? '' })),
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
