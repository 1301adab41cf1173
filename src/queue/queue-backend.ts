import {
  createPostgresBackend,
  type Processor,
  Queue,
  type QueueOptions,
  Worker,
  type WorkerOptions,
  withBackend,
} from 'bullmq';
import { inTime } from '../base/in-time.ts';
import type { Logger } from '../base/logger.ts';
import { connectRedis, disconnectRedis } from '../base/redis.ts';

/** Where BullMQ keeps its jobs. */
export type QueueBackend = { kind: 'redis'; url: string } | { kind: 'postgres'; url: string };

/** An open queue or worker, and how to end the connection that was made for it. */
export interface Opened<T> {
  instance: T;
  disconnect: () => void;
}

/** What is needed of a BullMQ queue, whatever its backend. */
export type JobQueue<J> = Pick<
  Queue<J>,
  'add' | 'remove' | 'getJobCounts' | 'upsertJobScheduler' | 'close' | 'on' | 'waitUntilReady'
>;
/** What is needed of a BullMQ worker, whatever its backend. */
export type JobWorker<J> = Pick<Worker<J>, 'close' | 'on' | 'run' | 'waitUntilReady'>;
/** Runs one job; `token` is its lock. */
export type JobProcessor<J> = Processor<J, void>;

/** Connections of one BullMQ pool on PostgreSQL; it opens one for LISTEN beside them. */
const POOL_SIZE = 3;

/** Opens the side that adds jobs. While Redis is away, adding fails at once instead of hanging. */
export async function openQueue<J>(
  backend: QueueBackend,
  name: string,
  options: Omit<QueueOptions, 'connection'>,
  log: Logger,
): Promise<Opened<JobQueue<J>>> {
  if (backend.kind === 'postgres') {
    const { Queue: PostgresQueue } = withBackend(createPostgresBackend);
    const connection = { connectionString: backend.url, max: POOL_SIZE, migrate: true };
    return {
      instance: new PostgresQueue<J>(name, { ...options, connection }) as unknown as JobQueue<J>,
      disconnect: () => {},
    };
  }
  const connection = await connectRedis(backend.url, { name: 'queue', kind: 'command' }, log);
  return {
    instance: new Queue<J>(name, { ...options, connection }),
    disconnect: () => disconnectRedis(connection),
  };
}

/**
 * Closes the side that runs jobs once these have ended. BullMQ waits without an end for a backend that is away.
 *
 * @throws when it takes longer than `withinMs`; its connection is ended in any case
 */
export async function closeWorker<J>(
  { instance, disconnect }: Opened<JobWorker<J>>,
  withinMs: number,
): Promise<void> {
  await inTime(() => instance.close(), withinMs).finally(disconnect);
}

/** Opens the side that runs jobs. */
export async function openWorker<J>(
  backend: QueueBackend,
  name: string,
  processor: JobProcessor<J>,
  options: Omit<WorkerOptions, 'connection'>,
  log: Logger,
): Promise<Opened<JobWorker<J>>> {
  if (backend.kind === 'postgres') {
    const { Worker: PostgresWorker } = withBackend(createPostgresBackend);
    const connection = { connectionString: backend.url, max: POOL_SIZE, migrate: true };
    const instance = new PostgresWorker<J>(name, processor, { ...options, connection });
    return { instance: instance as unknown as JobWorker<J>, disconnect: () => {} };
  }
  const connection = await connectRedis(backend.url, { name: 'worker', kind: 'subscriber' }, log);
  return {
    instance: new Worker<J>(name, processor, { ...options, connection }),
    disconnect: () => disconnectRedis(connection),
  };
}
