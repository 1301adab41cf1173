import { Decimal } from 'decimal.js';
import { notFound } from '../base/errors.ts';
import type { Logger } from '../base/logger.ts';
import type { GenerationStatus } from '../contracts/message.ts';
import type { Database, Db } from '../data/database.ts';
import type { AdmissionLimits } from '../data/entities/usage.ts';
import { releaseHold } from '../data/repositories/accounts.ts';
import { findOwnedMessage } from '../data/repositories/messages.ts';
import { requestStop, type StoppedGeneration, type StopScope } from '../data/repositories/stop-requests.ts';
import { countUsage } from '../data/repositories/usage-days.ts';
import type { ControlBus } from '../feed/ports.ts';
import { presentBalance } from '../presenters/balance.ts';
import type { GenerationQueue } from '../queue/generation-queue.ts';
import type { Announcer } from './announce.ts';
import type { AnnounceEnd } from './announce-end.ts';
import type { Background } from './background.ts';

/** The control topic of stops; its payload is a {@link StopSignal}. */
export const STOP_TOPIC = 'generation:stop';

/** Tells the worker that runs one of these generations to stop it. */
export interface StopSignal {
  generationIds: string[];
}

/** What stopping needs. */
export interface StopDeps {
  database: Database;
  queue: GenerationQueue;
  control: ControlBus;
  limits: AdmissionLimits;
  announce: Announcer;
  announceEnd: AnnounceEnd;
  background: Background;
  log: Logger;
}

/** Of one try: whoever stops a reply does not wait for a broker that is away. */
const AT_ONCE = AbortSignal.abort();

/** Stops what is being written, from any process. */
export interface StopGeneration {
  /**
   * Stops the reply in a message. What waits has ended when this resolves; of what runs, the worker has been
   * told, and finds the mark in the database if it was not.
   *
   * @returns the status now; `streaming` while its worker is being told
   * @throws {AppError} `not_found`
   */
  stopMessage(userId: string, messageId: string): Promise<GenerationStatus>;
  /** Stops every reply of a session. */
  stopSession(userId: string, sessionId: string): Promise<void>;
}

/** Makes the verbs. */
export function createStopGeneration({
  database,
  queue,
  control,
  limits,
  announce,
  announceEnd,
  background,
  log,
}: StopDeps): StopGeneration {
  const stop = async (scope: StopScope): Promise<StoppedGeneration[]> => {
    const { stopped, waiting, account } = await database.transaction(async (db) => {
      const stopped = await requestStop(db, scope);
      const waiting = stopped.filter(({ status }) => status === 'cancelled');
      return { stopped, waiting, account: await release(db, scope.userId, waiting) };
    });
    const running = stopped.filter(({ status }) => status === 'streaming').map(({ id }) => id);
    if (running.length > 0) await spread(() => control.publish(STOP_TOPIC, { generationIds: running }));
    const told = await tellEnds(waiting, AT_ONCE);
    if (account) await announce.toUser(scope.userId, 'balance:update', presentBalance(account));
    if (told) await removeJobs(waiting);
    else background.run('the ends of stopped replies', () => tellLater(waiting));
    return stopped;
  };

  async function tellEnds(ended: StoppedGeneration[], signal?: AbortSignal): Promise<boolean> {
    const told = ended.map(({ sessionId, messageId }) => announceEnd(sessionId, messageId, signal));
    return (await Promise.all(told)).every(Boolean);
  }

  async function tellLater(ended: StoppedGeneration[]): Promise<void> {
    if (await tellEnds(ended)) await removeJobs(ended);
  }

  /** Of replies whose ends are told. Not before: whoever takes the job of another finds that it has ended, and tells. */
  async function removeJobs(ended: StoppedGeneration[]): Promise<void> {
    for (const { id } of ended) await spread(() => queue.remove(id));
  }

  async function spread(tell: () => Promise<void>): Promise<void> {
    await tell().catch((error: unknown) =>
      log.warn({ err: error }, 'a stop was not spread; the mark in the database stands'),
    );
  }

  /** Gives back what was set aside for replies that have ended before they were begun. */
  async function release(db: Db, userId: string, ended: StoppedGeneration[]) {
    if (ended.length === 0) return undefined;
    const nothing = { inputTokens: 0, outputTokens: 0, costUsd: '0', credits: '0' };
    // In one order, so that stops which come at once wait for each other, and not in a circle.
    for (const model of ended.map((each) => each.model).sort()) {
      await countUsage(db, { userId, model, kind: 'reply', status: 'cancelled', ...nothing });
    }
    const held = {
      userId,
      hold: Decimal.sum(0, ...ended.map(({ hold }) => hold)).toFixed(),
      holdTokens: ended.reduce((sum, { holdTokens }) => sum + holdTokens, 0),
      ended: ended.length,
    };
    return releaseHold(db, { ...held, tokens: 0, costUsd: '0' }, limits.window.seconds);
  }

  return {
    async stopMessage(userId, messageId) {
      const [stopped] = await stop({ userId, messageId });
      if (stopped) return stopped.status;
      const message = await findOwnedMessage(database.db, userId, messageId);
      if (!message) throw notFound('message');
      return message.generation?.status ?? 'completed';
    },
    async stopSession(userId, sessionId) {
      await stop({ userId, sessionId });
    },
  };
}
