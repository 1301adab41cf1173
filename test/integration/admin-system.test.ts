import { expect } from 'chai';
import { type SystemState, systemStateSchema } from '../../src/contracts/routes/admin-system.ts';
import { rows } from '../../src/data/database.ts';
import { useTestDatabase } from '../support/database.ts';
import { expectProblem } from '../support/expect-problem.ts';
import { describeWithRedis, redisUrl } from '../support/redis.ts';
import type { Listed } from '../support/rest-client.ts';
import { signUp } from '../support/test-user.ts';
import { until } from '../support/until.ts';
import { startWholeApp, type WholeApp } from '../support/whole-app.ts';

/** What is promised of an answer, whatever hangs. */
const PROMISED_MS = 3_000;

const stateOf = async (app: WholeApp): Promise<SystemState> =>
  systemStateSchema.parse(await app.admin.get('/admin/system'));

describe('the state of the system', () => {
  suite('memory');
});
describeWithRedis('the state of the system, with Redis', () => {
  suite('redis');
});

function suite(kind: 'memory' | 'redis') {
  const database = useTestDatabase();
  let app: WholeApp;

  before(async () => {
    app = await startWholeApp(database(), { env: kind === 'redis' ? { REDIS_URL: await redisUrl() } : {} });
  });
  after(() => app.close());

  it('tells of every part', async () => {
    // A worker shows itself with the connection that it waits on.
    await until('the worker is seen', async () => {
      const { workers } = await stateOf(app);
      return workers.ok && workers.workers.some((each) => each.queue === 'generations' && each.workers > 0);
    });
    const state = await stateOf(app);
    expect(state.environment).to.deep.equal({
      kind: kind === 'redis' ? 'scaled' : 'single',
      production: false,
    });
    expect(state.node).to.equal(process.version);
    expect(state.process.rssBytes).to.be.above(1e7);
    expect(state.process.eventLoopDelayMs.max).to.be.at.least(state.process.eventLoopDelayMs.mean);
    const { database: db, feed, queues, generations, providers, catalogue } = state;
    if (!(db.ok && feed.ok && queues.ok && generations.ok && providers.ok && catalogue.ok)) {
      throw new Error(`a part failed: ${JSON.stringify(state)}`);
    }
    expect(db.version).to.match(/^\d+/);
    expect(db.connections.max).to.equal(20);
    expect(feed.kind).to.equal(kind);
    expect(queues.queues.map(({ queue }) => queue)).to.deep.equal(['generations', 'model-sync']);
    expect(providers.providers).to.deep.equal([{ provider: 'echo', coolsUntil: null, models: [] }]);
    expect(catalogue.models).to.be.above(10);
    const { data } = await app.admin.get<Listed<{ available: number }>>('/models/categories');
    expect(catalogue.available).to.equal(data.reduce((sum, { available }) => sum + available, 0));
  });

  it('counts what runs and what waits', async () => {
    const { id: sessionId } = await app.admin.newSession({ model: 'echo' });
    const { replies } = await app.admin.say(sessionId, 'many words '.repeat(5000));
    await until('it runs', async () => {
      const { generations } = await stateOf(app);
      return generations.ok && generations.running === 1 && generations.queued === 0;
    });
    await app.admin.post(`/messages/${replies[0]?.id}/stop`);
    await until('it ended', async () => {
      const { generations } = await stateOf(app);
      return generations.ok && generations.running === 0;
    });
  });

  it('tells who is left alone, and no more once that is over', async () => {
    const { health } = app.core.resources.feed;
    const soon = Date.now() + 60_000;
    const cooling = { since: Date.now() - 10 };
    await health.putCooldown({ ...cooling, target: 'provider:echo', until: soon });
    await health.putCooldown({ ...cooling, target: 'model:echo/small', until: soon });
    await health.putCooldown({ ...cooling, target: 'model:echo/old', until: Date.now() - 1 });
    const coolsUntil = new Date(soon).toISOString();
    const { providers } = await stateOf(app);
    for (const target of ['provider:echo', 'model:echo/small', 'model:echo/old'])
      await health.dropCooldown(target);
    expect(providers).to.deep.equal({
      ok: true,
      providers: [{ provider: 'echo', coolsUntil, models: [{ model: 'echo/small', coolsUntil }] }],
    });
  });

  it('names no host, no password and no address', async () => {
    const text = JSON.stringify(await stateOf(app));
    for (const secret of ['127.0.0.1', 'localhost', '://', new URL(database().url).password || 'postgres:']) {
      expect(text).to.not.include(secret);
    }
  });

  it('is for who may see the system, and for keys with the scope', async () => {
    const path = `${app.url}/admin/system`;
    await expectProblem(await fetch(path), 'unauthenticated');
    const user = (await signUp(app)).at(app);
    await expectProblem(await user.send('GET', '/admin/system'), 'forbidden');
    const chat = await app.keyOf(['chat', 'usage']);
    await expectProblem(await chat.send('GET', '/admin/system'), 'forbidden');
    const key = await app.keyOf(['admin']);
    expect((await key.send('GET', '/admin/system')).status).to.equal(200);
  });
}

describe('the state of a system whose parts hang', () => {
  const database = useTestDatabase();
  let app: WholeApp;
  let hanging = false;

  before(async () => {
    app = await startWholeApp(database(), {
      without: 'worker',
      change: (resources) => {
        const { feed } = resources;
        return {
          ...resources,
          feed: {
            ...feed,
            ping: () => (hanging ? new Promise<never>(() => {}) : feed.ping()),
            health: {
              ...feed.health,
              cooldowns: async () => {
                if (hanging) throw new Error('connect ECONNREFUSED redis://:secret@10.0.0.7');
                return feed.health.cooldowns();
              },
            },
          },
        };
      },
    });
  });
  after(() => app.close());

  it('is told within 3 s, with what failed, and why in no more words than that', async () => {
    const whole = await stateOf(app);
    expect([whole.feed.ok, whole.providers.ok]).to.deep.equal([true, true]);
    hanging = true;
    // A lock on the table that two other parts read: PostgreSQL itself answers.
    const lock = database().dataSource.createQueryRunner();
    await lock.startTransaction();
    await rows(lock.manager, 'LOCK TABLE models, generations IN ACCESS EXCLUSIVE MODE');
    const since = performance.now();
    const state = await stateOf(app);
    const took = performance.now() - since;
    await lock.rollbackTransaction();
    await lock.release();
    expect(took).to.be.within(1_900, PROMISED_MS);
    const failed = { ok: false, error: 'does not answer' };
    const { feed, providers, generations, catalogue } = state;
    expect([feed, providers, generations, catalogue]).to.deep.equal([failed, failed, failed, failed]);
    expect([state.database.ok, state.queues.ok, state.workers.ok]).to.deep.equal([true, true, true]);
  });
});
