import { delay } from '../base/clock.ts';
import type { Logger } from '../base/logger.ts';

/** Work that nobody waits for. */
export interface Background {
  /** Begins it with the next turn of the event loop. What it throws is logged under its name. */
  run(name: string, work: () => Promise<void>): void;
  /** Waits for what runs, some seconds at most; nothing more is begun. May be called twice. */
  stop(): Promise<void>;
}

/** Most that runs at a time. */
const MAX_RUNNING = 50;
/** Most that waits behind it; what is beyond is refused. */
const MAX_WAITING = 1_000;
const STOP_MS = 5_000;

/** Makes a place for such work. */
export function createBackground(log: Logger): Background {
  const waiting: { name: string; work: () => Promise<void> }[] = [];
  const running = new Set<Promise<void>>();
  let stopped = false;

  function next(): void {
    if (stopped || running.size >= MAX_RUNNING) return;
    const task = waiting.shift();
    if (!task) return;
    const run = task
      .work()
      .catch((error: unknown) => log.error({ err: error, work: task.name }, 'failed in the background'))
      .finally(() => {
        running.delete(run);
        next();
      });
    running.add(run);
  }

  return {
    run(name, work) {
      if (waiting.length >= MAX_WAITING) {
        log.warn({ work: name }, 'too much work waits in the background: left out');
        return;
      }
      waiting.push({ name, work });
      setImmediate(next);
    },
    async stop() {
      stopped = true;
      await Promise.race([Promise.all(running), delay(STOP_MS)]);
    },
  };
}
