import { classifyError } from './classify-error.ts';
import { asCount, countUsage, mergeCounts, sumCounts } from './count-usage.ts';
import type { FinishReason } from './provider.ts';
import type { EventSink, StreamStage, WireReader } from './sse-exchange.ts';
import { pushEnd, ToolCallCollector, textOf } from './tool-call-collector.ts';

/** What is read of an event. */
interface WireEvent {
  type: string;
  message?: { usage?: WireUsage | null };
  /** Of the block that an event is about. */
  index?: number;
  content_block?: WireBlock | null;
  delta?: WireDelta;
  usage?: WireUsage | null;
  error?: object | null;
}

interface WireBlock {
  type?: string;
  text?: string;
  thinking?: string;
  /** These of a `tool_use`. */
  id?: unknown;
  name?: unknown;
  /** Empty, and told by the deltas; some compatible servers have it here, whole, or in both. */
  input?: unknown;
}

interface WireDelta {
  type?: string;
  text?: string;
  thinking?: string;
  partial_json?: unknown;
  stop_reason?: string | null;
}

/** Counts so far, not increments: what is null or missing has not changed. */
interface WireUsage {
  input_tokens?: number | null;
  cache_creation_input_tokens?: number | null;
  cache_read_input_tokens?: number | null;
  output_tokens?: number | null;
  /** Part of the output. */
  output_tokens_details?: { thinking_tokens?: number | null } | null;
}

/**
 * Reads the stream of messages. The first event has the count of the input, but the output is counted only with the
 * stop reason, and what the first event says of it holds a place: a stream that ends before has no usage.
 */
export function createAnthropicReader(): WireReader {
  return new AnthropicReader();
}

class AnthropicReader implements WireReader {
  readonly #usage: WireUsage = {};
  #finish: FinishReason | undefined;
  readonly #calls = new ToolCallCollector();
  /**
   * The blocks that are open and are calls (the provider's own tools have deltas of their input, too), by their index. With the
   * input that came at the start, as long as no delta has any.
   */
  readonly #open = new Map<number, string | undefined>();

  read(data: string, out: EventSink): StreamStage {
    const event = JSON.parse(data) as WireEvent;
    switch (event.type) {
      case 'content_block_delta':
        if (!pushText(event.delta, out)) this.#goOn(event, out);
        break;
      case 'content_block_start':
        if (!pushText(event.content_block, out)) this.#begin(event, out);
        break;
      case 'content_block_stop':
        this.#close(event.index, out);
        break;
      case 'message_start':
        if (event.message?.usage) mergeCounts(this.#usage, event.message.usage, INPUT_COUNTS);
        break;
      case 'message_delta':
        this.#count(event.usage);
        if (event.delta?.stop_reason) this.#finish = STOP_REASONS.get(event.delta.stop_reason) ?? 'stop';
        break;
      case 'message_stop':
        return 'over';
      case 'error':
        out.push({ type: 'error', error: classifyError(event.error) });
        return 'over';
    }
    return this.#finish ? 'stopped' : 'open';
  }

  end(out: EventSink): void {
    for (const index of this.#open.keys()) this.#close(index, out);
    const over = this.#finish !== undefined || asCount(this.#usage.output_tokens) !== undefined;
    const usage = over && toUsage(this.#usage);
    if (usage) out.push({ type: 'usage', usage });
    if (this.#finish) pushEnd({ reason: this.#finish, calls: this.#calls.calls() }, out);
  }

  #begin({ index = 0, content_block: block }: WireEvent, out: EventSink): void {
    this.#close(index, out);
    if (block?.type !== 'tool_use') return;
    const { id, name, input } = block;
    const hasInput = typeof input === 'object' && input !== null && Object.keys(input).length > 0;
    const begun = { index, id: isText(id) ? id : undefined, name: isText(name) ? name : undefined };
    this.#calls.add(begun);
    this.#open.set(index, hasInput ? JSON.stringify(input) : undefined);
    out.push({ type: 'writing', text: textOf(begun) });
  }

  #goOn({ index = 0, delta }: WireEvent, out: EventSink): void {
    if (typeof delta?.partial_json !== 'string' || !this.#open.has(index)) return;
    if (delta.partial_json !== '') this.#open.set(index, undefined);
    this.#calls.add({ index, text: delta.partial_json });
    out.push({ type: 'writing', text: delta.partial_json });
  }

  #close(index = 0, out: EventSink): void {
    const input = this.#open.get(index);
    this.#open.delete(index);
    if (input === undefined) return;
    this.#calls.add({ index, text: input });
    out.push({ type: 'writing', text: input });
  }

  #count(usage: WireUsage | null | undefined): void {
    if (!usage) return;
    mergeCounts(this.#usage, usage, [...INPUT_COUNTS, 'output_tokens']);
    if (usage.output_tokens_details) this.#usage.output_tokens_details = usage.output_tokens_details;
  }
}

const INPUT_COUNTS = ['input_tokens', 'cache_creation_input_tokens', 'cache_read_input_tokens'] as const;

/** What was read from the cache, and written to it, is not in `input_tokens`. */
function toUsage(usage: WireUsage) {
  const { input_tokens, cache_creation_input_tokens, cache_read_input_tokens, output_tokens_details } = usage;
  return countUsage({
    input: sumCounts(input_tokens, cache_creation_input_tokens, cache_read_input_tokens),
    cachedInput: cache_read_input_tokens,
    output: usage.output_tokens,
    reasoning: output_tokens_details?.thinking_tokens,
  });
}

/** Whether there was text. */
function pushText(part: { text?: string; thinking?: string } | null | undefined, out: EventSink): boolean {
  if (isText(part?.text)) out.push({ type: 'text', text: part.text });
  else if (isText(part?.thinking)) out.push({ type: 'reasoning', text: part.thinking });
  else return false;
  return true;
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== '';
}

const STOP_REASONS = new Map<string, FinishReason>([
  ['end_turn', 'stop'],
  ['stop_sequence', 'stop'],
  ['pause_turn', 'stop'],
  ['max_tokens', 'length'],
  ['model_context_window_exceeded', 'length'],
  ['tool_use', 'tool_calls'],
  ['refusal', 'content_filter'],
]);
