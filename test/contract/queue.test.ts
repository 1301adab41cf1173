import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { expect } from 'chai';
import { newId } from '../../src/base/ids.ts';
import {
  type GenerationConsumer,
  type RunGeneration,
  type RunOutcome,
  startGenerationConsumer,
} from '../../src/queue/generation-consumer.ts';
import { type GenerationQueue, openGenerationQueue } from '../../src/queue/generation-queue.ts';
import type { QueueBackend } from '../../src/queue/queue-backend.ts';
import { useTestDatabase } from '../support/database.ts';
import { type Deferred, defer } from '../support/deferred.ts';
import { silentLog } from '../support/global.ts';
import { describeWithRedis, startRedis, type TestRedis } from '../support/redis.ts';
import { until } from '../support/until.ts';

/** How soon another consumer must run the job of one that died. */
const PROMISED_MS = 15_000;
/** Longest time in which something that cannot be done must have said so. */
const FAST_MS = 1_000;
/** Longest time until a waiting job is taken by a consumer that has nothing to do. */
const AT_ONCE_MS = 1_500;
const CHILD = path.resolve(import.meta.dirname, '../support/queue-child.ts');

/** One run that a consumer was asked for; it goes on until the test ends it. */
interface Run {
  id: string;
  isFirst: boolean;
  end: Deferred<RunOutcome>;
}

/** A consumer whose runs are ended by the test. */
class TestConsumer {
  readonly runs: Run[] = [];
  /** Runs that go on. */
  running = 0;
  mostAtOnce = 0;
  #consumer: GenerationConsumer | undefined;
  #closed: Promise<void> | undefined;

  async start(backend: QueueBackend, concurrency: number): Promise<void> {
    const run: RunGeneration = async ({ generationId: id, isFirst }) => {
      const end = defer<RunOutcome>();
      this.running += 1;
      this.mostAtOnce = Math.max(this.mostAtOnce, this.running);
      this.runs.push({ id, isFirst, end });
      try {
        return await end.promise;
      } finally {
        this.running -= 1;
      }
    };
    this.#consumer = await startGenerationConsumer({ backend, run, concurrency, log: silentLog });
  }

  runsOf(id: string): Run[] {
    return this.runs.filter((run) => run.id === id);
  }

  /** Waits for that run of the job. */
  async given(id: string, times = 1, ms?: number): Promise<Run> {
    await until(`run ${times} of ${id}`, () => this.runsOf(id).length >= times, ms);
    const run = this.runsOf(id)[times - 1];
    if (!run) throw new Error('unreachable');
    return run;
  }

  close(withinMs = 60_000): Promise<void> {
    this.#closed ??= this.#consumer?.close(withinMs) ?? Promise.resolve();
    return this.#closed;
  }

  /** Closes, and lets nothing go on. */
  async end(): Promise<void> {
    const closed = this.close();
    for (const { end } of this.runs) end.resolve('done');
    await closed;
  }
}

describe('the queue on PostgreSQL', () => {
  const database = useTestDatabase();
  behavesAsQueue(() => ({ kind: 'postgres', url: database().url }));
});

describeWithRedis('the queue on Redis', () => {
  let redis: TestRedis;
  before(async () => {
    redis = await startRedis();
  });
  after(() => redis.close());
  behavesAsQueue(() => ({ kind: 'redis', url: redis.url }));
});

