import { now as clock, delay } from '../base/clock.ts';
import type { GenerationErrorCode } from '../contracts/errors.ts';
import type { Try } from '../contracts/message.ts';
import type { ModelParameter } from '../contracts/model.ts';
import { AnswerTooLongError } from './answer-too-long.ts';
import { type Candidate, fitRequest, type RoutedRequest } from './candidate.ts';
import { classifyError } from './classify-error.ts';
import { type Asker, EventStream, eventStreamOf } from './event-stream.ts';
import { fallbackVerdictOf, verdictOf } from './failover-rules.ts';
import { ProviderError, type ProviderEvent } from './provider.ts';
import { type Cooldowns, type RoutePatience, RoutePlan } from './route-plan.ts';

/** How one call of a provider ended. */
export interface CallReport {
  provider: string;
  /** `provider/name`. */
  model: string;
  /** When the call began, in milliseconds since 1970. */
  startedAt: number;
  /** Why it failed; null when it did not. */
  error: GenerationErrorCode | null;
  /** How long the provider wants this model to be left alone. */
  retryAfterMs?: number | undefined;
  /** Whoever asked has brought it to that: it says nothing about the provider, whatever the code. */
  blamesNobody?: boolean;
}

/** What calls have shown of the providers. */
export interface CallHealth extends Cooldowns {
  /** Takes note of the end of a call. Nobody waits for it; it never rejects. */
  report(call: CallReport): Promise<void>;
}

/** What a router needs. */
export interface RouterDeps {
  health: CallHealth;
  patience?: RoutePatience;
  now?: () => number;
  random?: () => number;
}

/** What is to be written, and by whom. */
export interface RouteOptions {
  /** The model that was asked, then its fallbacks; at least one. */
  candidates: readonly Candidate[];
  request: RoutedRequest;
  signal: AbortSignal;
  /** Told of each failed call before the next begins. Must not throw. */
  onFailedTry?: (failed: Try) => void;
}

/**
 * One stream, whoever writes it: what {@link ProviderEvent} promises of a provider holds of it, too. One reader. What
 * stands beside the events is complete when they are over.
 */
export interface Route extends AsyncIterable<ProviderEvent> {
  /** Every call that failed or answered, in order. One that was aborted before its first token is none of them. */
  readonly tries: readonly Try[];
  /** Who wrote the first token, or finished without one. */
  readonly answeredBy: Candidate | undefined;
  /** Settings that whoever answered does not take. */
  readonly omittedParameters: readonly ModelParameter[];
}

/**
 * The only place where a provider is asked again: makes one stream out of several candidates. Before the first visible
 * token (text or reasoning) a failure goes on to the next, see {@link RoutePlan}; after it, it is the stream's own. When
 * none answers, the error is `provider_failed` and names what was tried; an error that no other candidate could help
 * keeps its code. That a fallback refuses the request is none: it says nothing of the model that was asked.
 */
export type StartRoute = (options: RouteOptions) => Route;

const PATIENCE: RoutePatience = { maxWaitMs: 10_000, backoffMs: 500 };

/** Makes the router. */
export function createRouter(deps: RouterDeps): StartRoute {
  const all = { patience: PATIENCE, now: clock, random: Math.random, ...deps };
  return (options) => new RoutedStream(all, options);
}

interface Call {
  candidate: Candidate;
  startedAt: number;
  /** On the clock of `performance`. */
  startedMs: number;
  events: EventStream;
}

class RoutedStream extends EventStream implements Route, Asker {
  readonly tries: Try[] = [];
  answeredBy: Candidate | undefined;
  omittedParameters: readonly ModelParameter[] = [];
  readonly #deps: Required<RouterDeps>;
  readonly #options: RouteOptions;
  readonly #plan: RoutePlan;
  #call: Call | undefined;
  /** What the answering call gave up to its first token, not read yet. */
  #ahead: ProviderEvent[] = [];
  #waiting: Asker | undefined;
  #state: 'new' | 'open' | 'ended' = 'new';

  constructor(deps: Required<RouterDeps>, options: RouteOptions) {
    super();
    this.#deps = deps;
    this.#options = options;
    this.#plan = new RoutePlan({ ...deps, cooldowns: deps.health, candidates: options.candidates });
  }

