import type { GenerateContentConfig, GenerateContentParameters } from '@google/genai';
import { joinTurns, plainTextOf, systemOf } from './joined-turns.ts';
import type { ProviderRequest } from './provider.ts';

/** How a request is sent. */
export interface GeminiCall {
  abort: AbortSignal;
  fetch: typeof globalThis.fetch;
}

/**
 * A request in the words of Google's SDK. There are no retries unless they are asked for; a reply that was cut at
 * the limit is not continued by the SDK.
 */
export function toGeminiRequest(
  request: ProviderRequest,
  { abort, fetch }: GeminiCall,
): GenerateContentParameters {
  const { model, turns, temperature, topP, maxTokens } = request;
  const system = systemOf(turns);
  const config: GenerateContentConfig = {
    abortSignal: abort,
    httpOptions: { fetch },
    automaticContinuation: false,
    ...(system === undefined ? {} : { systemInstruction: system }),
    ...(temperature === undefined ? {} : { temperature }),
    ...(topP === undefined ? {} : { topP }),
    ...(maxTokens === undefined ? {} : { maxOutputTokens: maxTokens }),
    ...(THINKS.test(model) ? { thinkingConfig: { includeThoughts: true } } : {}),
  };
  const contents = joinTurns(turns).map((turn) => ({
    role: turn.role === 'assistant' ? 'model' : 'user',
    parts: [{ text: plainTextOf(turn) ?? '' }],
  }));
  return { model, contents, config };
}

/**
 * Models that think, and send a summary of their thoughts when asked; others refuse to be asked. Without it they
 * are silent until they have thought, which may be longer than a first token may take.
 */
const THINKS = /^(models\/)?gemini-(2\.5|[3-9]|\d\d)(?!.*-(image|tts|audio|live))/;