function behavesAsQueue(backend: () => QueueBackend): void {
  let queue: GenerationQueue;
  const consumers: TestConsumer[] = [];

  before(async () => {
    queue = await openGenerationQueue(backend(), silentLog);
  });
  after(() => queue.close());
  afterEach(async () => {
    await Promise.all(consumers.splice(0).map((consumer) => consumer.end()));
  });

  async function startConsumer(concurrency = 10): Promise<TestConsumer> {
    const consumer = new TestConsumer();
    await consumer.start(backend(), concurrency);
    consumers.push(consumer);
    return consumer;
  }

  /** Runs a job through to its end: whatever was queued before it was given out before it. */
  async function pass(consumer: TestConsumer): Promise<void> {
    const id = newId();
    await queue.enqueue(id);
    (await consumer.given(id)).end.resolve('done');
    await until('its end', () => consumer.running === 0);
  }

  it('answers a ping', () => queue.ping());

  it('gives a generation to one consumer, once', async () => {
    const [one, other] = [await startConsumer(), await startConsumer()];
    const runs = () => [...one.runs, ...other.runs];
    const ids = Array.from({ length: 20 }, newId);
    await Promise.all(ids.map((id) => queue.enqueue(id)));
    await until('all of them', () => runs().length >= ids.length);
    for (const { end } of runs()) end.resolve('done');
    await until('their end', () => one.running + other.running === 0);
    await other.close();
    await pass(one);
    const given = runs().map(({ id }) => id);
    expect(given.filter((id) => ids.includes(id))).to.have.members(ids);
    expect(given).to.have.length(ids.length + 1);
  });

  it('does not add again what waits', async () => {
    const id = newId();
    await Promise.all([queue.enqueue(id), queue.enqueue(id), queue.enqueue(id)]);
    await queue.enqueue(id);
    const consumer = await startConsumer();
    (await consumer.given(id)).end.resolve('done');
    await pass(consumer);
    expect(consumer.runsOf(id)).to.have.length(1);
  });

  it('does not add again what runs; but what has ended, it does', async () => {
    const consumer = await startConsumer();
    const id = newId();
    await queue.enqueue(id);
    const first = await consumer.given(id);
    await queue.enqueue(id);
    const marker = newId();
    await queue.enqueue(marker);
    (await consumer.given(marker)).end.resolve('done');
    expect(consumer.runsOf(id)).to.have.length(1);
    first.end.resolve('done');
    await pass(consumer);
    expect(consumer.runsOf(id)).to.have.length(1);

    await until('it is taken again', async () => {
      await queue.enqueue(id);
      return consumer.runsOf(id).length === 2;
    });
  });

  it('takes out what waits, and leaves alone what runs', async () => {
    const [waiting, next] = [newId(), newId()];
    await queue.enqueue(waiting);
    await queue.remove(waiting);
    const consumer = await startConsumer(1);
    await queue.enqueue(next);
    const run = await consumer.given(next);
    expect(consumer.runsOf(waiting)).to.have.length(0);
    await queue.remove(next).catch(() => {});
    await queue.remove(newId());
    run.end.resolve('done');
    await pass(consumer);
    expect(consumer.runs).to.have.length(2);
  });

  it('runs as many at once as it is told, and the next when one has ended', async () => {
    const consumer = await startConsumer(3);
    const ids = Array.from({ length: 7 }, newId);
    for (const id of ids) await queue.enqueue(id);
    for (let given = 3; given <= ids.length; given += 1) {
      await until(`${given} runs`, () => consumer.runs.length >= given);
      expect(consumer.running).to.equal(3);
      consumer.runs[given - 3]?.end.resolve('done');
    }
    for (const { end } of consumer.runs) end.resolve('done');
    await until('the end', () => consumer.running === 0);
    expect(consumer.mostAtOnce).to.equal(3);
    expect(consumer.runs.map(({ id }) => id)).to.deep.equal(ids);
  });

  it('gives what is handed over to another consumer at once', async () => {
    const stopping = await startConsumer();
    const id = newId();
    await queue.enqueue(id);
    const run = await stopping.given(id);
    const other = await startConsumer();
    const closed = stopping.close();
    const since = performance.now();
    run.end.resolve('handed-over');
    (await other.given(id)).end.resolve('done');
    expect(performance.now() - since).to.be.below(AT_ONCE_MS);
    await closed;
    await pass(other);
    expect(stopping.runsOf(id)).to.have.length(1);
    expect(other.runsOf(id)).to.have.length(1);
  });

  it('tries again what throws, until it does not', async () => {
    const consumer = await startConsumer();
    const id = newId();
    await queue.enqueue(id);
    (await consumer.given(id)).end.reject(new Error('the database is away'));
    (await consumer.given(id, 2)).end.reject(new Error('still away'));
    (await consumer.given(id, 3)).end.resolve('done');
    await pass(consumer);
    expect(consumer.runsOf(id)).to.have.length(3);
  });

  it('says who is the first to be given a generation', async () => {
    const consumer = await startConsumer();
    const [fresh, known] = [newId(), newId()];
    await queue.enqueue(fresh);
    await queue.enqueueAgain(known);
    const run = await consumer.given(fresh);
    expect(run.isFirst).to.equal(true);
    run.end.resolve('handed-over');
    expect((await consumer.given(fresh, 2)).isFirst).to.equal(false);
    expect((await consumer.given(known)).isFirst).to.equal(false);
  });

  it('gives the job of a process that was killed to another one, within 15 s', async function () {
    this.timeout(60_000);
    const { kind, url } = backend();
    const child = spawn(process.execPath, ['--import', 'tsx', CHILD, kind, url], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const exited = once(child, 'exit');
    try {
      const lines: string[] = [];
      createInterface({ input: outputOf(child) }).on('line', (line) => lines.push(line));
      await until('the other process', () => lines.includes('ready'), 40_000);
      const id = newId();
      await queue.enqueue(id);
      await until('it was given the job', () => lines.includes(id));
      const survivor = await startConsumer();
      child.kill('SIGKILL');
      await exited;
      const since = performance.now();
      const run = await survivor.given(id, 1, PROMISED_MS);
      expect(performance.now() - since).to.be.below(PROMISED_MS);
      expect(run.isFirst).to.equal(false);
      run.end.resolve('done');
      await pass(survivor);
      expect(survivor.runsOf(id)).to.have.length(1);
    } finally {
      child.kill('SIGKILL');
      await exited;
    }
  });

  it('waits at its end for what runs, and takes nothing new', async () => {
    const consumer = await startConsumer();
    const [running, later] = [newId(), newId()];
    await queue.enqueue(running);
    const run = await consumer.given(running);
    let closed = false;
    const closing = consumer.close().then(() => {
      closed = true;
    });
    await queue.enqueue(later);
    const other = await startConsumer();
    (await other.given(later)).end.resolve('done');
    expect(closed).to.equal(false);
    run.end.resolve('done');
    await closing;
    await pass(other);
    expect(consumer.runs).to.have.length(1);
    expect(other.runsOf(running)).to.have.length(0);
  });
}

const outputOf = ({ stdout }: ChildProcess): NodeJS.ReadableStream => {
  if (!stdout) throw new Error('the child has no output');
  return stdout;
};

describeWithRedis('the queue, with Redis away', () => {
  it('refuses fast, and works again when Redis is back', async () => {
    let redis = await startRedis();
    const backend: QueueBackend = { kind: 'redis', url: redis.url };
    const queue = await openGenerationQueue(backend, silentLog);
    const consumer = new TestConsumer();
    await consumer.start(backend, 1);
    try {
      await redis.close();
      for (const attempt of [() => queue.enqueue(newId()), () => queue.remove(newId()), () => queue.ping()]) {
        const since = performance.now();
        const error = await attempt().then(
          () => undefined,
          (reason: unknown) => reason,
        );
        expect(error).to.be.an('error');
        expect(performance.now() - since).to.be.below(FAST_MS);
      }
      redis = await startRedis(Number(new URL(redis.url).port));
      const id = newId();
      await until('it is queued', () =>
        queue.enqueue(id).then(
          () => true,
          () => false,
        ),
      );
      (await consumer.given(id)).end.resolve('done');
    } finally {
      await consumer.end();
      await queue.close();
      await redis.close();
    }
  });

  for (const how of ['SIGSTOP', 'SIGKILL'] as const) {
    it(`lets a consumer go in the time that it has, also with a run that does not end (${how})`, async () => {
      const redis = await startRedis();
      const backend: QueueBackend = { kind: 'redis', url: redis.url };
      const queue = await openGenerationQueue(backend, silentLog);
      const consumer = new TestConsumer();
      await consumer.start(backend, 2);
      try {
        const id = newId();
        await queue.enqueue(id);
        const { end } = await consumer.given(id);
        process.kill(redis.pid ?? 0, how);
        const since = performance.now();
        const closed = consumer.close(300).catch((error: unknown) => error);
        end.resolve('handed-over');
        expect(await closed).to.have.property('message', 'no answer in 300 ms');
        expect(performance.now() - since).to.be.within(290, FAST_MS);
      } finally {
        await queue.close();
        await redis.close();
      }
    });
  }

  it('is not opened where there is no Redis', async () => {
    const redis = await startRedis();
    await redis.close();
    const since = performance.now();
    const error = await openGenerationQueue({ kind: 'redis', url: redis.url }, silentLog).catch(
      (reason: unknown) => reason,
    );
    expect(error).to.be.an('error');
    expect(performance.now() - since).to.be.below(FAST_MS);
  });
});
