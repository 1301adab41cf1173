import type { Logger } from '../base/logger.ts';
import type { Try } from '../contracts/message.ts';
import type { PromptInput } from '../contracts/prompt.ts';
import type { Database } from '../data/database.ts';
import { appendTry, type GenerationClaim } from '../data/repositories/generations.ts';
import type { Channel } from '../feed/ports.ts';
import type { Candidate } from '../providers/candidate.ts';
import { type DrivenReader, drive } from '../providers/drive.ts';
import {
  type Provider,
  ProviderError,
  type ProviderEvent,
  type ProviderRequest,
} from '../providers/provider.ts';
import type { Route, StartRoute } from '../providers/router.ts';
import type { CreditMeter, MeterEnd } from './credit-meter.ts';
import type { StreamEnd } from './describe-end.ts';
import type { FallbackModels } from './fallback-models.ts';
import { fittingModels } from './fitting-models.ts';
import type { Model, ModelDirectory } from './model-directory.ts';

/** What streaming needs. */
export interface StreamGenerationDeps {
  database: Database;
  models: Pick<ModelDirectory, 'findAdmitted'>;
  fallbacks: FallbackModels;
  /** The provider of that name. */
  provider: (name: string) => Provider | undefined;
  route: StartRoute;
  log: Logger;
}

/** One attempt to have a generation written. */
export interface StreamInput {
  claim: GenerationClaim;
  prompt: PromptInput;
  /** Takes what the model writes. */
  into: TextTaker;
  signal: AbortSignal;
  /** Called when the first text or reasoning comes. */
  onFirst?: () => void;
}

/** Who takes what a model writes. A meter has something to do before, and may end the stream from this side. */
export type TextTaker = Pick<CreditMeter, 'write'> & Partial<CreditMeter>;

/** Has a generation written, by the model that was asked or by one of its fallbacks. Never throws. */
export type StreamGeneration = (input: StreamInput) => Promise<StreamEnd>;

/** For a model that was admitted by a process which knew more providers than this one. */
const NOT_SERVED = 'This server does not serve the model any more.';

/** Makes the step. */
export function createStreamGeneration(deps: StreamGenerationDeps): StreamGeneration {
  const { models, fallbacks, provider, route } = deps;

  return async ({ claim, prompt, into, signal, onFirst }) => {
    const asked = await models.findAdmitted(claim.model);
    const chosen = await fittingModels([...(asked ? [asked] : []), ...fallbacks(claim.model)], prompt);
    const candidates = chosen.flatMap((model) => toCandidate(model, provider(model.provider)));
    if (candidates.length === 0) return { error: new ProviderError('model_not_available', NOT_SERVED) };
    await into.begin?.();
    if (into.over) return endOf(into.over);

    const { temperature, topP, maxTokens } = claim.settings;
    const record = createTryRecord(deps, claim);
    // What the credits do not pay for while no text is written: nobody asks for more then, and `leaves` is not asked.
    const unpaid = new AbortController();
    const stream = route({
      candidates,
      request: { ...prompt, temperature, topP, maxTokens, onWriting: callTaker(into, unpaid) },
      signal: AbortSignal.any([signal, unpaid.signal]),
      onFailedTry(failed) {
        into.restart?.();
        record.add(failed);
      },
    });
    const reader = new GenerationReader(into, onFirst);
    await drive(stream, reader);
    const { end } = reader;
    if (into.over && !end.finishReason && !end.error) Object.assign(end, endOf(into.over));
    // Aborted, unless the model was done before the signal came.
    if (signal.aborted && !end.finishReason && !end.error) end.aborted = true;
    if (into.called) end.called = into.called;
    await record.written();
    return { ...end, ...describeRoute(stream, claim, chosen) };
  };
}

/** Who is told of what is written of calls; lets the model go when that is not paid for. */
function callTaker(into: TextTaker, unpaid: AbortController): ProviderRequest['onWriting'] {
  const check = () => {
    if (into.over) unpaid.abort();
  };
  return (text) => {
    const taken = into.writeCall?.(text);
    if (taken !== undefined) return taken.then(check);
    check();
    return undefined;
  };
}

class GenerationReader implements DrivenReader {
  readonly end: StreamEnd = {};
  readonly #into: TextTaker;
  readonly #onFirst: (() => void) | undefined;
  #begun = false;

  constructor(into: TextTaker, onFirst: (() => void) | undefined) {
    this.#into = into;
    this.#onFirst = onFirst;
  }

  take(event: ProviderEvent): Promise<void> | undefined {
    if (event.type === 'text') return this.#write(event.text);
    if (event.type === 'reasoning') return this.#write(event.text, event.type);
    this.#note(event);
    return undefined;
  }

  leaves(): boolean {
    return this.#into.over !== undefined;
  }

  #write(text: string, channel?: Channel): Promise<void> | undefined {
    if (!this.#begun) {
      this.#begun = true;
      this.#onFirst?.();
    }
    return this.#into.write(text, channel);
  }

  /** Keeps what an event that is no text says of the end. */
  #note(event: ProviderEvent): void {
    const { end } = this;
    if (event.type === 'tool_calls') end.toolCalls = event.calls;
    else if (event.type === 'usage') end.usage = event.usage;
    else if (event.type === 'finish') end.finishReason = event.reason;
    else if (event.type === 'error') end.error = event.error;
  }
}

/** The end of a stream that ended from our side. */
function endOf(over: MeterEnd): StreamEnd {
  return over === 'credit_limit' ? { finishReason: over } : { aborted: true };
}

function toCandidate(model: Model, provider: Provider | undefined): Candidate[] {
  if (!provider) return [];
  const { id, name, parameters, maxOutputTokens } = model;
  return [{ id, provider, name, parameters, maxOutputTokens }];
}

/** What is stored of how the stream came about. */
function describeRoute(
  { tries, answeredBy, omittedParameters }: Route,
  claim: GenerationClaim,
  models: Model[],
) {
  const described = { tries: [...tries], omittedParameters: [...omittedParameters] };
  const model = answeredBy && models.find(({ id }) => id === answeredBy.id);
  if (!model) return described;
  const { contextLength, maxOutputTokens, price } = model;
  const known = { ...described, window: { contextLength, maxOutputTokens } };
  return model.id === claim.model ? known : { ...known, costPrice: price };
}

/**
 * Stores each failed call at once, so that a worker that dies takes none with it; the end of the generation stores all
 * of them again. One after the other, and beside the next call: a database that is slow or away holds nothing up.
 */
function createTryRecord({ database, log }: StreamGenerationDeps, claim: GenerationClaim) {
  let last: Promise<void> = Promise.resolve();
  return {
    add(failed: Try): void {
      const { provider, model, error, ms } = failed;
      log.warn({ generationId: claim.id, provider, model, error, ms }, 'a call of a provider failed');
      last = last
        .then(() => appendTry(database.db, claim, failed))
        .catch((err: unknown) => log.warn({ err, generationId: claim.id }, 'a failed call was not stored'));
    },
    written: (): Promise<void> => last,
  };
}
