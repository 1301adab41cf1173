import { countUsage, newerCount, sumCounts } from './count-usage.ts';
import { classifyGeminiError } from './gemini-error.ts';
import { type FinishReason, ProviderError } from './provider.ts';
import type { EventSink, StreamStage, WireReader } from './sse-exchange.ts';
import { pushEnd, ToolCallCollector, textOf } from './tool-call-collector.ts';
import { makeCallId, signCallId } from './tool-call-id.ts';

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
  /** Whole, in one part. */
  functionCall?: { id?: unknown; name?: unknown; args?: unknown } | null;
  /** Gemini 3 wants it back with the call that it came with. */
  thoughtSignature?: unknown;
}

/** Counts so far, in every event. */
interface UsageMetadata {
  /** The whole prompt, what was cached included. */
  promptTokenCount?: number | null | undefined;
  cachedContentTokenCount?: number | null | undefined;
  /** Without the thoughts. */
  candidatesTokenCount?: number | null | undefined;
  thoughtsTokenCount?: number | null | undefined;
}

/**
 * Reads the stream of generated content, whose end nothing marks but the end of the body. What it counts before its end may lag: a stream that breaks
 * has no usage.
 */
export function createGeminiReader(): WireReader {
  return new GeminiReader();
}

class GeminiReader implements WireReader {
  #usage: UsageMetadata = {};
  #finish: FinishReason | undefined;
  /** The reason says that the call could not be read; what was said besides, and other calls, are good. */
  #isMalformed = false;
  #hasText = false;
  readonly #calls = new ToolCallCollector();
  #callCount = 0;

  read(data: string, out: EventSink): StreamStage {
    const event = JSON.parse(data) as WireEvent;
    if (event.error) return refuse(classifyGeminiError(event.error), out);
    if (event.usageMetadata) this.#usage = merge(this.#usage, event.usageMetadata);
    const blocked = event.promptFeedback?.blockReason;
    if (blocked && blocked !== 'BLOCKED_REASON_UNSPECIFIED') {
      return refuse(new ProviderError('content_filter', 'The provider refused the prompt.'), out);
    }
    const candidate = event.candidates?.[0];
    const parts = candidate?.content?.parts;
    if (parts) for (const part of parts) this.#take(part, out);
    const reason = candidate?.finishReason;
    if (reason && reason !== 'FINISH_REASON_UNSPECIFIED') {
      this.#finish = FINISH_REASONS.get(reason) ?? 'stop';
      this.#isMalformed = reason === 'MALFORMED_FUNCTION_CALL';
    }
    return this.#finish ? 'stopped' : 'open';
  }

  end(out: EventSink): void {
    if (!this.#finish) return;
    const calls = this.#calls.calls();
    // Nothing was answered; another try, or another model, may.
    if (this.#isMalformed && !this.#hasText && calls.length === 0) throw malformed();
    const usage = toUsage(this.#usage);
    if (usage) out.push({ type: 'usage', usage });
    pushEnd({ reason: this.#finish, calls }, out);
  }

  #take(part: Part, out: EventSink): void {
    const { text, thought } = part;
    if (isText(text)) {
      this.#hasText ||= !thought;
      out.push({ type: thought ? 'reasoning' : 'text', text });
    } else if (part.functionCall) this.#collect(part, out);
  }

  /** Older models give no ids. */
  #collect({ functionCall, thoughtSignature }: Part, out: EventSink): void {
    const { name, args } = functionCall ?? {};
    const id = isText(functionCall?.id) ? functionCall.id : makeCallId();
    const whole = {
      index: this.#callCount,
      id: isText(thoughtSignature) ? signCallId(id, thoughtSignature) : id,
      name: isText(name) ? name : undefined,
      text: JSON.stringify(args ?? {}),
    };
    this.#calls.add(whole);
    this.#callCount += 1;
    out.push({ type: 'writing', text: textOf(whole) });
  }
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== '';
}

function malformed(): ProviderError {
  return new ProviderError('malformed_call', 'The model asked for a call that the provider could not read.');
}

function refuse(error: ProviderError, out: EventSink): 'over' {
  out.push({ type: 'error', error });
  return 'over';
}

/** Field by field, as nearly every event of a stream has a usage. */
function merge(usage: UsageMetadata, later: UsageMetadata): UsageMetadata {
  return {
    promptTokenCount: newerCount(usage.promptTokenCount, later.promptTokenCount),
    cachedContentTokenCount: newerCount(usage.cachedContentTokenCount, later.cachedContentTokenCount),
    candidatesTokenCount: newerCount(usage.candidatesTokenCount, later.candidatesTokenCount),
    thoughtsTokenCount: newerCount(usage.thoughtsTokenCount, later.thoughtsTokenCount),
  };
}

/** Thoughts are output, and are paid as such; a count of zero is left out of the wire. */
function toUsage(usage: UsageMetadata) {
  const { promptTokenCount, cachedContentTokenCount, candidatesTokenCount, thoughtsTokenCount } = usage;
  return countUsage({
    input: promptTokenCount,
    cachedInput: cachedContentTokenCount,
    output: sumCounts(candidatesTokenCount, thoughtsTokenCount),
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
]);