  ask(asker: Asker): void {
    // Asked only where it matters: reading the state of a signal costs as much as the rest of this.
    if (this.#ahead.length > 0 && this.#options.signal.aborted) this.#ahead = [];
    const event = this.#ahead.shift();
    if (this.#state === 'new') void this.#connect().then(() => this.ask(asker));
    else if (event || !this.#call) asker.hear(event);
    else {
      this.#waiting = asker;
      this.#call.events.ask(this);
    }
  }

  stop(): void {
    this.#ahead = [];
    this.#call?.events.stop();
    this.#close();
  }

  async #connect(): Promise<void> {
    this.#state = 'open';
    try {
      await this.#tryCandidates();
    } catch (thrown) {
      this.#fail(classifyError(thrown));
    }
  }

  /** Calls one candidate after the other until one gives a token, or finishes. */
  async #tryCandidates(): Promise<void> {
    const { signal } = this.#options;
    let last: ProviderError | undefined;
    for (let step = this.#plan.next(); step; step = this.#plan.next()) {
      if (step.waitMs > 0) await delay(step.waitMs, signal);
      if (signal.aborted || this.#isOver()) return this.#close();
      last = await this.#tryCandidate(step.candidate);
      if (!last) return;
      if (this.#isFinal(step.candidate, last)) return this.#fail(last);
      this.#plan.failed(step.candidate, last);
    }
    this.#fail(describeFailure(this.tries, last));
  }

  /** No other candidate could help, or should. */
  #isFinal(candidate: Candidate, error: ProviderError): boolean {
    if (error instanceof AnswerTooLongError) return true;
    const wasAsked = candidate === this.#options.candidates[0];
    return (wasAsked ? verdictOf(error.code) : fallbackVerdictOf(error.code)) === 'never';
  }

  /** @returns why the candidate gave no token; undefined when it did, or when the reader has left */
  async #tryCandidate(candidate: Candidate): Promise<ProviderError | undefined> {
    const { request, signal, onFailedTry } = this.#options;
    const fitted = fitRequest(request, candidate);
    const call = this.#begin(candidate, () => candidate.provider.stream(fitted.request, signal));
    this.#ahead = [];
    for (;;) {
      const event = (await call.events.next()).value ?? brokenOff(signal);
      if (!event || this.#isOver()) {
        this.#close();
        return undefined;
      }
      if (event.type === 'error') {
        onFailedTry?.(this.#record(call, event.error));
        return event.error;
      }
      this.#ahead.push(event);
      if (event.type === 'start' || event.type === 'usage') continue;
      this.answeredBy = candidate;
      this.omittedParameters = fitted.omitted;
      if (event.type === 'finish') this.#close(null);
      return undefined;
    }
  }

  #begin(candidate: Candidate, open: () => AsyncIterable<ProviderEvent>): Call {
    const [startedAt, startedMs] = [this.#deps.now(), performance.now()];
    this.#call = { candidate, startedAt, startedMs, events: eventStreamOf(open) };
    return this.#call;
  }

  /** An event of the candidate that answers. */
  hear(event: ProviderEvent | undefined): void {
    if (!event) this.#close();
    else if (event.type === 'finish') this.#close(null);
    else if (event.type === 'error') this.#close(event.error);
    const asker = this.#waiting;
    this.#waiting = undefined;
    asker?.hear(event);
  }

  #fail(error: ProviderError): void {
    this.#ahead = this.#options.signal.aborted ? [] : [{ type: 'start' }, { type: 'error', error }];
    this.#close();
  }

  /** Ends the stream. Without a reason somebody else ended it: that says nothing about the provider. */
  #close(reason?: ProviderError | null): void {
    const call = this.#call;
    if (call && reason !== undefined) this.#record(call, reason);
    else if (call && this.answeredBy) this.tries.push(this.#tryOf(call, null));
    this.#call = undefined;
    this.#state = 'ended';
  }

  /** A call has ended by itself. */
  #record(call: Call, error: ProviderError | null): Try {
    const { candidate, startedAt } = call;
    const made = this.#tryOf(call, error?.code ?? null);
    this.tries.push(made);
    this.#call = undefined;
    void this.#deps.health.report({
      provider: candidate.provider.name,
      model: candidate.id,
      startedAt,
      error: made.error,
      retryAfterMs: error?.retryAfterMs,
      blamesNobody: error instanceof AnswerTooLongError,
    });
    return made;
  }

  #tryOf({ candidate, startedAt, startedMs }: Call, error: GenerationErrorCode | null): Try {
    return {
      provider: candidate.provider.name,
      model: candidate.id,
      error,
      startedAt: new Date(startedAt).toISOString(),
      ms: Math.round(performance.now() - startedMs),
    };
  }

  #isOver(): boolean {
    return this.#state === 'ended';
  }
}

/** What an end without an event stands for: a provider that breaks its promises has failed. */
function brokenOff(signal: AbortSignal): ProviderEvent | undefined {
  if (signal.aborted) return undefined;
  return { type: 'error', error: new ProviderError('stream_broken', 'The stream ended without a reason.') };
}

/** One error for all that was tried. */
function describeFailure(tries: readonly Try[], last: ProviderError | undefined): ProviderError {
  const [first] = tries;
  if (!first || !last)
    return new ProviderError('model_not_available', 'There is no model that could answer.');
  if (tries.length === 1) {
    const message = `${first.model} could not answer (${first.error}). ${last.message}`;
    return new ProviderError('provider_failed', message);
  }
  const tried = tries.map(({ model, error }) => `${model} (${error})`).join(', ');
  return new ProviderError('provider_failed', `No model could answer. Tried ${tried}.`);
}
