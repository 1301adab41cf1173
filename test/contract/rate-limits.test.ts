import { expect } from 'chai';
import { Redis } from 'ioredis';
import { newId } from '../../src/base/ids.ts';
import { insureRateLimits } from '../../src/feed/insured-rate-limits.ts';
import { createMemoryRateLimits } from '../../src/feed/memory-rate-limits.ts';
import type { RateCounter, RateLimitStore, RatePolicy } from '../../src/feed/rate-limit-store.ts';
import { openRedisFeed } from '../../src/feed/redis.ts';
import { createRedisRateLimits } from '../../src/feed/redis-rate-limits.ts';
import { silentLog as log } from '../support/global.ts';
import { describeWithRedis, redisUrl, startRedis, type TestRedis } from '../support/redis.ts';
import { until } from '../support/until.ts';

/** The stores of two processes; in memory they are one. */
interface World {
  stores: [RateLimitStore, RateLimitStore];
  close(): Promise<void>;
}

async function openMemoryWorld(): Promise<World> {
  const store = createMemoryRateLimits();
  return { stores: [store, store], close: async () => {} };
}

async function openRedisWorld(): Promise<World> {
  const url = await redisUrl();
  const clients = [new Redis(url), new Redis(url)] as const;
  return {
    stores: [createRedisRateLimits(clients[0]), createRedisRateLimits(clients[1])],
    async close() {
      for (const client of clients) client.disconnect();
    },
  };
}

async function openFeedWorld(): Promise<World> {
  const url = await redisUrl();
  const [one, other] = await Promise.all([openRedisFeed(url, log), openRedisFeed(url, log)]);
  return {
    stores: [one.rateLimits, other.rateLimits],
    async close() {
      await Promise.all([one.close(), other.close()]);
    },
  };
}

describe('rate limits, in memory', () => behavesAsStore(openMemoryWorld));
describeWithRedis('rate limits, in Redis', () => behavesAsStore(openRedisWorld));
describeWithRedis('rate limits, of the feed over Redis', () => behavesAsStore(openFeedWorld));

function behavesAsStore(open: () => Promise<World>): void {
  let world: World;
  /** Of one test alone: Redis is shared. */
  let policy: RatePolicy;
  let counter: RateCounter;

  const policyOf = (limit: number, windowSeconds: number): RatePolicy => ({
    name: `test-${newId()}`,
    limit,
    windowSeconds,
  });

  before(async () => {
    world = await open();
  });
  after(() => world.close());
  beforeEach(() => {
    policy = policyOf(3, 60);
    counter = world.stores[0].open(policy);
  });

  it('lets as many through as the limit, and no more', async () => {
    const counts = [];
    for (let n = 0; n < 5; n += 1) counts.push(await counter.take('ann'));
    expect(counts.map(({ allowed }) => allowed)).to.deep.equal([true, true, true, false, false]);
    expect(counts.map(({ remaining }) => remaining)).to.deep.equal([2, 1, 0, 0, 0]);
  });

  it('lets exactly as many through of many at once, over two processes', async () => {
    const wide = policyOf(20, 60);
    const counters = world.stores.map((store) => store.open(wide));
    const takes = Array.from({ length: 100 }, (_, n) => counters[n % 2]?.take('ann'));
    const allowed = (await Promise.all(takes)).filter((count) => count?.allowed);
    expect(allowed).to.have.lengthOf(20);
  });

  it('counts together what is opened twice', async () => {
    await counter.take('ann');
    expect((await world.stores[1].open(policy).take('ann')).remaining).to.equal(1);
  });

  it('counts each key, and each policy, for itself', async () => {
    for (let n = 0; n < 3; n += 1) await counter.take('ann');
    expect((await counter.take('bob')).remaining).to.equal(2);
    const other = world.stores[0].open(policyOf(3, 60));
    expect((await other.take('ann')).remaining).to.equal(2);
  });

  it('tells when the window ends, and does not prolong it', async () => {
    const first = await counter.take('ann');
    expect(first.resetMs).to.be.within(50_000, 60_000);
    for (let n = 0; n < 10; n += 1) await counter.take('ann');
    expect((await counter.take('ann')).resetMs).to.be.at.most(first.resetMs);
  });

  it('begins anew when the window has ended', async () => {
    const brief = world.stores[0].open(policyOf(1, 1));
    await brief.take('ann');
    const since = Date.now();
    const { resetMs } = await brief.take('ann');
    await until('the window ends', async () => (await brief.take('ann')).allowed);
    expect(Date.now() - since).to.be.at.least(resetMs - 5);
  });

  it('lets one more through for each that is given back', async () => {
    for (let n = 0; n < 3; n += 1) await counter.take('ann');
    expect(await counter.giveBack('ann')).to.include({ allowed: true, remaining: 1 });
    expect((await counter.take('ann')).allowed).to.equal(true);
    expect((await counter.take('ann')).allowed).to.equal(false);
  });

  it('tells how a key stands without counting it', async () => {
    const others = world.stores[1].open(policy);
    expect(await others.read('ann')).to.deep.equal({ allowed: true, remaining: 3, resetMs: 0 });
    const { resetMs } = await counter.take('ann');
    for (let n = 0; n < 5; n += 1) {
      const stands = await others.read('ann');
      expect(stands).to.include({ allowed: true, remaining: 2 });
      expect(stands.resetMs).to.be.within(1, resetMs);
    }
    for (let n = 0; n < 4; n += 1) await counter.take('ann');
    expect(await others.read('ann')).to.include({ allowed: false, remaining: 0 });
  });

  it('never has more left than the limit', async () => {
    expect(await counter.giveBack('ann')).to.deep.equal({ allowed: true, remaining: 3, resetMs: 0 });
    await counter.take('ann');
    for (let n = 0; n < 3; n += 1) expect((await counter.giveBack('ann')).remaining).to.equal(3);
    const counts = [];
    for (let n = 0; n < 4; n += 1) counts.push((await counter.take('ann')).allowed);
    expect(counts).to.deep.equal([true, true, true, false]);
  });

  it('forgets all that was counted of a key, in every process, and nothing of another', async () => {
    for (let n = 0; n < 5; n += 1) await counter.take('ann');
    await counter.take('bob');
    await world.stores[1].open(policy).forget('ann');
    expect(await counter.take('ann')).to.include({ allowed: true, remaining: 2 });
    expect((await counter.take('bob')).remaining).to.equal(1);
    await counter.forget('nobody');
  });

  it('gives nothing back of a window that has ended', async () => {
    const brief = world.stores[0].open(policyOf(1, 1));
    await brief.take('ann');
    await until('the window ends', async () => (await brief.giveBack('ann')).resetMs === 0);
    await brief.take('ann');
    expect((await brief.take('ann')).allowed).to.equal(false);
  });
}

