import type { Logger } from '../base/logger.ts';
import { isTerminal } from '../contracts/message.ts';
import type { PromptInput } from '../contracts/prompt.ts';
import type { Database } from '../data/database.ts';
import { isOutage, throughOutage } from '../data/outage.ts';
import {
  type ClaimedGeneration,
  claimGeneration,
  FIRST_ATTEMPT,
  findGenerationMessage,
  LATER_ATTEMPT,
  releaseGeneration,
} from '../data/repositories/generations.ts';
import { findMessages } from '../data/repositories/messages.ts';
import { DeltaWriter } from '../feed/delta-writer.ts';
import { Pace } from '../feed/pace.ts';
import type { LiveRef, LiveTexts, Written } from '../feed/ports.ts';
import type { RunGeneration, RunOutcome } from '../queue/generation-consumer.ts';
import type { Announcer } from './announce.ts';
import type { AnnounceEnd } from './announce-end.ts';
import { describeEnd, interruptedEnd, type StreamEnd } from './describe-end.ts';
import { createGenerationContext } from './generation-context.ts';
import type { LiveMessages } from './live-messages.ts';
import type { ModelDirectory } from './model-directory.ts';
import type { PlanTitle } from './plan-title.ts';
import type { RunTitle } from './run-title.ts';
import type { RunningGeneration, RunningGenerations } from './running-generations.ts';
import type { SettleGeneration } from './settle-generation.ts';
import type { MeterInput, StartMeter } from './start-meter.ts';
import type { StreamGeneration } from './stream-generation.ts';

/** What running a generation needs. */
export interface RunGenerationDeps {
  database: Database;
  live: LiveTexts;
  models: ModelDirectory;
  stream: StreamGeneration;
  startMeter: StartMeter;
  running: RunningGenerations;
  liveMessages: LiveMessages;
  announce: Announcer;
  announceEnd: AnnounceEnd;
  settle: SettleGeneration;
  runTitle: RunTitle;
  planTitle: PlanTitle;
  log: Logger;
}

/** How many workers may die on a generation before it ends as interrupted. */
const MAX_INTERRUPTIONS = 2;
const INTERRUPTED = 'The server was interrupted twice while it wrote this reply.';
const EXPIRED = 'Nobody could write this reply in time.';
/** Of a model that this process does not know. */
const NO_WINDOW = { contextLength: null, maxOutputTokens: null };

