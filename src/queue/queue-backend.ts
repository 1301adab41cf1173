import {
  createPostgresBackend,
  type Processor,
  Queue,
  type QueueOptions,
  Worker,
  type WorkerOptions,
  withBackend,
} from 'bullmq';
import type { Logger } from '../base/logger.ts';
import { connectRedis, disconnectRedis } from '../base/redis.ts';
import type { GenerationJob } from '../contracts/jobs.ts';

/** Where BullMQ keeps its jobs. */
export type QueueBackend = { kind: 'redis'; url: string } | { kind: 'postgres'; url: string };

/** An open queue or worker, and how to end the connection that was made for it. */
export interface Opened<T> {
  instance: T;
  disconnect: () => void;
}

/** What the generation queue needs of a BullMQ queue, whatever its backend. */
export type JobQueue = Pick<
  Queue<GenerationJob>,
  'add' | 'remove' | 'getJobCounts' | 'close' | 'on' | 'waitUntilReady'
>;
/** What the generation consumer needs of a BullMQ worker, whatever its backend. */
export type JobWorker = Pick<Worker<GenerationJob>, 'close' | 'on' | 'run' | 'waitUntilReady'>;
/** Runs one job; `token` is its lock, `signal` aborts when the lock is lost. */
export type JobProcessor = Processor<GenerationJob, void>;

/** Connections of one BullMQ pool on PostgreSQL; it opens one for LISTEN beside them. */
const POOL_SIZE = 3;

/** Opens the side that adds jobs. While Redis is away, adding fails at once instead of hanging. */
export async function openQueue(
  backend: QueueBackend,
  name: string,
  options: Omit<QueueOptions, 'connection'>,
  log: Logger,
): Promise<Opened<JobQueue>> {
  if (backend.kind === 'postgres') {
    const { Queue: PostgresQueue } = withBackend(createPostgresBackend);
    const connection = { connectionString: backend.url, max: POOL_SIZE, migrate: true };
    return {
      instance: new PostgresQueue<GenerationJob>(name, { ...options, connection }) as unknown as JobQueue,
      disconnect: () => {},
    };
  }
  const connection = await connectRedis(backend.url, { name: 'queue', kind: 'command' }, log);
  return {
    instance: new Queue<GenerationJob>(name, { ...options, connection }),
    disconnect: () => disconnectRedis(connection),
  };
}

/** Opens the side that runs jobs. */
export async function openWorker(
  backend: QueueBackend,
  name: string,
  processor: JobProcessor,
  options: Omit<WorkerOptions, 'connection'>,
  log: Logger,
): Promise<Opened<JobWorker>> {
  if (backend.kind === 'postgres') {
    const { Worker: PostgresWorker } = withBackend(createPostgresBackend);
    const connection = { connectionString: backend.url, max: POOL_SIZE, migrate: true };
    const instance = new PostgresWorker<GenerationJob>(name, processor, { ...options, connection });
    return { instance: instance as unknown as JobWorker, disconnect: () => {} };
  }
  const connection = await connectRedis(backend.url, { name: 'worker', kind: 'subscriber' }, log);
  return {
    instance: new Worker<GenerationJob>(name, processor, { ...options, connection }),
    disconnect: () => disconnectRedis(connection),
  };
}
