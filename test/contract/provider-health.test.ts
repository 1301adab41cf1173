import { expect } from 'chai';
import { newId } from '../../src/base/ids.ts';
import type { GenerationErrorCode } from '../../src/contracts/errors.ts';
import { createMemoryFeed } from '../../src/feed/memory.ts';
import type { Feed, HealthStore } from '../../src/feed/ports.ts';
import { openRedisFeed } from '../../src/feed/redis.ts';
import { createProviderHealth, type ProviderHealth } from '../../src/services/provider-health.ts';
import { silentLog as log } from '../support/global.ts';
import { describeWithRedis, redisUrl } from '../support/redis.ts';
import { until } from '../support/until.ts';

/** What two worker processes share; with the feed in memory they are one. */
interface World {
  feeds: Feed[];
  close(): Promise<void>;
}

async function openMemoryWorld(): Promise<World> {
  const feed = createMemoryFeed();
  return { feeds: [feed, feed], close: () => feed.close() };
}

async function openRedisWorld(): Promise<World> {
  const url = await redisUrl();
  const feeds = await Promise.all([openRedisFeed(url, log), openRedisFeed(url, log)]);
  return {
    feeds,
    async close() {
      await Promise.all(feeds.map((feed) => feed.close()));
    },
  };
}

describe('health of providers, in memory', () => behavesAsHealth(openMemoryWorld));
describeWithRedis('health of providers, in Redis', () => behavesAsHealth(openRedisWorld));

