import { classifyError } from './classify-error.ts';
import { contentPieces } from './content-pieces.ts';
import { asCount, countUsage, mergeUsage } from './count-usage.ts';
import { type FinishReason, ProviderError, type ProviderUsage } from './provider.ts';
import type { EventSink, StreamStage, WireReader } from './sse-exchange.ts';
import type { ThinkTags } from './think-tags.ts';
import { type CallFragment, pushEnd, ToolCallCollector, textOf } from './tool-call-collector.ts';

/** The format of what OpenRouter keeps of Gemini's thoughts. */
export const GEMINI_FORMAT = 'google-gemini-v1';

/** What is read of a chunk. Compatible servers leave out or null anything. */
interface Chunk {
  choices?: Choice[] | null;
  usage?: OpenAiUsage | null;
  /** Compatible servers report a failure inside the stream so. */
  error?: object | string | null;
}

/** The counts at the end of a stream. */
export interface OpenAiUsage {
  prompt_tokens?: number | null;
  prompt_tokens_details?: { cached_tokens?: number | null } | null;
  completion_tokens?: number | null;
  completion_tokens_details?: { reasoning_tokens?: number | null } | null;
  total_tokens?: number | null;
}

/**
 * What the service says that a call cost, in US dollars; a decimal string.
 *
 * @param data the event that the usage came in, as it was written
 */
export type CostReader = (usage: OpenAiUsage, data: string) => string | undefined;

interface Choice {
  delta?: Delta | null;
  finish_reason?: string | null;
  /** OpenRouter reports a failure of the upstream so. */
  error?: object | null;
}

interface Delta {
  /** A list where Mistral's models think. */
  content?: string | unknown[] | null;
  /** The model's words when it declines. */
  refusal?: string | null;
  /** DeepSeek, vLLM and others. */
  reasoning_content?: string | null;
  /** OpenRouter, Ollama, Groq. */
  reasoning?: string | null;
  /** OpenRouter: the signatures of Gemini, by the call that they belong to, among other things. */
  reasoning_details?: (WireDetail | null)[] | null;
  tool_calls?: (WireCall | null)[] | null;
  /** What `tool_calls` was before, for one call; some servers still have it. */
  function_call?: WireFunction | null;
}

interface WireDetail {
  format?: unknown;
  id?: unknown;
  data?: unknown;
}

/** A fragment; everything but the arguments is told once, as a rule. */
interface WireCall {
  index?: unknown;
  id?: unknown;
  function?: WireFunction | null;
}

interface WireFunction {
  name?: unknown;
  /** Text; some servers send the object. */
  arguments?: unknown;
}

/**
 * Reads the stream of chat completions. `usage` comes with or after the finish reason, and some compatible servers have
 * both in every chunk, so the latest are kept until the end. Not every one marks that with `[DONE]`.
 */
export function createOpenAiReader(options: OpenAiReaderOptions = {}): WireReader {
  return new OpenAiReader(options);
}

/** What a service does otherwise than OpenAI. */
export interface OpenAiReaderOptions {
  costOf?: CostReader | undefined;
  /** Splits the content of models whose thoughts stand in it. */
  thinkTags?: ThinkTags | undefined;
}

class OpenAiReader implements WireReader {
  readonly #costOf: CostReader | undefined;
  readonly #thinkTags: ThinkTags | undefined;
  #usage: ProviderUsage | undefined;
  #finish: FinishReason | undefined;
  #hasText = false;
  #hasRefusal = false;
  /** Made by the first fragment of a call. */
  #calls: ToolCallCollector | undefined;

  constructor({ costOf, thinkTags }: OpenAiReaderOptions) {
    this.#costOf = costOf;
    this.#thinkTags = thinkTags;
  }

  read(data: string, out: EventSink): StreamStage {
    if (data === '[DONE]') return 'over';
    const chunk = JSON.parse(data) as Chunk;
    const choice = chunk.choices?.[0];
    if (chunk.error || choice?.error) {
      out.push({ type: 'error', error: classifyError(chunk.error ?? choice?.error) });
      return 'over';
    }
    if (chunk.usage) this.#count(chunk.usage, data);
    if (choice?.delta) this.#pushDelta(choice.delta, out);
    if (choice?.finish_reason === 'error') throw brokenOff();
    if (choice?.finish_reason) this.#finish = FINISH_REASONS.get(choice.finish_reason) ?? 'stop';
    return this.#finish ? 'stopped' : 'open';
  }

