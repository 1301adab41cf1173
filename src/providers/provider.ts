import type { GenerationErrorCode } from '../contracts/errors.ts';
import type { ModelCapability, ModelCategory, ModelParameter, ModelTier } from '../contracts/model.ts';
import type { ChatTurn, PromptOptions, ToolCall } from '../contracts/prompt.ts';

/** What a provider is asked to write. */
export interface ProviderRequest {
  /** The provider's own name of the model, without our `provider/` prefix. */
  model: string;
  /** At most one system turn, first; then the others; the last is the user's, or a tool's answer. */
  turns: ChatTurn[];
  /** What only callers of the compatible APIs ask for; a wire leaves out what it does not have. */
  options?: PromptOptions | undefined;
  temperature?: number | undefined;
  topP?: number | undefined;
  /** Most output tokens. */
  maxTokens?: number | undefined;
  /** Most output tokens that the model can write, where that is known: for a wire that wants a limit in any case. */
  maxOutputTokens?: number | undefined;
  /**
   * Told what the model writes beside its texts, as it comes ({@link ProviderEvent} `writing`). A promise: nothing more is read
   * until it resolves. Must not throw or reject.
   */
  onWriting?: ((text: string) => Promise<void> | undefined) | undefined;
}

/**
 * Tokens as the provider counted them, from the beginning of the stream: a later count replaces an earlier one. What it did
 * not count is left out.
 */
export interface ProviderUsage {
  /** The whole prompt, cached tokens included. */
  inputTokens?: number | undefined;
  /** Of these, read from the provider's cache, which costs less. */
  cachedInputTokens?: number | undefined;
  /** Everything written, reasoning included. */
  outputTokens?: number | undefined;
  /** Of these, spent on reasoning. */
  reasoningTokens?: number | undefined;
  /** What the provider itself says that it cost, in US dollars; a decimal string. */
  costUsd?: string;
}

/** A model that a provider says it has, in its own words. What it does not tell is left out. */
export interface ListedModel {
  /** The provider's own name, without our `provider/` prefix. */
  name: string;
  /** For people. */
  title?: string;
  category?: ModelCategory;
  tier?: ModelTier;
  contextLength?: number;
  maxOutputTokens?: number;
  capabilities?: ModelCapability[];
  parameters?: ModelParameter[];
  /** US dollars for a million tokens; decimal strings. */
  usdPerMillionInput?: string;
  usdPerMillionCachedInput?: string;
  usdPerMillionOutput?: string;
}

/** Why a model stopped by itself. `refusal`: the text says why it declines, where the wire tells that apart, and nothing else. */
export type FinishReason = 'stop' | 'length' | 'content_filter' | 'tool_calls' | 'refusal';

/**
 * What a provider's stream is made of. A stream begins with `start` and ends with exactly one `finish` or
 * `error`; nothing follows it. `text` is never empty and never ends inside a surrogate pair. Deltas that came
 * together may be one event. `guardProvider` holds every adapter to this.
 */
export type ProviderEvent =
  | { type: 'start' }
  | { type: 'text'; text: string }
  | { type: 'reasoning'; text: string }
  /** More of what is no text, such as the arguments of a call, which come whole later: a sign of life, which `guardProvider` keeps. */
  | { type: 'writing'; text: string }
  /** Everything that the model asks for, whole; once, before `finish`. */
  | { type: 'tool_calls'; calls: ToolCall[] }
  | { type: 'usage'; usage: ProviderUsage }
  | { type: 'finish'; reason: FinishReason }
  | { type: 'error'; error: ProviderError };

/** A source of model output: one adapter per wire. */
export interface Provider {
  /** The prefix of its model ids, as in `openai/gpt-4.1`. */
  readonly name: string;
  /**
   * One stream; the request goes out when reading begins. Never throws: failures arrive as an `error` event.
   * Leaving the loop, or aborting `signal`, ends the request at the provider. After an abort the iteration is
   * over at once, with no event for it. One reader, which asks for one event at a time.
   */
  stream(request: ProviderRequest, signal: AbortSignal): AsyncIterable<ProviderEvent>;
  /**
   * The models that it has and that write text; left out by a provider that cannot tell.
   *
   * @throws {ProviderError}
   */
  listModels?(signal: AbortSignal): Promise<ListedModel[]>;
}

/** A provider's failure, classified by status and code (never by message text). */
export class ProviderError extends Error {
  override readonly name = 'ProviderError';
  readonly code: GenerationErrorCode;
  /** From `Retry-After`, in milliseconds. */
  readonly retryAfterMs: number | undefined;

  constructor(
    code: GenerationErrorCode,
    message: string,
    options: { retryAfterMs?: number | undefined; cause?: unknown } = {},
  ) {
    super(message, { cause: options.cause });
    this.code = code;
    this.retryAfterMs = options.retryAfterMs;
  }
}