function behavesAsHealth(open: () => Promise<World>): void {
  let world: World;
  /** The clock of all workers. */
  let at: number;
  /** Of one test alone: Redis is shared. */
  let provider: string;
  let model: string;
  let one: ProviderHealth;
  let other: ProviderHealth;
  const started: ProviderHealth[] = [];

  before(async () => {
    world = await open();
  });
  after(() => world.close());

  beforeEach(async () => {
    at = Date.now();
    provider = `provider-${newId()}`;
    model = `${provider}/model`;
    [one, other] = [await worker(0), await worker(1)];
  });
  afterEach(() => {
    for (const health of started.splice(0)) health.stop();
  });

  async function worker(index: number): Promise<ProviderHealth> {
    const feed = world.feeds[index] as Feed;
    const health = createProviderHealth({ store: feed.health, control: feed.control, log, now: () => at });
    await health.start();
    started.push(health);
    return health;
  }

  const ended = (health: ProviderHealth, error: GenerationErrorCode | null, retryAfterMs?: number) =>
    health.report({ provider, model, startedAt: at, error, retryAfterMs });

  async function endedOften(health: ProviderHealth, count: number, error: GenerationErrorCode | null) {
    for (let n = 0; n < count; n += 1) await ended(health, error);
  }

  const cools = (health: ProviderHealth, asked = model) => health.coolsUntil(provider, asked);
  const otherHears = (what: string, isSo: (until: number) => boolean) =>
    until(what, () => isSo(cools(other)));

  describe('a provider that fails', () => {
    it('more than half of at least five calls cools down for every worker, whatever the model', async () => {
      await endedOften(one, 2, null);
      await endedOften(other, 2, 'overloaded');
      expect(cools(one)).to.equal(0);
      await ended(one, 'timeout');
      expect(cools(one)).to.equal(at + 30_000);
      expect(cools(one, `${provider}/another`)).to.equal(at + 30_000);
      expect(one.refusesUntil(model), 'nobody said so').to.equal(0);
      await otherHears('the other worker knows', (end) => end === at + 30_000);
      expect(one.coolsUntil(`${provider}-2`, `${provider}-2/model`)).to.equal(0);
    });

    it('four times of four does not, nor half of the time', async () => {
      await endedOften(one, 4, 'network');
      expect(cools(one)).to.equal(0);
      await endedOften(one, 4, null);
      await ended(one, null);
      await ended(one, 'network');
      expect(cools(one)).to.equal(0);
    });

    it('cools down for half a minute, and no longer', async () => {
      await endedOften(one, 5, 'network');
      await otherHears('the other worker knows', (end) => end > 0);
      at += 29_999;
      expect([cools(one), cools(other)]).to.deep.equal([at + 1, at + 1]);
      at += 1;
      expect([cools(one), cools(other)]).to.deep.equal([0, 0]);
    });

    it('is judged by the last minute', async () => {
      await endedOften(one, 4, 'network');
      at += 70_000;
      await ended(one, 'network');
      expect(cools(one)).to.equal(0);
      at += 30_000;
      await endedOften(one, 4, 'network');
      expect(cools(one)).to.equal(at + 30_000);
    });

    for (const code of [
      'bad_request',
      'content_filter',
      'model_not_available',
      'malformed_call',
      'interrupted',
    ] as const) {
      it(`is not one whose calls end with ${code}`, async () => {
        await endedOften(one, 6, code);
        expect(cools(one)).to.equal(0);
        await endedOften(one, 4, 'network');
        expect(cools(one), 'they do not count at all').to.equal(0);
        await ended(one, 'provider_auth');
        expect(cools(one)).to.equal(at + 30_000);
      });
    }
  });

  it('a call that whoever asked has made fail says nothing about the provider', async () => {
    const failed = { provider, model, startedAt: at, error: 'provider_failed', blamesNobody: true } as const;
    for (let n = 0; n < 6; n += 1) await one.report(failed);
    expect(cools(one)).to.equal(0);
  });

  describe('after its cooldown', () => {
    beforeEach(async () => {
      await endedOften(one, 5, 'network');
      await otherHears('the other worker knows', (end) => end > 0);
      at += 30_001;
    });

    it('one good call clears everything', async () => {
      await ended(one, null);
      await endedOften(one, 3, 'network');
      expect(cools(one), 'what was before is forgotten').to.equal(0);
    });

    it('one bad call begins the next', async () => {
      await ended(other, 'network');
      expect(cools(other)).to.equal(at + 30_000);
      await until('the first worker knows', () => cools(one) === at + 30_000);
    });

    it('a good call that was begun before it says nothing', async () => {
      await one.report({ provider, model, startedAt: at - 40_000, error: null });
      await ended(one, 'network');
      expect(cools(one)).to.equal(at + 30_000);
    });

    it('a bad call that was begun before it says nothing, either', async () => {
      const begunBefore = { provider, model, startedAt: at - 40_000, error: 'timeout' as const };
      for (let n = 0; n < 6; n += 1) await one.report(begunBefore);
      expect(cools(one)).to.equal(0);
    });

    it('a long time makes it as good as any', async () => {
      at += 61_000;
      await ended(one, 'network');
      expect(cools(one)).to.equal(0);
    });
  });

  it('a good call in the middle of a cooldown ends it for every worker', async () => {
    await endedOften(one, 5, 'network');
    await otherHears('the other worker knows', (end) => end > 0);
    at += 1_000;
    await ended(one, null);
    expect(cools(one)).to.equal(0);
    await otherHears('the other worker knows that, too', (end) => end === 0);
  });

  describe('Retry-After', () => {
    it('keeps that model of that provider from being asked, for so long, by every worker', async () => {
      await ended(one, 'rate_limited', 5_000);
      expect(cools(one)).to.equal(at + 5_000);
      expect(one.refusesUntil(model)).to.equal(at + 5_000);
      expect(cools(one, `${provider}/another`)).to.equal(0);
      await otherHears('the other worker knows', (end) => end === at + 5_000);
      at += 5_000;
      expect([cools(one), cools(other)]).to.deep.equal([0, 0]);
    });

    it('holds in this process before anybody was told', () => {
      const telling = ended(one, 'rate_limited', 5_000);
      expect(cools(one)).to.equal(at + 5_000);
      return telling;
    });

    it('is not made shorter by a later one, and is honoured for an hour at most', async () => {
      await ended(one, 'rate_limited', 5_000);
      await ended(one, 'rate_limited', 1_000);
      expect(cools(one)).to.equal(at + 5_000);
      await ended(one, 'rate_limited', 1e12);
      expect(cools(one)).to.equal(at + 3_600_000);
    });

    it('is over for a model that answers', async () => {
      await ended(one, 'rate_limited', 60_000);
      at += 1;
      await ended(one, null);
      expect(cools(one)).to.equal(0);
    });
  });

  it('a worker that starts later knows what cools down, and forgets what is long over', async () => {
    await endedOften(one, 5, 'network');
    await ended(one, 'rate_limited', 40_000);
    expect(cools(await worker(1))).to.equal(at + 40_000);
    expect(cools(await worker(1), `${provider}/another`)).to.equal(at + 30_000);
    at += 200_000;
    await worker(1);
    const stored = await (world.feeds[0] as Feed).health.cooldowns();
    expect(stored.filter(({ target }) => target.includes(provider))).to.deep.equal([]);
  });

  it('a store that does not answer harms nobody: this worker knows what it was told', async () => {
    const away = async () => {
      throw new Error('the broker is away');
    };
    const store: HealthStore = {
      count: away,
      counts: away,
      forget: away,
      putCooldown: away,
      dropCooldown: away,
      cooldowns: away,
    };
    const { control } = world.feeds[0] as Feed;
    const alone = createProviderHealth({ store, control, log, now: () => at });
    await alone.start();
    await ended(alone, 'rate_limited', 5_000);
    await ended(alone, null);
    expect(cools(alone)).to.equal(at + 5_000);
    alone.stop();
  });
}
