import { expect } from 'chai';
import fc from 'fast-check';
import { rows } from '../../src/data/database.ts';
import { useTestDatabase } from '../support/database.ts';
import { createListingProvider, type ModelWorld, startModelWorld } from '../support/model-world.ts';
import type { RestClient } from '../support/rest-client.ts';

describe('whatever is asked of the catalogue', () => {
  const database = useTestDatabase();
  let world: ModelWorld;
  let admin: RestClient;
  let acme: ReturnType<typeof createListingProvider>;

  before(async () => {
    // Whatever changes the catalogue has it read again, whole: of the thousand models that come with it a few are enough.
    await rows(database().db, `DELETE FROM models WHERE id NOT LIKE 'openai/gpt-4%' RETURNING id`);
    acme = createListingProvider('acme');
    world = await startModelWorld(database(), { providers: [acme] });
    admin = await world.signUp('admin');
  });
  after(() => world.close());

  async function expectAnswered(answer: Response): Promise<void> {
    const text = await answer.text();
    expect(answer.status, text).to.be.within(200, 499);
    const type = answer.headers.get('content-type');
    expect(type).to.match(answer.status < 300 ? /^application\/json/ : /^application\/problem\+json/);
  }

  const anyText = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 20 }),
    fc.constantFrom(
      '',
      '%',
      '_',
      '\\',
      '0',
      '-1',
      '1e9',
      '99999999999',
      '0.00000000001',
      'NaN',
      '\0',
      'true',
    ),
    fc.constantFrom(
      'openai',
      'name',
      '-price',
      'code',
      'free',
      'vision',
      "'; DROP TABLE models; --",
      '__proto__',
    ),
  );
  const encoded = anyText.map((text) => encodeURIComponent(text.toWellFormed()));

  it('is answered in lists and by ids', async () => {
    const keys = [
      'provider',
      'category',
      'tier',
      'capability',
      'search',
      'sort',
      'cursor',
      'limit',
      'available',
    ].concat(['minContextLength', 'maxInputPrice', 'maxOutputPrice', 'other']);
    const pairs = fc.array(fc.tuple(fc.constantFrom(...keys), encoded), { maxLength: 3 });
    await fc.assert(
      fc.asyncProperty(pairs, fc.array(encoded, { maxLength: 4 }), async (query, parts) => {
        const search = query.map(([key, value]) => `${key}=${value}`).join('&');
        await expectAnswered(await admin.send('GET', `/models?${search}`));
        await expectAnswered(await admin.send('GET', `/models/${parts.join('/')}`));
      }),
      { numRuns: 100 },
    );
  });

  it('is answered in overrides, and what is taken can be read again', async () => {
    const value = fc.oneof(
      anyText,
      fc.jsonValue({ depthSize: 'small' }),
      fc.double(),
      fc.integer(),
      fc.constant(null),
      fc.subarray(['text', 'vision', 'temperature', 'maxTokens']),
    );
    const price = fc.dictionary(
      fc.constantFrom(
        'usdPerMillionInput',
        'usdPerMillionCachedInput',
        'usdPerMillionOutput',
        'creditsPer100Tokens',
      ),
      fc.oneof(
        value,
        fc.float({ min: 0, max: 100 }),
        fc.integer({ min: 0, max: 1_000_000 }).map((n) => n / 1e6),
      ),
      { maxKeys: 2 },
    );
    const body = fc.tuple(
      fc.dictionary(
        fc.constantFrom(
          ...[
            'title',
            'category',
            'tier',
            'contextLength',
            'maxOutputTokens',
            'capabilities',
            'parameters',
            'enabled',
          ],
        ),
        value,
        { maxKeys: 2 },
      ),
      fc.option(price),
    );
    const id = 'openai/gpt-4.1';
    let taken = 0;
    await fc.assert(
      fc.asyncProperty(body, async ([fields, prices]) => {
        const answer = await admin.send(
          'PATCH',
          `/admin/models/${id}`,
          prices ? { ...fields, price: prices } : fields,
        );
        if (answer.ok) taken += 1;
        const stored = answer.ok ? await answer.clone().json() : undefined;
        await expectAnswered(answer);
        if (stored) expect(await admin.get(`/models/${id}`)).to.deep.equal(stored);
      }),
      { numRuns: 100 },
    );
    expect(taken).to.be.above(10);
  });

  it('is taken over from providers, whatever they list', async () => {
    const number = fc.oneof(fc.integer(), fc.double());
    const model = fc.record(
      {
        name: anyText,
        title: anyText,
        contextLength: number,
        maxOutputTokens: number,
        usdPerMillionInput: fc.oneof(anyText, number.map(String)),
        usdPerMillionCachedInput: fc.oneof(anyText, number.map(String)),
        usdPerMillionOutput: fc.oneof(anyText, number.map(String)),
      },
      { requiredKeys: ['name'] },
    );
    await fc.assert(
      fc.asyncProperty(fc.array(model, { minLength: 1, maxLength: 20 }), async (listed) => {
        acme.lists = async () => listed;
        const [result] = (await world.sync.syncAll()).providers;
        expect(result?.status, JSON.stringify(result)).to.be.oneOf(['synced', 'empty']);
      }),
      { numRuns: 25 },
    );
    for (const { id } of await admin.all<{ id: string }>('/models?provider=acme&limit=100')) {
      await expectAnswered(await admin.send('GET', `/models/${encodeURIComponent(id)}`));
    }
  });
});
