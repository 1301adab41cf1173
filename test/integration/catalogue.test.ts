import { expect } from 'chai';
import { type Database, rows } from '../../src/data/database.ts';
import { createMemoryFeed, type MemoryFeed } from '../../src/feed/memory.ts';
import { createCatalogue } from '../../src/services/catalogue.ts';
import { useTestDatabase } from '../support/database.ts';
import { silentLog as log } from '../support/global.ts';
import { until } from '../support/until.ts';

const LONG_MS = 3_600_000;

describe('the catalogue of a process', () => {
  const database = useTestDatabase();
  let feed: MemoryFeed;
  let stops: (() => Promise<void>)[];

  beforeEach(() => {
    feed = createMemoryFeed();
    stops = [];
  });
  afterEach(async () => {
    for (const stop of stops) await stop();
    await feed.close();
    await rename('openai/gpt-4', 'gpt 4');
  });

  async function start(options: { pollMs?: number; database?: Pick<Database, 'db'> } = {}) {
    const catalogue = createCatalogue({
      database: database(),
      control: feed.control,
      log,
      served: ['openai'],
      pollMs: LONG_MS,
      ...options,
    });
    stops.push(catalogue.stop);
    await catalogue.start();
    return { ...catalogue, title: () => catalogue.directory.find('openai/gpt-4')?.title };
  }
  const rename = (id: string, title: string) =>
    rows(database().db, 'UPDATE models SET title = $2 WHERE id = $1', [id, title]);

  it('is there when it has started, prices and all', async () => {
    const { directory } = await start();
    expect(directory.find('openai/gpt-4')).to.deep.include({
      provider: 'openai',
      name: 'gpt-4',
      tier: 'paid',
      contextLength: 8_192,
      price: {
        creditsPer100Tokens: '20',
        usdPerMillionInput: '30',
        usdPerMillionCachedInput: '30',
        usdPerMillionOutput: '60',
      },
    });
    expect(directory.find('gemini/gemini-2.5-flash')).to.equal(undefined);
  });

  it('is read again when anybody says that it has changed', async () => {
    const [here, there] = [await start(), await start()];
    await rename('openai/gpt-4', 'New');
    expect(here.title()).to.equal('gpt 4');
    await here.changed();
    expect(here.title()).to.equal('New');
    await until('the other has heard it', () => there.title() === 'New');
  });

  it('is read again by itself, also after the database was away', async () => {
    let away = false;
    let refused = 0;
    const db = new Proxy(database().db, {
      get(target, key) {
        if (!away || key !== 'query') return Reflect.get(target, key);
        refused += 1;
        return () => Promise.reject(new Error('away'));
      },
    });
    const catalogue = await start({ pollMs: 20, database: { db } });
    away = true;
    await rename('openai/gpt-4', 'New');
    await until('it has tried twice', () => refused >= 2);
    expect(catalogue.title()).to.equal('gpt 4');
    expect(await catalogue.directory.findAdmitted('openai/none')).to.equal(undefined);
    away = false;
    await until('it knows', () => catalogue.title() === 'New');
  });

  it('is looked into once more for a model that another process admitted', async () => {
    const { directory } = await start();
    await rows(database().db, "UPDATE models SET id = 'openai/new' WHERE id = 'openai/gpt-4'");
    expect(directory.find('openai/new')).to.equal(undefined);
    expect(await directory.findAdmitted('openai/new')).to.include({ id: 'openai/new' });
    await rows(database().db, "UPDATE models SET id = 'openai/gpt-4' WHERE id = 'openai/new'");
  });

  it('is not read any more once it is stopped, however often', async () => {
    const catalogue = await start({ pollMs: 5 });
    await Promise.all([catalogue.stop(), catalogue.stop()]);
    await rename('openai/gpt-4', 'New');
    const other = await start();
    await other.changed();
    expect(catalogue.title()).to.equal('gpt 4');
  });
});
