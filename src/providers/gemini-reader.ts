import { countUsage } from './count-usage.ts';
import { classifyGeminiError } from './gemini-error.ts';
import { type FinishReason, ProviderError } from './provider.ts';
import type { EventSink, WireReader } from './sse-exchange.ts';

/** What is read of an event (https://ai.google.dev/api/generate-content#v1beta.GenerateContentResponse). */
interface WireEvent {
  candidates?: Candidate[] | null;
  /** With a reason where the prompt was refused; then there are no candidates. */
  promptFeedback?: { blockReason?: string | null } | null;
  usageMetadata?: UsageMetadata | null;
  error?: object | null;
}

interface Candidate {
  content?: { parts?: Part[] | null } | null;
  finishReason?: string | null;
}

interface Part {
  text?: string | null;
  /** The text is a summary of the model's thoughts. */
  thought?: boolean | null;
}

/** Counts so far, in every event. */
interface UsageMetadata {
  /** The whole prompt, what was cached included. */
  promptTokenCount?: number | null;
  cachedContentTokenCount?: number | null;
  /** Without the thoughts. */
  candidatesTokenCount?: number | null;
  thoughtsTokenCount?: number | null;
}

/** Reads the stream of generated content. What it counts before its end may lag: a stream that breaks has no usage. */
export function createGeminiReader(): WireReader {
  return new GeminiReader();
}

class GeminiReader implements WireReader {
  #usage: UsageMetadata | undefined;
  #finish: FinishReason | undefined;

  read(data: string, out: EventSink): boolean {
    const event = JSON.parse(data) as WireEvent;
    if (event.error) return refuse(classifyGeminiError(event.error), out);
    if (event.usageMetadata) this.#usage = event.usageMetadata;
    const blocked = event.promptFeedback?.blockReason;
    if (blocked && blocked !== 'BLOCKED_REASON_UNSPECIFIED') {
      return refuse(new ProviderError('content_filter', 'The provider refused the prompt.'), out);
    }
    const candidate = event.candidates?.[0];
    const parts = candidate?.content?.parts;
    if (parts) for (const part of parts) pushPart(part, out);
    const reason = candidate?.finishReason;
    if (!reason || reason === 'FINISH_REASON_UNSPECIFIED') return false;
    this.#finish = FINISH_REASONS.get(reason) ?? 'stop';
    return true;
  }

  end(out: EventSink): void {
    if (!this.#finish) return;
    const usage = this.#usage && toUsage(this.#usage);
    if (usage) out.push({ type: 'usage', usage });
    out.push({ type: 'finish', reason: this.#finish });
  }
}

function refuse(error: ProviderError, out: EventSink): true {
  out.push({ type: 'error', error });
  return true;
}

function pushPart({ text, thought }: Part, out: EventSink): void {
  if (typeof text !== 'string' || text === '') return;
  out.push({ type: thought ? 'reasoning' : 'text', text });
}

/** Thoughts are output, and are paid as such; a count of zero is left out of the wire. */
function toUsage(usage: UsageMetadata) {
  const { promptTokenCount, cachedContentTokenCount, candidatesTokenCount, thoughtsTokenCount } = usage;
  return countUsage({
    input: promptTokenCount,
    cachedInput: cachedContentTokenCount,
    output: (candidatesTokenCount ?? 0) + (thoughtsTokenCount ?? 0),
    reasoning: thoughtsTokenCount,
  });
}

/** Reasons that are not here mean that the model stopped by itself. */
const FINISH_REASONS = new Map<string, FinishReason>([
  ['STOP', 'stop'],
  ['MAX_TOKENS', 'length'],
  ['CONTINUATION', 'length'],
  ['SAFETY', 'content_filter'],
  ['RECITATION', 'content_filter'],
  ['BLOCKLIST', 'content_filter'],
  ['PROHIBITED_CONTENT', 'content_filter'],
  ['SPII', 'content_filter'],
  ['LANGUAGE', 'content_filter'],
  ['IMAGE_SAFETY', 'content_filter'],
  ['MALFORMED_FUNCTION_CALL', 'tool_calls'],
  ['UNEXPECTED_TOOL_CALL', 'tool_calls'],
  ['TOO_MANY_TOOL_CALLS', 'tool_calls'],
]);