  end(out: EventSink): void {
    this.#thinkTags?.end(out);
    if (this.#usage) out.push({ type: 'usage', usage: this.#usage });
    if (this.#finish) pushEnd({ reason: this.#reasonOf(this.#finish), calls: this.#calls?.calls() }, out);
  }

  /** Words of refusal beside an answer are part of it. */
  #reasonOf(finish: FinishReason): FinishReason {
    return finish === 'stop' && this.#hasRefusal && !this.#hasText ? 'refusal' : finish;
  }

  #count(usage: OpenAiUsage, data: string): void {
    this.#usage = mergeUsage(this.#usage, toUsage(usage, this.#costOf?.(usage, data)));
  }

  #pushDelta(delta: Delta, out: EventSink): void {
    const reasoning = delta.reasoning_content || delta.reasoning;
    if (isText(reasoning)) out.push({ type: 'reasoning', text: reasoning });
    if (isText(delta.content)) this.#pushText(delta.content, out);
    else if (Array.isArray(delta.content)) this.#pushPieces(delta.content, out);
    if (isText(delta.refusal)) {
      this.#hasRefusal = true;
      out.push({ type: 'text', text: delta.refusal });
    }
    if (delta.reasoning_details) this.#keepSignatures(delta.reasoning_details);
    if (delta.tool_calls?.length) this.#collect(delta.tool_calls, out);
    else if (delta.function_call) this.#collect([{ index: 0, function: delta.function_call }], out);
  }

  #pushText(text: string, out: EventSink): void {
    this.#hasText = true;
    if (this.#thinkTags) this.#thinkTags.push(text, out);
    else out.push({ type: 'text', text });
  }

  #pushPieces(parts: unknown[], out: EventSink): void {
    for (const { type, text } of contentPieces(parts)) {
      if (type === 'text') this.#pushText(text, out);
      else out.push({ type, text });
    }
  }

  #keepSignatures(details: (WireDetail | null)[]): void {
    for (const detail of details) {
      if (detail?.format !== GEMINI_FORMAT || !isText(detail.id) || !isText(detail.data)) continue;
      this.#calls ??= new ToolCallCollector();
      this.#calls.sign(detail.id, detail.data);
    }
  }

  #collect(fragments: (WireCall | null)[], out: EventSink): void {
    this.#calls ??= new ToolCallCollector();
    let written = '';
    for (const each of fragments) {
      if (!each) continue;
      const fragment = toFragment(each);
      this.#calls.add(fragment);
      written += textOf(fragment);
    }
    out.push({ type: 'writing', text: written });
  }
}

function toFragment({ index, id, function: called }: WireCall): CallFragment {
  const { name, arguments: text } = called ?? {};
  return {
    index: Number.isInteger(index) ? (index as number) : undefined,
    id: isText(id) ? id : undefined,
    name: isText(name) ? name : undefined,
    text: typeof text === 'object' && text !== null ? JSON.stringify(text) : isText(text) ? text : undefined,
  };
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== '';
}

/**
 * The output of OpenAI has the reasoning in it. Some compatible servers count it apart, which shows in their total:
 * https://github.com/openai/openai-python/issues/2544.
 */
function toUsage(usage: OpenAiUsage, costUsd: string | undefined): ProviderUsage | undefined {
  const { prompt_tokens, completion_tokens, total_tokens } = usage;
  const reasoning = asCount(usage.completion_tokens_details?.reasoning_tokens) ?? 0;
  const written = asCount(completion_tokens) ?? 0;
  const apart = reasoning > 0 && total_tokens === (asCount(prompt_tokens) ?? 0) + written + reasoning;
  return countUsage({
    input: prompt_tokens,
    cachedInput: usage.prompt_tokens_details?.cached_tokens,
    output: apart ? written + reasoning : completion_tokens,
    reasoning: usage.completion_tokens_details?.reasoning_tokens,
    costUsd,
  });
}

function brokenOff(): ProviderError {
  return new ProviderError('stream_broken', 'The provider broke off without saying why.');
}

/** Reasons that are not here (compatible servers have their own) mean that the model stopped by itself. */
const FINISH_REASONS = new Map<string, FinishReason>([
  ['stop', 'stop'],
  ['length', 'length'],
  ['content_filter', 'content_filter'],
  ['tool_calls', 'tool_calls'],
  ['function_call', 'tool_calls'],
]);
