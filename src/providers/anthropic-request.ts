import type { Anthropic } from '@anthropic-ai/sdk';
import type { ChatTurn, ProviderRequest } from './provider.ts';

/** The wire demands a limit; this one where the request has none. */
const DEFAULT_MAX_TOKENS = 4096;

/** Older models still take these; the SDK's types have dropped them. */
type Body = Anthropic.MessageCreateParamsStreaming & { temperature?: number; top_p?: number };

/**
 * A request in the words of Anthropic's wire. The system turn has its own field; blank turns, which the wire
 * refuses, go; turns of one role in a row become one; what stands before the first user turn goes.
 */
export function toAnthropicBody(request: ProviderRequest): Body {
  const system = request.turns.find((turn) => turn.role === 'system');
  return {
    model: request.model,
    max_tokens: request.maxTokens ?? DEFAULT_MAX_TOKENS,
    messages: toMessages(request.turns),
    stream: true,
    ...(system?.content.trim() ? { system: system.content } : {}),
    ...samplingOf(request),
  };
}

function toMessages(turns: ChatTurn[]): Anthropic.MessageParam[] {
  const messages: { role: 'user' | 'assistant'; content: string }[] = [];
  for (const { role, content } of turns) {
    if (role === 'system' || content.trim() === '') continue;
    const last = messages.at(-1);
    if (last?.role === role) last.content += `\n\n${content}`;
    else if (last || role === 'user') messages.push({ role, content });
  }
  return messages;
}

/**
 * Sampling parameters are gated per model: from Opus 4.7 on they are answered with 400, and from 4.1 on the two
 * together are. Where both are given, the temperature goes.
 */
function samplingOf({ model, temperature, topP }: ProviderRequest): { temperature?: number; top_p?: number } {
  if (!TAKES_SAMPLING.test(model)) return {};
  if (temperature !== undefined) return { temperature: Math.min(temperature, 1) };
  return topP === undefined ? {} : { top_p: topP };
}

/** Claude 2, 3 and 4.0 to 4.6 by their ids, as in `claude-3-5-haiku-latest`, `claude-sonnet-4-20250514`. */
const TAKES_SAMPLING = /^claude-(2|3|instant|(opus|sonnet|haiku)-4(-[0-6])?(-\d{8})?(-latest)?$)/;
