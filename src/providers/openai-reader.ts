import { classifyError } from './classify-error.ts';
import type { FinishReason, ProviderUsage } from './provider.ts';
import type { EventSink, WireReader } from './sse-exchange.ts';

/** What is read of a chunk. Compatible servers leave out or null anything. */
interface Chunk {
  choices?: Choice[] | null;
  usage?: { prompt_tokens?: number | null; completion_tokens?: number | null } | null;
  /** Compatible servers report a failure inside the stream so. */
  error?: object | string | null;
}

interface Choice {
  delta?: Delta | null;
  finish_reason?: string | null;
}

interface Delta {
  content?: string | null;
  /** The model's words when it declines. */
  refusal?: string | null;
  /** DeepSeek, vLLM and others. */
  reasoning_content?: string | null;
  /** OpenRouter, Ollama, Groq. */
  reasoning?: string | null;
}

/**
 * Reads the stream of chat completions. `usage` comes with or after the finish reason, so both are kept until
 * `[DONE]` or the end of the body.
 */
export function createOpenAiReader(): WireReader {
  return new OpenAiReader();
}

class OpenAiReader implements WireReader {
  #usage: ProviderUsage | undefined;
  #finish: FinishReason | undefined;

  read(data: string, out: EventSink): boolean {
    if (data === '[DONE]') return true;
    const chunk = JSON.parse(data) as Chunk;
    if (chunk.error) {
      out.push({ type: 'error', error: classifyError(chunk.error) });
      return true;
    }
    if (chunk.usage) this.#usage = toUsage(chunk.usage);
    const choice = chunk.choices?.[0];
    if (choice?.delta) pushDelta(choice.delta, out);
    if (choice?.finish_reason) this.#finish = FINISH_REASONS.get(choice.finish_reason) ?? 'stop';
    return false;
  }

  end(out: EventSink): void {
    if (this.#usage) out.push({ type: 'usage', usage: this.#usage });
    if (this.#finish) out.push({ type: 'finish', reason: this.#finish });
  }
}

function pushDelta(delta: Delta, out: EventSink): void {
  const reasoning = delta.reasoning_content || delta.reasoning;
  if (isText(reasoning)) out.push({ type: 'reasoning', text: reasoning });
  if (isText(delta.content)) out.push({ type: 'text', text: delta.content });
  if (isText(delta.refusal)) out.push({ type: 'text', text: delta.refusal });
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== '';
}

function toUsage(usage: NonNullable<Chunk['usage']>): ProviderUsage {
  return { inputTokens: usage.prompt_tokens ?? 0, outputTokens: usage.completion_tokens ?? 0 };
}

/** Reasons that are not here (compatible servers have their own) mean that the model stopped by itself. */
const FINISH_REASONS = new Map<string, FinishReason>([
  ['stop', 'stop'],
  ['length', 'length'],
  ['content_filter', 'content_filter'],
  ['tool_calls', 'tool_calls'],
  ['function_call', 'tool_calls'],
]);
