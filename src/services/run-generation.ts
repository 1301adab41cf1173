import type { Logger } from '../base/logger.ts';
import type { Database } from '../data/database.ts';
import {
  type ClaimedGeneration,
  claimGeneration,
  findGenerationMessage,
  releaseGeneration,
} from '../data/repositories/generations.ts';
import { DeltaWriter } from '../feed/delta-writer.ts';
import type { LiveRef, LiveTexts } from '../feed/ports.ts';
import { type ChatTurn, type Provider, ProviderError } from '../providers/provider.ts';
import type { RunGeneration, RunOutcome } from '../queue/generation-consumer.ts';
import type { Announcer } from './announce.ts';
import type { AnnounceEnd } from './announce-end.ts';
import { describeEnd, interruptedEnd, type StreamEnd } from './describe-end.ts';
import { createGenerationContext } from './generation-context.ts';
import type { LiveMessages } from './live-messages.ts';
import type { ModelDirectory } from './model-directory.ts';
import type { RunningGeneration, RunningGenerations } from './running-generations.ts';
import type { SettleGeneration } from './settle-generation.ts';

/** What running a generation needs. */
export interface RunGenerationDeps {
  database: Database;
  live: LiveTexts;
  models: ModelDirectory;
  /** The provider of that name. */
  provider: (name: string) => Provider | undefined;
  running: RunningGenerations;
  liveMessages: LiveMessages;
  announce: Announcer;
  announceEnd: AnnounceEnd;
  settle: SettleGeneration;
  log: Logger;
}

/** How many workers may die on a generation before it ends as interrupted. */
const MAX_INTERRUPTIONS = 2;
/** For a model that was admitted by a process which knew more providers than this one. */
const NOT_SERVED = 'This server does not serve the model any more.';
/** Of a model that this process does not know. */
const NO_WINDOW = { contextLength: null, maxOutputTokens: null };

/** Makes the worker's verb: claim, stream, settle. */
export function createRunGeneration(deps: RunGenerationDeps): RunGeneration {
  const { database, live, running, announce, announceEnd, liveMessages, settle, log } = deps;
  const context = createGenerationContext(deps);

  return async (generationId, lockSignal) => {
    // Reading what stands before it needs no claim, and need not wait for one.
    const [claim, before] = await Promise.all([
      claimGeneration(database.db, generationId),
      context.read(generationId),
    ]);
    if (!claim) {
      await announceAgain(generationId);
      return 'done';
    }
    const run = running.begin(claim);
    try {
      const window = deps.models.find(claim.model) ?? NO_WINDOW;
      const turns = await context.turns(claim, before, window);
      return await runClaimed({ claim, turns }, run, lockSignal);
    } finally {
      run.end();
    }
  };

  /** The job came back after its generation had ended: the worker before may have died before it told anybody. */
  async function announceAgain(generationId: string): Promise<void> {
    const found = await findGenerationMessage(database.db, generationId);
    if (found) await announceEnd(found.sessionId, found.messageId);
  }

  async function runClaimed(
    { claim, turns }: { claim: ClaimedGeneration; turns: ChatTurn[] },
    run: RunningGeneration,
    lockSignal: AbortSignal,
  ): Promise<RunOutcome> {
    const { sessionId, messageId, attempt } = claim;
    const logged = { generationId: claim.id, attempt, model: claim.model };
    const ref = { sessionId, messageId, attempt };

    if (claim.interruptions >= MAX_INTERRUPTIONS) {
      const before = { ...ref, attempt: attempt - 1 };
      const written = (await live.read(before)) ?? { text: '', reasoning: null };
      await settle(claim, await interruptedEnd(turns, written, before.attempt));
      await dropText(before);
      return 'done';
    }
    if (attempt > 1) {
      const [message] = await liveMessages.current(sessionId, [messageId]);
      if (message) await announce.toSession(sessionId, 'message:update', message);
    }

    const writer = new DeltaWriter(live.open(ref), (error) =>
      log.warn({ err: error, ...logged }, 'a delta was not published'),
    );
    const signal = AbortSignal.any([run.signal, lockSignal]);
    const end = claim.cancelRequested ? { cancelled: true } : await stream(claim, turns, writer, signal);

    const reason = run.reason() ?? (lockSignal.aborted ? 'lost' : undefined);
    if (end.aborted && reason !== 'cancelled') {
      writer.abandon();
      if (reason !== 'handover') return 'done';
      await releaseGeneration(database.db, claim);
      log.info(logged, 'generation handed over');
      return 'handed-over';
    }
    const written = await writer.finish();
    const settled = await settle(claim, await describeEnd(end, turns, written));
    if (settled) await dropText(ref);
    log.info({ ...logged, settled, chars: written.text.length, error: end.error?.code }, 'generation ended');
    return 'done';
  }

  /** What is left when the broker is away goes by itself, later. */
  async function dropText(ref: LiveRef): Promise<void> {
    await live
      .drop(ref)
      .catch((error: unknown) => log.warn({ err: error, ...ref }, 'a live text was not dropped'));
  }

  async function stream(
    claim: ClaimedGeneration,
    turns: ChatTurn[],
    writer: DeltaWriter,
    signal: AbortSignal,
  ): Promise<StreamEnd> {
    if (turns.length === 0) return { cancelled: true };
    const model = deps.models.find(claim.model);
    const provider = model && deps.provider(model.provider);
    if (!provider) return { error: new ProviderError('model_not_available', NOT_SERVED) };
    const { temperature, topP, maxTokens } = claim.settings;
    const end: StreamEnd = {};
    for await (const event of provider.stream(
      { model: model.name, turns, temperature, topP, maxTokens },
      signal,
    )) {
      if (event.type === 'text') writer.push(event.text);
      else if (event.type === 'reasoning') writer.push(event.text, 'reasoning');
      else if (event.type === 'usage') end.usage = event.usage;
      else if (event.type === 'finish') end.finishReason = event.reason;
      else if (event.type === 'error') end.error = event.error;
    }
    // Aborted, unless the model was done before the signal came.
    if (signal.aborted && !end.finishReason && !end.error) end.aborted = true;
    return end;
  }
}
