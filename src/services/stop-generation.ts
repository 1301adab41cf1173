import { notFound } from '../base/errors.ts';
import type { Logger } from '../base/logger.ts';
import type { GenerationStatus } from '../contracts/message.ts';
import type { Database } from '../data/database.ts';
import { requestStop, type StoppedGeneration, type StopScope } from '../data/repositories/generations.ts';
import { findOwnedMessage } from '../data/repositories/messages.ts';
import type { ControlBus } from '../feed/ports.ts';
import type { GenerationQueue } from '../queue/generation-queue.ts';
import type { AnnounceEnd } from './announce-end.ts';

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
  announceEnd: AnnounceEnd;
  log: Logger;
}

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
  announceEnd,
  log,
}: StopDeps): StopGeneration {
  const stop = async (scope: StopScope): Promise<StoppedGeneration[]> => {
    const stopped = await requestStop(database.db, scope);
    const running = stopped.filter(({ status }) => status === 'streaming').map(({ id }) => id);
    const waiting = stopped.filter(({ status }) => status === 'cancelled');
    try {
      if (running.length > 0)
        await control.publish(STOP_TOPIC, { generationIds: running } satisfies StopSignal);
      await Promise.all(waiting.map(({ id }) => queue.remove(id)));
    } catch (error) {
      log.warn({ err: error }, 'a stop was not spread; the mark in the database stands');
    }
    await Promise.all(waiting.map(({ sessionId, messageId }) => announceEnd(sessionId, messageId)));
    return stopped;
  };

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
