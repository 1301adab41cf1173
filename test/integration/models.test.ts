import { expect } from 'chai';
import { type Model, modelSchema } from '../../src/contracts/model.ts';
import type { ModelCategoryCount, ModelProvider } from '../../src/contracts/routes/models.ts';
import { loadModelSnapshot } from '../../src/data/model-snapshot.ts';
import { BAD_CURSORS } from '../support/bad-cursors.ts';
import { useTestDatabase } from '../support/database.ts';
import { expectProblem } from '../support/expect-problem.ts';
import { createListingProvider, type ModelWorld, startModelWorld } from '../support/model-world.ts';
import type { Listed, RestClient } from '../support/rest-client.ts';
import { until } from '../support/until.ts';

const GPT = '/models/openai/gpt-4.1';
const ADMIN_GPT = '/admin/models/openai/gpt-4.1';

describe('the catalogue of models', () => {
  const database = useTestDatabase();
  let world: ModelWorld;
  let ann: RestClient;
  let admin: RestClient;

  before(async () => {
    world = await startModelWorld(database(), {
      providers: [createListingProvider('echo'), createListingProvider('openai')],
      env: { ADMIN_EMAIL: 'Boss@Example.com' },
    });
    ann = await world.signUp();
    admin = await world.signUp('admin');
  });
  after(() => world.close());

  const idsOf = (models: Model[]) => models.map(({ id }) => id);
  const all = (query: string) => ann.all<Model>(`/models?limit=100&${query}`);

  describe('as it is shipped', () => {
    it('has every model of the snapshot, and echo', async () => {
      const { models } = await loadModelSnapshot();
      const listed = await all('');
      expect(listed).to.have.length(models.length).above(500);
      for (const model of listed) modelSchema.strict().parse(model);
      expect(listed.find(({ id }) => id === 'echo')).to.deep.include({ tier: 'free', available: true });
    });

    it("has the customer's prices", async () => {
      const creditsOf = async (id: string) =>
        (await ann.get<Model>(`/models/${id}`)).price.creditsPer100Tokens;
      expect(await creditsOf('openai/gpt-4')).to.equal(20);
      expect(await creditsOf('gemini/gemini-2.5-flash')).to.equal(10);
      expect(await creditsOf('openai/gpt-4.1')).to.equal(1);
      expect(await creditsOf('echo')).to.equal(1);
    });
  });

  describe('one model', () => {
    it('is found by its id, with its slashes plain or encoded, with and without /api', async () => {
      const model = await ann.get<Model>(GPT);
      expect(model).to.deep.include({
        id: 'openai/gpt-4.1',
        provider: 'openai',
        name: 'gpt-4.1',
        tier: 'paid',
        contextLength: 1_000_000,
        enabled: true,
        available: true,
        source: 'snapshot',
      });
      expect(model.price).to.deep.equal({
        usdPerMillionInput: 2,
        usdPerMillionCachedInput: 0.5,
        usdPerMillionOutput: 8,
        creditsPer100Tokens: 1,
      });
      for (const path of [`/api${GPT}`, '/models/openai%2Fgpt-4.1', '/api/models/openai%2Fgpt-4.1']) {
        expect(await ann.get<Model>(path), path).to.deep.equal(model);
      }
      const deep = await ann.get<Model>('/models/openrouter/openai%2Fgpt-4o');
      expect(deep).to.deep.include({ id: 'openrouter/openai/gpt-4o', available: false });
    });

    it('is found by a bare name, where that is one', async () => {
      const named = async (name: string) => (await ann.get<Model>(`/models/${name}`)).id;
      expect(await named('gpt-4.1')).to.equal('openai/gpt-4.1');
      expect(await named('gemini-flash')).to.match(/^gemini\/gemini-[\d.]+-flash$/);
      const { id } = await admin.patch<Model>('/admin/models/gpt-4.1', { title: 'Four' });
      expect(id).to.equal('openai/gpt-4.1');
      await admin.patch('/admin/models/openai/gpt-4.1', { title: null });
    });

    it('costs as much for cached input as for input where nobody says otherwise', async () => {
      const { price } = await ann.get<Model>('/models/openai/gpt-4');
      expect(price.usdPerMillionCachedInput).to.equal(price.usdPerMillionInput).and.equal(30);
    });

    it('that is not there is not found', async () => {
      for (const id of ['openai/nothing', 'nothing', 'openai', '%2F', 'a/b/c/d', "';--", 'x'.repeat(200)]) {
        await ann.refused('not_found', ['GET', `/models/${id}`]);
      }
      await ann.refused('validation_failed', ['GET', `/models/${'x'.repeat(201)}`], ['params.modelId']);
      await ann.refused('validation_failed', ['GET', '/models/a%00b'], ['params.modelId']);
    });
  });

  describe('a list', () => {
    it('is filtered by what is asked, all of it at once', async () => {
      const everything = await all('');
      const checks: [query: string, isIn: (model: Model) => boolean][] = [
        ['provider=openai', ({ provider }) => provider === 'openai'],
        ['category=code', ({ category }) => category === 'code'],
        ['tier=free', ({ tier }) => tier === 'free'],
        ['capability=vision', ({ capabilities }) => capabilities.includes('vision')],
        ['minContextLength=1000000', ({ contextLength }) => (contextLength ?? 0) >= 1_000_000],
        ['maxInputPrice=0.1', ({ price }) => price.usdPerMillionInput <= 0.1],
        ['maxOutputPrice=0', ({ price }) => price.usdPerMillionOutput === 0],
        ['available=true', ({ available }) => available],
        ['available=false', ({ available }) => !available],
        ['search=GPT-4.1', ({ id, title }) => /gpt-4\.1/i.test(id) || /gpt-4\.1/i.test(title)],
        [
          'provider=openrouter&tier=paid&capability=tools&maxOutputPrice=1',
          (model) =>
            model.provider === 'openrouter' &&
            model.tier === 'paid' &&
            model.capabilities.includes('tools') &&
            model.price.usdPerMillionOutput <= 1,
        ],
      ];
      for (const [query, isIn] of checks) {
        const expected = everything.filter(isIn);
        expect(expected, query).to.not.have.length(0).and.not.have.length(everything.length);
        expect(idsOf(await all(query)), query).to.have.members(idsOf(expected));
      }
      // A pattern is not a search.
      expect(await all('search=%25')).to.deep.equal([]);
      expect(await all('provider=nobody')).to.deep.equal([]);
    });

    it('is in the order that is asked, either way, whatever the size of a page', async () => {
      const keys: Record<string, (model: Model) => number> = {
        price: ({ price }) => price.usdPerMillionInput + price.usdPerMillionOutput,
        context: ({ contextLength }) => contextLength ?? 0,
      };
      for (const [sort, keyOf] of Object.entries(keys)) {
        const up = await all(`sort=${sort}`);
        const values = up.map(keyOf);
        for (const [index, value] of values.entries()) {
          expect(value).to.be.at.least((values[index - 1] ?? 0) - 1e-9);
        }
        expect(idsOf(await all(`sort=-${sort}`)), sort).to.deep.equal(idsOf(up).reverse());
        const small = await ann.all<Model>(`/models?provider=openai&limit=7&sort=${sort}`);
        expect(idsOf(small)).to.deep.equal(idsOf(await all(`provider=openai&sort=${sort}`)));
      }
      const byName = await all('');
      expect(idsOf(await all('sort=-name'))).to.deep.equal(idsOf(byName).reverse());
      expect(new Set(idsOf(byName))).to.have.property('size', byName.length);
      expect(idsOf(await ann.all<Model>('/models?limit=99'))).to.deep.equal(idsOf(byName));
    });

    it('of a category is a path of its own', async () => {
      const code = await ann.all<Model>('/models/category/code?limit=100&provider=openrouter');
      expect(idsOf(code)).to.deep.equal(idsOf(await all('category=code&provider=openrouter')));
      await ann.refused('validation_failed', ['GET', '/models/category/nothing'], ['params.category']);
      await ann.refused(
        'validation_failed',
        ['GET', '/models/category/code?category=code'],
        ['query.category'],
      );
    });

    it('refuses what it cannot be asked, naming the field', async () => {
      for (const [query, field] of [
        ['limit=0', 'limit'],
        ['limit=101', 'limit'],
        ['category=nothing', 'category'],
        ['tier=gold', 'tier'],
        ['capability=flight', 'capability'],
        ['sort=id', 'sort'],
        ['sort=price;DROP', 'sort'],
        ['minContextLength=1.5', 'minContextLength'],
        ['minContextLength=0x10', 'minContextLength'],
        ['minContextLength=%2016', 'minContextLength'],
        ['minContextLength=1e5', 'minContextLength'],
        ['minContextLength=', 'minContextLength'],
        ['minContextLength=99999999999', 'minContextLength'],
        ['maxInputPrice=-1', 'maxInputPrice'],
        ['maxInputPrice=1e3', 'maxInputPrice'],
        ['maxOutputPrice=NaN', 'maxOutputPrice'],
        ['maxOutputPrice=', 'maxOutputPrice'],
        ['available=yes', 'available'],
        ['search=', 'search'],
        ['other=1', 'other'],
      ]) {
        await ann.refused('validation_failed', ['GET', `/models?${query}`], [`query.${field}`]);
      }
      for (const cursor of BAD_CURSORS) {
        await ann.refused('validation_failed', ['GET', `/models?cursor=${cursor}`], ['query.cursor']);
      }
    });
  });

  describe('in numbers', () => {
    it('by provider', async () => {
      const { data, nextCursor } = await ann.get<Listed<ModelProvider>>('/models/providers');
      expect(nextCursor).to.equal(null);
      expect(data.map(({ provider }) => provider)).to.deep.equal([
        'anthropic',
        'echo',
        'gemini',
        'huggingface',
        'openai',
        'openrouter',
      ]);
      const openai = data.find(({ provider }) => provider === 'openai');
      const models = (await all('provider=openai')).length;
      expect(openai).to.deep.equal({
        provider: 'openai',
        configured: true,
        models,
        available: models,
        syncedAt: null,
      });
      expect(data.find(({ provider }) => provider === 'gemini')).to.include({
        configured: false,
        available: 0,
      });
    });

    it('by category, the empty ones too', async () => {
      const { data } = await ann.get<Listed<ModelCategoryCount>>('/models/categories');
      expect(data.map(({ category }) => category)).to.deep.equal([
        'general',
        'reasoning',
        'code',
        'vision',
        'other',
      ]);
      for (const { category, models } of data) {
        expect((await all(`category=${category}`)).length, category).to.equal(models);
      }
    });
  });

  describe('providers and categories', () => {
    for (const path of ['/models/providers', '/models/categories']) {
      it(`come in pages, like every list: ${path}`, async () => {
        const whole = await ann.get<Listed<object>>(path);
        expect(whole.nextCursor).to.equal(null);
        for (const limit of [1, 2, whole.data.length]) {
          const found: object[] = [];
          let cursor: string | null = '';
          while (cursor !== null) {
            const from: string = cursor && `&cursor=${cursor}`;
            const page: Listed<object> = await ann.get(`${path}?limit=${limit}${from}`);
            expect(page.data).to.have.lengthOf.within(1, limit);
            found.push(...page.data);
            cursor = page.nextCursor;
          }
          expect(found).to.deep.equal(whole.data);
        }
      });

      it(`refuse what no list takes: ${path}`, async () => {
        const other = Buffer.from('[1]').toString('base64url');
        for (const [query, field] of [
          ['limit=0', 'limit'],
          ['limit=101', 'limit'],
          ['cursor=x', 'cursor'],
          [`cursor=${other}`, 'cursor'],
          ['other=1', 'other'],
        ]) {
          await ann.refused('validation_failed', ['GET', `${path}?${query}`], [`query.${field}`]);
        }
      });
    }
  });

  describe('an admin', () => {
    it('says what holds, field by field, and takes it back', async () => {
      const before = await ann.get<Model>(GPT);
      const changes = {
        title: 'The good one',
        category: 'code',
        tier: 'free',
        contextLength: 5_000,
        maxOutputTokens: 500,
        capabilities: ['text'],
        parameters: ['maxTokens'],
      };
      const price = { usdPerMillionInput: 0.0000000001, creditsPer100Tokens: 0.5 };
      const changed = await admin.patch<Model>(ADMIN_GPT, { ...changes, price });
      expect(changed).to.deep.include({ ...changes, source: 'admin' });
      expect(changed.price).to.deep.equal({ ...before.price, ...price });
      expect(await ann.get<Model>(GPT)).to.deep.equal(changed);

      const less = await admin.patch<Model>('/api/admin/models/openai%2Fgpt-4.1', {
        title: null,
        price: { usdPerMillionInput: null },
      });
      expect(less.title).to.equal(before.title);
      expect(less.price).to.deep.equal({ ...before.price, creditsPer100Tokens: 0.5 });
      expect(less.category).to.equal('code');

      const nulls = Object.fromEntries(Object.keys(changes).map((key) => [key, null]));
      const after = await admin.patch<Model>(ADMIN_GPT, { ...nulls, price: { creditsPer100Tokens: null } });
      expect({ ...after, updatedAt: '' }).to.deep.equal({ ...before, updatedAt: '' });
      expect(await admin.patch<Model>(ADMIN_GPT, {})).to.deep.include({ source: 'snapshot' });
    });

    it('switches a model off and on, for every process', async () => {
      const { catalogue, elsewhere } = world;
      expect(await admin.patch<Model>(ADMIN_GPT, { enabled: false })).to.include({
        enabled: false,
        available: false,
      });
      expect(catalogue.directory.find('openai/gpt-4.1')).to.equal(undefined);
      await until('the other process knows', () => !elsewhere.directory.find('openai/gpt-4.1'));
      expect(() => catalogue.directory.resolve('gpt-4.1', 'body.model')).to.throw(/is switched off/);
      expect(await admin.patch<Model>(ADMIN_GPT, { enabled: null })).to.include({ available: true });
      expect(catalogue.directory.resolve('gpt-4.1', 'body.model').id).to.equal('openai/gpt-4.1');
      await until('the other process knows', () => !!elsewhere.directory.find('openai/gpt-4.1'));
    });

    it('is refused what makes no sense, naming the field, and nothing is changed', async () => {
      const before = await ann.get<Model>(GPT);
      const refused: [body: unknown, ...fields: string[]][] = [
        [{ price: { usdPerMillionInput: -0.01 } }, 'body.price.usdPerMillionInput'],
        [{ price: { usdPerMillionOutput: 1e-11 } }, 'body.price.usdPerMillionOutput'],
        [{ price: { usdPerMillionCachedInput: 0.12345678901 } }, 'body.price.usdPerMillionCachedInput'],
        [{ price: { usdPerMillionInput: 1e300 } }, 'body.price.usdPerMillionInput'],
        [{ price: { usdPerMillionInput: '1' } }, 'body.price.usdPerMillionInput'],
        [{ price: { creditsPer100Tokens: 0.0000001 } }, 'body.price.creditsPer100Tokens'],
        [{ price: { creditsPer100Tokens: 1.1234567 } }, 'body.price.creditsPer100Tokens'],
        [{ price: { creditsPer100Tokens: -0.000001 } }, 'body.price.creditsPer100Tokens'],
        [{ price: { creditsPer100Tokens: 1e9 + 1 } }, 'body.price.creditsPer100Tokens'],
        [{ price: { creditsPer100Tokens: '5' } }, 'body.price.creditsPer100Tokens'],
        [{ price: { usdPerMillionCachedInput: -1 } }, 'body.price.usdPerMillionCachedInput'],
        [{ price: { usdPerMillionOutput: -1e-10 } }, 'body.price.usdPerMillionOutput'],
        [{ price: { usdPerMillionOutput: 1e9 + 1 } }, 'body.price.usdPerMillionOutput'],
        [
          {
            enabled: false,
            price: { usdPerMillionInput: 2, usdPerMillionOutput: -1, creditsPer100Tokens: -1 },
          },
          'body.price.usdPerMillionOutput',
          'body.price.creditsPer100Tokens',
        ],
        [{ price: { perToken: 1 } }, 'body.price.perToken'],
        [{ price: null }, 'body.price'],
        [{ title: '' }, 'body.title'],
        [{ title: 'a\nb' }, 'body.title'],
        [{ category: 'toys' }, 'body.category'],
        [{ tier: 'gold' }, 'body.tier'],
        [{ contextLength: 0 }, 'body.contextLength'],
        [{ contextLength: 3e9 }, 'body.contextLength'],
        [{ maxOutputTokens: 1.5 }, 'body.maxOutputTokens'],
        [{ capabilities: ['text', 'text'] }, 'body.capabilities'],
        [{ capabilities: ['flight'] }, 'body.capabilities.0'],
        [{ parameters: ['systemPrompt'] }, 'body.parameters.0'],
        [{ enabled: 'no' }, 'body.enabled'],
        [{ id: 'x' }, 'body.id'],
        [{ enabled: false, provider: 'x' }, 'body.provider'],
      ];
      for (const [body, ...fields] of refused) {
        await admin.refused('validation_failed', ['PATCH', ADMIN_GPT, body], fields);
      }
      // What JSON cannot say, JavaScript reads as infinite.
      for (const field of Object.keys(before.price)) {
        for (const infinite of ['1e999', '-1e999']) {
          const answer = await fetch(`${admin.url}${ADMIN_GPT}`, {
            method: 'PATCH',
            headers: { 'content-type': 'application/json', authorization: admin.authorization },
            body: `{"enabled":false,"price":{"${field}":${infinite}}}`,
          });
          await expectProblem(answer, 'validation_failed', [`body.price.${field}`]);
        }
      }
      expect(await ann.get<Model>(GPT)).to.deep.equal(before);
      await admin.refused('not_found', ['PATCH', '/admin/models/openai/nothing', { enabled: false }]);
    });

    it('is who registers with the address of the configuration, whatever its case', async () => {
      const register = (email: string) =>
        world.app.send('POST', '/auth/register', { email, password: 'correct horse' });
      const roleOf = async (answer: Response) =>
        ((await answer.json()) as { user: { role: string } }).user.role;
      expect(await roleOf(await register('boss@example.COM'))).to.equal('admin');
      expect(await roleOf(await register('boss@example.org'))).to.equal('user');
    });
  });

  it('needs a signed-in user, and a permission to be changed', async () => {
    for (const path of ['/models', GPT, '/models/providers', '/models/categories', '/models/category/code']) {
      await expectProblem(await world.app.fetch(path), 'unauthenticated');
    }
    await expectProblem(await world.app.send('PATCH', ADMIN_GPT, {}), 'unauthenticated');
    for (const role of ['user', 'premium', 'editor', 'viewer']) {
      const other = await world.signUp(role);
      await other.refused('forbidden', ['PATCH', ADMIN_GPT, { enabled: false }]);
      await other.refused('forbidden', ['PATCH', ADMIN_GPT, { nonsense: 1 }]);
      await other.refused('forbidden', ['POST', '/models/sync']);
    }
    expect((await ann.get<Model>(GPT)).enabled).to.equal(true);
  });
});
