import { expect } from 'chai';
import { Redis } from 'ioredis';
import { newId } from '../../src/base/ids.ts';
import { rows } from '../../src/data/database.ts';
import { openGenerationQueue } from '../../src/queue/generation-queue.ts';
import type { QueueBackend } from '../../src/queue/queue-backend.ts';
import { createQueueViewer } from '../../src/queue/queue-viewer.ts';
import { useTestDatabase } from '../support/database.ts';
import { silentLog } from '../support/global.ts';
import { describeWithRedis, startRedis, type TestRedis } from '../support/redis.ts';
import { until } from '../support/until.ts';

const NOTHING = { waiting: 0, active: 0, delayed: 0, failed: 0 };

describe('a view of the queues on PostgreSQL', () => {
  const database = useTestDatabase();
  const connections = async () => {
    const [found] = await rows<{ count: number }>(
      database().db,
      'SELECT count(*)::int AS count FROM pg_stat_activity WHERE datname = current_database()',
    );
    return found?.count ?? 0;
  };
  suite(() => ({ kind: 'postgres', url: database().url }), connections);
});

describeWithRedis('a view of the queues on Redis', () => {
  let redis: TestRedis;
  let client: Redis;
  before(async () => {
    redis = await startRedis();
    client = new Redis(redis.url);
  });
  after(async () => {
    client.disconnect();
    await redis.close();
  });
  suite(
    () => ({ kind: 'redis', url: redis.url }),
    async () =>
      String(await client.client('LIST'))
        .trim()
        .split('\n').length,
  );
});

function suite(backend: () => QueueBackend, connections: () => Promise<number>) {
  it('opens nothing until it is asked, opens once, and leaves nothing open', async () => {
    const before = await connections();
    const viewer = createQueueViewer(backend(), silentLog);
    // By the time that another one has opened and closed this one would have, too.
    const another = createQueueViewer(backend(), silentLog);
    await another.depths();
    await another.close();
    await until('nothing is open', async () => (await connections()) === before);
    const [one, other] = await Promise.all([viewer.queues(), viewer.queues()]);
    expect(one[0]).to.equal(other[0]);
    expect(await connections()).to.be.within(before + 1, before + 6);
    await viewer.close();
    await viewer.close();
    await until('it is closed', async () => (await connections()) === before);
    const error: unknown = await viewer.depths().catch((reason: unknown) => reason);
    expect(error).to.be.an('error');
    expect(await connections()).to.equal(before);
  });

  it('costs nothing when it was never asked', async () => {
    await createQueueViewer(backend(), silentLog).close();
  });

  it('counts what waits, by queue', async () => {
    const queue = await openGenerationQueue(backend(), silentLog);
    const viewer = createQueueViewer(backend(), silentLog);
    const id = newId();
    await queue.enqueue(id);
    expect(await viewer.depths()).to.deep.equal([
      { queue: 'generations', ...NOTHING, waiting: 1 },
      { queue: 'model-sync', ...NOTHING },
    ]);
    await queue.remove(id);
    expect(await viewer.workers()).to.deep.equal([
      { queue: 'generations', workers: 0 },
      { queue: 'model-sync', workers: 0 },
    ]);
    await viewer.close();
    await queue.close();
  });
}

describeWithRedis('a view of the queues, with Redis away', () => {
  it('fails, and works when it is asked again', async () => {
    let redis = await startRedis();
    await redis.close();
    const viewer = createQueueViewer({ kind: 'redis', url: redis.url }, silentLog);
    const error: unknown = await viewer.depths().catch((reason: unknown) => reason);
    expect(error).to.be.an('error');
    redis = await startRedis(Number(new URL(redis.url).port));
    expect(await viewer.depths()).to.have.length(2);
    await viewer.close();
    await redis.close();
  });
});
