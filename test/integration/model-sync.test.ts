import { expect } from 'chai';
import type { Model } from '../../src/contracts/model.ts';
import type { ModelSync } from '../../src/contracts/routes/models.ts';
import { rows } from '../../src/data/database.ts';
import { ProviderError } from '../../src/providers/provider.ts';
import { startModelSyncSchedule } from '../../src/queue/model-sync-schedule.ts';
import { useTestDatabase } from '../support/database.ts';
import { defer } from '../support/deferred.ts';
import { silentLog } from '../support/global.ts';
import {
  createListingProvider,
  type ListingProvider,
  type ModelWorld,
  startModelWorld,
} from '../support/model-world.ts';
import { describeWithRedis, startRedis } from '../support/redis.ts';
import type { RestClient } from '../support/rest-client.ts';
import { until } from '../support/until.ts';

const NOTHING = { listed: 0, added: 0, updated: 0, vanished: 0 };
const HOUR_MS = 3_600_000;

describe('syncing the models', () => {
  const database = useTestDatabase();
  let world: ModelWorld;
  let admin: RestClient;
  let acme: ListingProvider;
  let openai: ListingProvider;

  beforeEach(async () => {
    await rows(database().db, "DELETE FROM models WHERE provider = 'acme'");
    await rows(database().db, 'UPDATE catalogue_state SET synced_at = NULL, endpoint = NULL');
    [acme, openai] = [createListingProvider('acme'), createListingProvider('openai')];
    world = await startModelWorld(database(), { providers: [acme, openai], timeoutMs: 200 });
    admin = await world.signUp('admin');
  });
  afterEach(() => world.close());

  const sync = async () => (await admin.post<ModelSync>('/models/sync')).providers;
  const syncOf = async (name: string) => (await sync()).find(({ provider }) => provider === name);
  const get = (id: string) => admin.get<Model>(`/models/${id}`);
  const idsOf = async (query: string) =>
    (await admin.all<Model>(`/models?limit=100&${query}`)).map(({ id }) => id);

  it('adds what a provider lists, with what it tells, and by rule what it does not', async () => {
    acme.lists = async () => [
      {
        name: 'big/one',
        title: 'The big one',
        contextLength: 32_000,
        maxOutputTokens: 4_000,
        capabilities: ['text', 'tools'],
        parameters: ['maxTokens'],
        usdPerMillionInput: '1.50',
        usdPerMillionOutput: '4',
      },
      { name: 'coder' },
      { name: 'gift', usdPerMillionInput: '0', usdPerMillionOutput: '0.000' },
    ];
    expect(await sync()).to.deep.equal([
      { provider: 'acme', status: 'synced', listed: 3, added: 3, updated: 0, vanished: 0 },
      { provider: 'openai', status: 'empty', ...NOTHING },
    ]);
    const big = await get('acme/big/one');
    expect({ ...big, updatedAt: '' }).to.deep.equal({
      id: 'acme/big/one',
      provider: 'acme',
      name: 'big/one',
      title: 'The big one',
      category: 'general',
      tier: 'paid',
      contextLength: 32_000,
      maxOutputTokens: 4_000,
      capabilities: ['text', 'tools'],
      parameters: ['maxTokens'],
      price: {
        usdPerMillionInput: 1.5,
        usdPerMillionCachedInput: 1.5,
        usdPerMillionOutput: 4,
        creditsPer100Tokens: 1,
      },
      enabled: true,
      available: true,
      source: 'sync',
      updatedAt: '',
    });
    expect(await get('acme/coder')).to.deep.include({ category: 'code', tier: 'paid', title: 'coder' });
    expect(await get('acme/gift')).to.deep.include({ tier: 'free' });
    expect(world.catalogue.directory.resolve('coder', 'body.model').id).to.equal('acme/coder');
    await until('the other process knows', () => !!world.elsewhere.directory.find('acme/gift'));
  });

  it('changes what has changed, and writes nothing where nothing has', async () => {
    acme.lists = async () => [{ name: 'a', contextLength: 1_000 }, { name: 'b' }];
    await sync();
    const [a, b] = [await get('acme/a'), await get('acme/b')];
    expect(await syncOf('acme')).to.deep.include({ listed: 2, added: 0, updated: 0, vanished: 0 });
    expect([await get('acme/a'), await get('acme/b')]).to.deep.equal([a, b]);
    acme.lists = async () => [{ name: 'a', contextLength: 2_000 }, { name: 'b' }];
    expect(await syncOf('acme')).to.deep.include({ listed: 2, added: 0, updated: 1, vanished: 0 });
    expect((await get('acme/a')).contextLength).to.equal(2_000);
    // What is not told any more is as it was before.
    acme.lists = async () => [{ name: 'a' }, { name: 'b' }];
    await sync();
    expect((await get('acme/a')).contextLength).to.equal(null);
  });

  it('switches off what vanished, keeps it, and switches it on when it is back', async () => {
    acme.lists = async () => [{ name: 'a' }, { name: 'b' }];
    await sync();
    acme.lists = async () => [{ name: 'b' }];
    expect(await syncOf('acme')).to.deep.include({ listed: 1, updated: 0, vanished: 1 });
    expect(await get('acme/a')).to.deep.include({ enabled: false, available: false });
    expect(() => world.catalogue.directory.resolve('acme/a', 'body.model')).to.throw(
      /not offered by its provider any more/,
    );
    expect(await syncOf('acme')).to.deep.include({ vanished: 0 });
    // Nobody can switch on what its provider does not have.
    expect(await admin.patch<Model>('/admin/models/acme/a', { enabled: true })).to.include({
      enabled: false,
    });
    acme.lists = async () => [{ name: 'a' }, { name: 'b' }];
    expect(await syncOf('acme')).to.deep.include({ listed: 2, added: 0, updated: 1, vanished: 0 });
    expect(await get('acme/a')).to.deep.include({ enabled: true, available: true });
  });

  it('leaves above it what an admin says', async () => {
    acme.lists = async () => [{ name: 'a', title: 'Theirs', usdPerMillionInput: '1' }];
    await sync();
    await admin.patch('/admin/models/acme/a', { title: 'Ours', enabled: false });
    acme.lists = async () => [{ name: 'a', title: 'Theirs, new', usdPerMillionInput: '2' }];
    await sync();
    const model = await get('acme/a');
    expect(model).to.deep.include({ title: 'Ours', enabled: false, source: 'admin' });
    expect(model.price.usdPerMillionInput).to.equal(2);
    expect((await admin.patch<Model>('/admin/models/acme/a', { title: null })).title).to.equal('Theirs, new');
  });

  it('knows the price of a dated version, and keeps the alias that the provider does not list', async () => {
    const before = await idsOf('provider=openai&available=true');
    expect(before).to.include('openai/gpt-4-turbo').and.not.include('openai/gpt-4-turbo-2024-04-09');
    openai.lists = async () => [{ name: 'gpt-4-turbo-2024-04-09' }, { name: 'gpt-4.1' }];
    expect(await syncOf('openai')).to.deep.include({ listed: 2, added: 1, vanished: before.length - 2 });
    const dated = await get('openai/gpt-4-turbo-2024-04-09');
    const alias = await get('openai/gpt-4-turbo');
    expect(dated.price).to.deep.equal(alias.price);
    expect(dated).to.deep.include({ title: 'gpt-4-turbo-2024-04-09', contextLength: 128_000, tier: 'paid' });
    expect(await idsOf('provider=openai&available=true')).to.have.members([
      'openai/gpt-4-turbo',
      'openai/gpt-4-turbo-2024-04-09',
      'openai/gpt-4.1',
    ]);
    openai.lists = async () => before.map((id) => ({ name: id.replace('openai/', '') }));
    await sync();
    expect(await idsOf('provider=openai&available=true')).to.have.members(before);
  });

  it('changes nothing by a list that is empty, fails, or comes too late; the others go on', async () => {
    acme.lists = async () => [{ name: 'a' }];
    await sync();
    const failures: [lists: ListingProvider['lists'], error: string | RegExp][] = [
      [
        () => Promise.reject(new ProviderError('provider_auth', 'The key is wrong.')),
        'provider_auth: The key is wrong.',
      ],
      [() => Promise.reject(new Error('secret of the inside')), 'internal: see the log'],
      [() => new Promise(() => {}), /^timeout: No list of models within 200 ms/],
    ];
    for (const [index, [lists, error]] of failures.entries()) {
      acme.lists = lists;
      openai.lists = async () => [{ name: 'gpt-4.1' }, { name: `new-${index}` }];
      const [failed, other] = await sync();
      expect(failed).to.deep.include({ provider: 'acme', status: 'failed', ...NOTHING });
      expect(failed?.error).to.match(error instanceof RegExp ? error : new RegExp(`^${error}$`));
      expect(other).to.deep.include({ status: 'synced', added: 1 });
    }
    acme.lists = async () => [];
    expect(await syncOf('acme')).to.deep.equal({ provider: 'acme', status: 'empty', ...NOTHING });
    expect(await get('acme/a')).to.deep.include({ enabled: true });
  });

  it('takes nothing over that could not be stored or asked', async () => {
    acme.lists = async () => [
      { name: '' },
      { name: ' a' },
      { name: 'nul\0' },
      { name: 'lone\ud800' },
      { name: 'x'.repeat(181) },
      {
        name: 'odd',
        title: 'a\nb',
        contextLength: -1,
        maxOutputTokens: 1e12,
        usdPerMillionInput: '-1',
        usdPerMillionCachedInput: 'free',
        usdPerMillionOutput: '0.12345678915',
      },
    ];
    expect(await syncOf('acme')).to.deep.include({ status: 'synced', listed: 1, added: 1 });
    acme.lists = async () => [{ name: '' }];
    expect(await syncOf('acme')).to.deep.include({ status: 'empty' });
    expect(await get('acme/odd')).to.deep.include({
      title: 'odd',
      contextLength: null,
      maxOutputTokens: null,
    });
    expect((await get('acme/odd')).price).to.deep.include({
      usdPerMillionInput: 0,
      usdPerMillionCachedInput: 0,
      usdPerMillionOutput: 0.1234567892,
    });
  });

  it('runs once at a time, wherever it is asked for', async () => {
    const [begun, go] = [defer(), defer()];
    acme.lists = async () => {
      begun.resolve();
      await go.promise;
      return [{ name: 'a' }];
    };
    const first = sync();
    await begun.promise;
    await admin.refused('conflict', ['POST', '/models/sync']);
    expect(await world.sync.syncDue(0)).to.deep.equal([]);
    go.resolve();
    expect((await first)[0]).to.deep.include({ status: 'synced' });
    expect(acme.asked).to.equal(1);
    await sync();
    expect(acme.asked).to.equal(2);
  });

  describe('by itself', () => {
    it('asks whose list is too old, or from another place', async () => {
      acme.lists = async () => [{ name: 'a' }];
      openai.lists = async () => Promise.reject(new ProviderError('network', 'away'));
      const names = async (of = world) => (await of.sync.syncDue(HOUR_MS)).map(({ provider }) => provider);
      expect(await names()).to.deep.equal(['acme', 'openai']);
      // One that failed is asked again.
      expect(await names()).to.deep.equal(['openai']);
      await rows(database().db, "UPDATE catalogue_state SET synced_at = now() - interval '61 minutes'");
      expect(await names()).to.include('acme');

      const moved = await startModelWorld(database(), {
        providers: [acme],
        endpoints: { acme: 'elsewhere' },
      });
      expect(await names(moved)).to.deep.equal(['acme']);
      expect(await names(moved)).to.deep.equal([]);
      await moved.close();
      expect(await names()).to.include('acme');
    });

    it('ends at once when its process stops, and changes nothing', async () => {
      const patient = await startModelWorld(database(), { providers: [acme], timeoutMs: 60_000 });
      const begun = defer<AbortSignal>();
      acme.lists = (signal) => {
        begun.resolve(signal);
        return new Promise(() => {});
      };
      const schedule = await startModelSyncSchedule({
        backend: { kind: 'postgres', url: database().url },
        everyMs: HOUR_MS,
        sync: (signal) => patient.sync.syncDue(0, signal),
        log: silentLog,
      });
      const signal = await begun.promise;
      await schedule.close();
      expect(signal.aborted).to.equal(true);
      expect(await world.sync.syncDue(0)).to.have.length(2);
      await patient.close();
    });

    const goesOn = (backend: () => Parameters<typeof startModelSyncSchedule>[0]['backend']) => async () => {
      let runs = 0;
      const start = () =>
        startModelSyncSchedule({
          backend: backend(),
          everyMs: 300,
          sync: async () => {
            runs += 1;
            if (runs === 1) throw new Error('the first one fails');
          },
          log: silentLog,
        });
      const [one, two] = await Promise.all([start(), start()]);
      await until('it ran at the start, and again', () => runs >= 4, 10_000);
      await one.close();
      const before = runs;
      await until('the other process goes on', () => runs >= before + 2, 10_000);
      await two.close();
      const after = runs;
      const three = await start();
      await until('it goes on after all were away', () => runs > after, 10_000);
      await three.close();
    };

    it(
      'again and again, on PostgreSQL',
      goesOn(() => ({ kind: 'postgres', url: database().url })),
    );

    describeWithRedis('again and again', () => {
      it('on Redis', async () => {
        const redis = await startRedis();
        try {
          await goesOn(() => ({ kind: 'redis', url: redis.url }))();
        } finally {
          await redis.close();
        }
      });
    });
  });
});
