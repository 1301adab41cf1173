import { expect } from 'chai';
import { rows } from '../../src/data/database.ts';
import { claimGeneration, FIRST_ATTEMPT } from '../../src/data/repositories/generations.ts';
import { startGenerationConsumer } from '../../src/queue/generation-consumer.ts';
import { openGenerationQueue } from '../../src/queue/generation-queue.ts';
import { createSweepGenerations } from '../../src/services/sweep-generations.ts';
import { useTestDatabase } from '../support/database.ts';
import { defer } from '../support/deferred.ts';
import { silentLog as log } from '../support/global.ts';
import { type Asker, createPipeline, type Pipeline } from '../support/pipeline.ts';
import { until } from '../support/until.ts';

describe('sweeping', () => {
  const database = useTestDatabase();
  let pipeline: Pipeline;
  let ann: Asker;

  beforeEach(async () => {
    // A sweep looks at everything that there is.
    await rows(database().db, 'DELETE FROM generations');
    pipeline = createPipeline(database());
    ann = await pipeline.asker();
  });
  afterEach(() => pipeline.close());

  it('leaves alone what is fresh, waiting or running', async () => {
    await waiting({ ageSeconds: 1 });
    await running({ silentSeconds: 7 });
    expect(await swept()).to.deep.equal([]);
  });

  it('queues what waits without a job', async () => {
    const id = await waiting({ ageSeconds: 6 });
    await waiting({ ageSeconds: 0 });
    expect(await swept()).to.deep.equal([id]);
  });

  it('queues what runs without a sign of life, however old it is', async () => {
    const silent = await running({ silentSeconds: 13 });
    // It was begun long ago, and its worker is alive.
    const alive = await running({ silentSeconds: 0 });
    await backdate(alive, 'created_at', 3_600);
    expect(await swept()).to.deep.equal([silent]);
  });

  it('lets what has ended rest', async () => {
    const ended = await pipeline.ask(ann);
    await pipeline.stopMessage(ann.userId, ended.messageId);
    await backdate(ended.generationId, 'created_at', 3_600);
    expect(await swept()).to.deep.equal([]);
  });

  it('begins with the oldest', async () => {
    const young = await waiting({ ageSeconds: 10 });
    const old = await waiting({ ageSeconds: 30 });
    const middle = await waiting({ ageSeconds: 20 });
    expect(await swept()).to.deep.equal([old, middle, young]);
  });

  it('queues what was sent while the queue was away', async () => {
    pipeline.queue.away = true;
    const { generationId } = await pipeline.ask(ann);
    await backdate(generationId, 'created_at', 6);
    const failed = await pipeline.sweep().then(
      () => false,
      () => true,
    );
    expect(failed).to.equal(true);
    pipeline.queue.away = false;
    expect(await swept()).to.deep.equal([generationId]);
  });

  it('brings what a dead worker left to another, which ends it', async () => {
    const { messageId, generationId } = await pipeline.ask(ann);
    await claimGeneration(database().db, generationId, FIRST_ATTEMPT);
    await backdate(generationId, 'heartbeat_at', 13);
    expect(await swept()).to.deep.equal([generationId]);
    const run = pipeline.worker().run(generationId);
    (await pipeline.provider.begun(0)).push(
      { type: 'text', text: 'Because.' },
      { type: 'finish', reason: 'stop' },
    );
    await run;
    expect(await pipeline.stored(messageId)).to.deep.include({ status: 'completed', attempt: 2 });
    await backdate(generationId, 'heartbeat_at', 3_600);
    expect(await swept()).to.deep.equal([]);
  });

  it('of what has a job changes nothing: on PostgreSQL it is run once, and again only after its end', async () => {
    const backend = { kind: 'postgres', url: database().url } as const;
    const queue = await openGenerationQueue(backend, log);
    const sweep = createSweepGenerations({ database: database(), queue, run: async () => 'done', log });
    const id = await waiting({ ageSeconds: 6 });
    for (let times = 0; times < 3; times += 1) expect(await sweep()).to.equal(1);

    const began: string[] = [];
    let held = defer();
    const consumer = await startGenerationConsumer({
      backend,
      concurrency: 10,
      log,
      run: async ({ generationId }) => {
        began.push(generationId);
        await held.promise;
        return 'done';
      },
    });
    try {
      await until('the job is taken', () => began.length > 0);
      // It is still waiting in the database, and its job is held by a worker.
      expect(await sweep()).to.equal(1);
      const marker = await waiting({ ageSeconds: 6 });
      await queue.enqueue(marker);
      await until('a later job is taken', () => began.includes(marker));
      expect(began).to.deep.equal([id, marker]);

      const before = held;
      held = defer();
      before.resolve();
      await until('the lost one is taken again', async () => {
        await sweep();
        return began.length > 2;
      });
      expect(new Set(began)).to.deep.equal(new Set([id, marker]));
    } finally {
      held.resolve();
      await consumer.close(10_000);
      await queue.close();
    }
  });

  /** A generation that waits. */
  async function waiting({ ageSeconds }: { ageSeconds: number }): Promise<string> {
    const { generationId } = await pipeline.ask(ann);
    await backdate(generationId, 'created_at', ageSeconds);
    return generationId;
  }

  /** A generation that a worker has begun, and its last sign of life. */
  async function running({ silentSeconds }: { silentSeconds: number }): Promise<string> {
    const id = await waiting({ ageSeconds: 60 });
    await claimGeneration(database().db, id, FIRST_ATTEMPT);
    await backdate(id, 'heartbeat_at', silentSeconds);
    return id;
  }

  async function backdate(id: string, column: 'created_at' | 'heartbeat_at', seconds: number): Promise<void> {
    await rows(
      database().db,
      `UPDATE generations SET ${column} = now() - $2 * interval '1 second' WHERE id = $1 RETURNING id`,
      [id, seconds],
    );
  }

  /** What a sweep queues. */
  async function swept(): Promise<string[]> {
    const { enqueued } = pipeline.queue;
    enqueued.length = 0;
    const looked = await pipeline.sweep();
    expect(looked).to.equal(enqueued.length);
    return enqueued;
  }
});
