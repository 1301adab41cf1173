import { setMaxListeners } from 'node:events';
import type { Logger } from '../base/logger.ts';
import type { Database } from '../data/database.ts';
import type { AttemptRef } from '../data/repositories/generations.ts';
import { beatGenerations } from '../data/repositories/heartbeats.ts';
import type { ControlBus } from '../feed/ports.ts';
import { STOP_TOPIC, type StopSignal } from './stop-generation.ts';

/**
 * Why a running generation is ended from outside: somebody stopped it; another worker has the claim; this
 * process is stopping and another is to go on.
 */
export type AbortReason = 'cancelled' | 'lost' | 'handover';

/** A generation that this process runs. */
export interface RunningGeneration {
  readonly signal: AbortSignal;
  /** Why `signal` aborted. */
  reason(): AbortReason | undefined;
  /** Must be called when the run is over. */
  end(): void;
}

/** What this process runs, and the ways in which it is told to end it. */
export interface RunningGenerations {
  begin(ref: AttemptRef): RunningGeneration;
  /** Listens for stops, and gives signs of life. */
  start(): void;
  /** Resolves when nothing runs, or after `ms`; then what still runs is handed over. What begins later, is at once. */
  drain(ms: number): Promise<void>;
  /** Aborts then: this process must go, whatever it waits for. */
  readonly leaving: AbortSignal;
  stop(): void;
}

/** Between two signs of life, in milliseconds; also the longest wait for a stop whose broadcast was lost. */
const BEAT_MS = 2_000;

interface Entry extends AttemptRef {
  abort(reason: AbortReason): void;
}

/** Makes the registry of a worker process. */
export function createRunningGenerations(deps: {
  database: Database;
  control: ControlBus;
  /** For how long a sign of life prolongs the hold of a generation. */
  holdMinutes: number;
  log: Logger;
}): RunningGenerations {
  const { database, control, holdMinutes, log } = deps;
  const running = new Map<string, Entry>();
  const leaving = new AbortController();
  // As many may listen as there are generations.
  setMaxListeners(0, leaving.signal);
  let draining = false;
  let onIdle: (() => void) | undefined;
  let timer: NodeJS.Timeout | undefined;
  let unsubscribe: (() => void) | undefined;

  const beat = async () => {
    const mine = [...running.values()];
    if (mine.length === 0) return;
    const alive = new Map(
      (await beatGenerations(database.db, mine, holdMinutes)).map((each) => [each.id, each]),
    );
    for (const entry of mine) {
      const heard = alive.get(entry.id);
      if (!heard) entry.abort('lost');
      else if (heard.cancelRequested) entry.abort('cancelled');
    }
  };

  const loop = () => {
    timer = setTimeout(() => {
      beat()
        .catch((error: unknown) => log.warn({ err: error }, 'signs of life were not written'))
        .finally(() => timer && loop());
    }, BEAT_MS);
    timer.unref();
  };

  return {
    begin({ id, attempt }) {
      const controller = new AbortController();
      let reason: AbortReason | undefined;
      const entry: Entry = {
        id,
        attempt,
        abort(why) {
          reason ??= why;
          controller.abort();
        },
      };
      // A generation that comes back to the process that still runs it has been taken from that run.
      running.get(id)?.abort('lost');
      running.set(id, entry);
      if (draining) entry.abort('handover');
      return {
        signal: controller.signal,
        reason: () => reason,
        end() {
          if (running.get(id) === entry) running.delete(id);
          if (running.size === 0) onIdle?.();
        },
      };
    },

    start() {
      loop();
      unsubscribe = control.subscribe(STOP_TOPIC, (payload) => {
        for (const id of (payload as StopSignal).generationIds) running.get(id)?.abort('cancelled');
      });
    },

    leaving: leaving.signal,

    async drain(ms) {
      draining = true;
      if (running.size > 0) {
        await new Promise<void>((resolve) => {
          const late = setTimeout(resolve, ms);
          onIdle = () => {
            clearTimeout(late);
            resolve();
          };
        });
      }
      leaving.abort();
      for (const entry of running.values()) entry.abort('handover');
    },

    stop() {
      clearTimeout(timer);
      timer = undefined;
      unsubscribe?.();
    },
  };
}