describeWithRedis('rate limits while Redis is away', () => {
  let redis: TestRedis;
  let client: Redis;
  const realNow = Date.now;
  const warnings: unknown[] = [];
  let store: RateLimitStore;

  beforeEach(async () => {
    redis = await startRedis();
    client = new Redis(redis.url, { enableOfflineQueue: false, maxRetriesPerRequest: 0 });
    client.on('error', () => {});
    await until('connected', () => client.status === 'ready');
    warnings.length = 0;
    const warn = (...args: unknown[]) => warnings.push(args);
    store = insureRateLimits(createRedisRateLimits(client), createMemoryRateLimits(), {
      ...log,
      warn,
    } as typeof log);
  });
  afterEach(async () => {
    client.disconnect();
    await redis.close();
  });

  const open = () => store.open({ name: 'test', limit: 2, windowSeconds: 60 });

  it('are counted by the process alone', async () => {
    const counter = open();
    await counter.take('ann');
    await redis.close();
    const counts = [];
    for (let n = 0; n < 3; n += 1) counts.push((await counter.take('ann')).allowed);
    expect(counts).to.deep.equal([true, true, false]);
    expect(await counter.read('ann')).to.include({ allowed: false, remaining: 0 });
    expect((await counter.giveBack('ann')).remaining).to.equal(0);
    expect(warnings).to.have.lengthOf(1);
  });

  it('let nobody wait for one that hangs: one request a little, those after it not at all', async () => {
    const counter = open();
    process.kill(redis.pid ?? 0, 'SIGSTOP');
    try {
      const since = performance.now();
      expect((await counter.take('ann')).allowed).to.equal(true);
      const first = performance.now() - since;
      expect(first).to.be.within(400, 3_000);
      // It is not asked for 2 s, and the clock stands.
      const began = Date.now();
      Date.now = () => began;
      let asked = 0;
      client.sendCommand = async () => (asked += 1);
      for (let n = 0; n < 100; n += 1) await counter.take(`user-${n}`);
      expect(asked).to.equal(0);
      expect(warnings).to.have.lengthOf(1);
    } finally {
      Date.now = realNow;
      process.kill(redis.pid ?? 0, 'SIGCONT');
    }
  });

  it('do not take a busy process for a Redis that hangs', async () => {
    const counter = open();
    await counter.take('bob');
    const counting = counter.take('ann');
    // The command has left; nothing is read for longer than an answer may take.
    const busyUntil = performance.now() + 700;
    while (performance.now() < busyUntil);
    await counting;
    expect(warnings).to.deep.equal([]);
    expect(await client.exists('parley:limit:test:ann')).to.equal(1);
  });

  it('are forgotten there and here, also while it is away', async () => {
    const counter = open();
    await redis.close();
    for (let n = 0; n < 3; n += 1) await counter.take('ann');
    await counter.forget('ann');
    expect(await counter.take('ann')).to.include({ allowed: true, remaining: 1 });
  });

  it('are counted in Redis again when it is back', async () => {
    const counter = open();
    await redis.close();
    await counter.take('ann');
    redis = await startRedis(Number(new URL(redis.url).port));
    await until('it is counted there', async () => {
      await counter.take('bob');
      return client.status === 'ready' && (await client.exists('parley:limit:test:bob')) === 1;
    });
  });
});