/** Makes the worker's verb: claim, stream, settle. */
export function createRunGeneration(deps: RunGenerationDeps): RunGeneration {
  const { database, live, running, announce, announceEnd, liveMessages, settle, log } = deps;
  const context = createGenerationContext(deps);
  const pace = new Pace();

  return async ({ generationId, isFirst }) => {
    const claiming = claimGeneration(database.db, generationId, isFirst ? FIRST_ATTEMPT : LATER_ATTEMPT);
    // Reading what stands before it needs no claim, and need not wait for one. That it failed matters to who has the claim.
    const reading = context.read(generationId);
    reading.catch(() => {});
    const claim = await claiming;
    if (!claim) {
      await announceAgain(generationId);
      return 'done';
    }
    const run = running.begin(claim);
    try {
      if (claim.kind === 'title') return await deps.runTitle(claim, run);
      const window = deps.models.find(claim.model) ?? NO_WINDOW;
      const prompt = await context.prompt(claim, await reading, window);
      return await runClaimed({ claim, prompt }, run);
    } catch (error) {
      // Nobody died: it does not count as if somebody had.
      if (isOutage(error)) await throughOutage(() => releaseGeneration(database.db, claim), running.leaving);
      throw error;
    } finally {
      run.end();
    }
  };

  /** The job came back after its generation had ended: the worker before may have died before it told anybody, or tidied up. */
  async function announceAgain(generationId: string): Promise<void> {
    const found = await findGenerationMessage(database.db, generationId);
    if (!found) return;
    const { sessionId, messageId, attempt, status } = found;
    await announceEnd(sessionId, messageId, running.leaving);
    if (isTerminal(status)) await dropTexts({ sessionId, messageId, attempt });
  }

  async function runClaimed(
    { claim, prompt }: { claim: ClaimedGeneration; prompt: PromptInput },
    run: RunningGeneration,
  ): Promise<RunOutcome> {
    const { sessionId, messageId, attempt } = claim;
    const logged = { generationId: claim.id, attempt, model: claim.model };
    const ref = { sessionId, messageId, attempt };

    const over =
      claim.expired || claim.interruptions >= MAX_INTERRUPTIONS || (claim.cancelRequested && attempt > 1);
    if (over) {
      await endBefore(claim, prompt);
      return 'done';
    }
    if (attempt > 1) {
      const [message] = await liveMessages.current(sessionId, [messageId]);
      if (message) await announce.toSession(sessionId, 'message:update', message);
    }

    const writer = new DeltaWriter(live.open(ref), {
      pace,
      onError: (err) => log.warn({ err, ...logged }, 'a delta was not published'),
    });
    const pointless = claim.cancelRequested || prompt.turns.length === 0;
    const end = pointless
      ? { cancelled: true }
      : await streamMetered({ claim, prompt, sink: writer, signal: run.signal });

    const reason = run.reason();
    if (end.aborted && reason !== 'cancelled') {
      writer.abandon();
      if (reason !== 'handover') {
        await dropOrphan(ref);
        return 'done';
      }
      await releaseGeneration(database.db, claim);
      log.info(logged, 'generation handed over');
      return 'handed-over';
    }
    const written = await writer.finish();
    const settled = await settle(claim, await describeEnd(end, prompt, written), running.leaving);
    await dropAfter(settled, ref);
    if (settled && end.finishReason && claim.wantsTitle) await deps.planTitle(claim);
    log.info({ ...logged, settled, chars: written.text.length, error: end.error?.code }, 'generation ended');
    return 'done';
  }

  async function streamMetered(input: MeterInput): Promise<StreamEnd> {
    const { claim, prompt, signal } = input;
    const { meter, close } = deps.startMeter(input);
    try {
      return await deps.stream({ claim, prompt, into: meter, signal });
    } finally {
      close();
    }
  }

  /** Ends a generation with what its last worker wrote: it was stopped, or it took too many workers, or too long. */
  async function endBefore(claim: ClaimedGeneration, prompt: PromptInput): Promise<void> {
    const { sessionId, messageId, cancelRequested, expired } = claim;
    const { before, written } = await lastWritten({ sessionId, messageId, attempt: claim.attempt - 1 });
    const end = cancelRequested
      ? await describeEnd({ cancelled: true }, prompt, written)
      : await interruptedEnd(prompt, written, expired ? EXPIRED : INTERRUPTED);
    const settled = await settle(claim, { ...end, textAttempt: before.attempt }, running.leaving);
    await dropAfter(settled, before);
  }

  /** Nobody needs the texts of what has ended; what is not ours any more is somebody else's to end. */
  function dropAfter(settled: boolean, ref: LiveRef): Promise<void> {
    return settled ? dropTexts(ref) : dropOrphan(ref);
  }

  /**
   * A claim that is lost is somebody else's, and its text with it, until that one has ended: it drops what there is then, and
   * this may have come behind it. One that is gone with its account leaves a text to nobody.
   */
  async function dropOrphan(ref: LiveRef): Promise<void> {
    const [message] = await findMessages(database.db, ref.sessionId, [ref.messageId]);
    const status = message?.generation?.status;
    if (status === undefined || isTerminal(status)) await dropText(ref);
  }

  /** What stands of the attempt, or of one before it: a worker that only gave up wrote nothing, and may have died, too. */
  async function lastWritten(last: LiveRef): Promise<{ before: LiveRef; written: Written }> {
    for (let { attempt } = last; attempt > 0; attempt -= 1) {
      const before = { ...last, attempt };
      const written = await live.read(before);
      if (written) return { before, written };
    }
    return { before: last, written: { text: '', reasoning: null } };
  }

  /** Of this attempt, and of those before it that nobody ended. */
  async function dropTexts({ attempt, ...ref }: LiveRef): Promise<void> {
    const attempts = Array.from({ length: attempt }, (_, index) => index + 1);
    await Promise.all(attempts.map((each) => dropText({ ...ref, attempt: each })));
  }

  /** What is left when the broker is away goes by itself, later. */
  async function dropText(ref: LiveRef): Promise<void> {
    await live
      .drop(ref)
      .catch((error: unknown) => log.warn({ err: error, ...ref }, 'a live text was not dropped'));
  }
}
