import type { Queue } from 'bullmq';
import type { Logger } from '../base/logger.ts';
import { GENERATION_QUEUE, MODEL_SYNC_QUEUE } from '../contracts/jobs.ts';
import { type Opened, openQueue, type QueueBackend } from './queue-backend.ts';

/** A queue as the board takes it. */
export type ViewedQueue = Queue;

/** How many jobs of a queue are in which state. */
export interface QueueDepth {
  queue: string;
  waiting: number;
  active: number;
  delayed: number;
  failed: number;
}

/** How many processes take jobs from a queue now. */
export interface QueueWorkers {
  queue: string;
  workers: number;
}

/** Looks into all queues, for who runs the server. Costs nothing until it is first asked. Everything throws when the backend does not answer. */
export interface QueueViewer {
  /** The queues themselves. */
  queues(): Promise<readonly ViewedQueue[]>;
  depths(): Promise<QueueDepth[]>;
  /** By the connections that workers hold open. */
  workers(): Promise<QueueWorkers[]>;
  /** May be called twice; afterwards nothing can be asked. */
  close(): Promise<void>;
}

const NAMES = [GENERATION_QUEUE, MODEL_SYNC_QUEUE];
const STATES = ['waiting', 'active', 'delayed', 'failed'] as const;

/** Makes the viewer; it opens nothing yet. */
export function createQueueViewer(backend: QueueBackend, log: Logger): QueueViewer {
  let opening: Promise<Opened<ViewedQueue>[]> | undefined;
  let closed = false;

  async function open(): Promise<Opened<ViewedQueue>[]> {
    const opened: Opened<ViewedQueue>[] = [];
    try {
      for (const name of NAMES) opened.push(await openOne(name));
      return opened;
    } catch (error) {
      opening = undefined;
      await closeAll(opened);
      throw error;
    }
  }

  async function openOne(name: string): Promise<Opened<ViewedQueue>> {
    const { instance, disconnect } = await openQueue(backend, name, {}, log);
    const queue = instance as unknown as ViewedQueue;
    queue.on('error', (error) => log.warn({ err: error }, 'queue connection failed'));
    try {
      await queue.waitUntilReady();
    } catch (error) {
      await closeAll([{ instance: queue, disconnect }]);
      throw error;
    }
    return { instance: queue, disconnect };
  }

  async function queues(): Promise<ViewedQueue[]> {
    if (closed) throw new Error('the viewer of the queues is closed');
    opening ??= open();
    return (await opening).map(({ instance }) => instance);
  }

  return {
    queues,

    async depths() {
      return Promise.all(
        (await queues()).map(async (queue) => {
          const counts = await queue.getJobCounts(...STATES);
          const [waiting, active, delayed, failed] = STATES.map((state) => counts[state] ?? 0) as [
            number,
            number,
            number,
            number,
          ];
          return { queue: queue.name, waiting, active, delayed, failed };
        }),
      );
    },

    async workers() {
      return Promise.all(
        (await queues()).map(async (queue) => ({
          queue: queue.name,
          workers: (await queue.getWorkers()).length,
        })),
      );
    },

    async close() {
      closed = true;
      await closeAll((await opening?.catch(() => [])) ?? []);
      opening = undefined;
    },
  };
}

async function closeAll(opened: Opened<ViewedQueue>[]): Promise<void> {
  await Promise.all(
    opened.map(({ instance, disconnect }) =>
      instance
        .close()
        .catch(() => {})
        .finally(disconnect),
    ),
  );
}
