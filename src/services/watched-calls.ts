import type { Logger } from '../base/logger.ts';
import type { Database } from '../data/database.ts';
import { prolongWatches } from '../data/repositories/heartbeats.ts';

/**
 * How long a call that nobody can come back to goes on after the last sign of whoever waits for it, in milliseconds: a web process
 * may die, and then nobody stops it. About what it takes until the call of a worker that died as well is found again.
 */
export const WATCH_MS = 10_000;
const PROLONG_MS = 2_500;

/** The calls that clients of this process wait for. */
export interface WatchedCalls {
  /** Gives signs of a client until the answer is called. @param messageId where the call is written */
  watch(messageId: string): () => void;
}

/** Makes it: one timer and one statement for all, while there are any. */
export function createWatchedCalls({
  database,
  log,
}: {
  database: Pick<Database, 'db'>;
  log: Logger;
}): WatchedCalls {
  const watched = new Set<string>();
  let timer: NodeJS.Timeout | undefined;
  let isBusy = false;

  async function prolong(): Promise<void> {
    if (isBusy) return;
    isBusy = true;
    try {
      await prolongWatches(database.db, [...watched], WATCH_MS);
    } catch (error) {
      log.warn({ err: error, calls: watched.size }, 'watched calls were not prolonged');
    } finally {
      isBusy = false;
    }
  }

  return {
    watch(messageId) {
      watched.add(messageId);
      timer ??= setInterval(() => void prolong(), PROLONG_MS).unref();
      return () => {
        watched.delete(messageId);
        if (watched.size > 0) return;
        clearInterval(timer);
        timer = undefined;
      };
    },
  };
}
