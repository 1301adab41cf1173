import { expect } from 'chai';
import type { Model } from '../../src/contracts/model.ts';
import type { Profile } from '../../src/contracts/routes/user.ts';
import { rows } from '../../src/data/database.ts';
import { useTestDatabase } from '../support/database.ts';
import type { Listed, RestClient } from '../support/rest-client.ts';
import { signUp } from '../support/test-user.ts';
import { startWebApp, type WebApp } from '../support/web-app.ts';

describe('favourite models', () => {
  const database = useTestDatabase();
  let app: WebApp;
  let ann: RestClient;
  let ids: string[];

  before(async () => {
    app = await startWebApp(database(), { OPENAI_API_KEY: 'test' });
    ann = (await signUp(app)).at(app);
    ids = (await ann.all<Model>('/models?limit=100')).map(({ id }) => id);
  });
  beforeEach(async () => {
    ann = (await signUp(app)).at(app);
  });
  after(() => app.close());

  const toggle = (id: string, client = ann) =>
    client.post<{ modelId: string; favorite: boolean }>(`/user/favorites/${id}`);
  const marked = async (client = ann) => (await client.all<Model>('/user/favorites')).map(({ id }) => id);

  it('are marked and unmarked in turn', async () => {
    expect(await marked()).to.deep.equal([]);
    expect(await toggle('openai/gpt-4.1')).to.deep.equal({ modelId: 'openai/gpt-4.1', favorite: true });
    expect(await toggle('echo')).to.deep.equal({ modelId: 'echo', favorite: true });
    expect(await marked()).to.deep.equal(['echo', 'openai/gpt-4.1']);
    expect((await ann.get<Profile>('/user/profile')).favoriteModels).to.deep.equal([
      'echo',
      'openai/gpt-4.1',
    ]);
    expect(await toggle('openai/gpt-4.1')).to.deep.equal({ modelId: 'openai/gpt-4.1', favorite: false });
    expect(await marked()).to.deep.equal(['echo']);
  });

  it('are found by bare names and encoded ids, as one model', async () => {
    expect(await toggle('gpt-4.1')).to.deep.equal({ modelId: 'openai/gpt-4.1', favorite: true });
    expect(await toggle('openai%2Fgpt-4.1')).to.deep.equal({ modelId: 'openai/gpt-4.1', favorite: false });
    expect(await toggle('echo/echo')).to.deep.equal({ modelId: 'echo', favorite: true });
  });

  it('are shown as the catalogue shows them, page by page', async () => {
    const some = ids.filter((_, n) => n % 7 === 0).slice(0, 25);
    for (const id of some) await toggle(id);
    const shown = await ann.all<Model>('/user/favorites?limit=10');
    expect(shown.map(({ id }) => id))
      .to.have.members(some)
      .and.have.length(some.length);
    for (const model of shown.slice(0, 5)) expect(await ann.get(`/models/${model.id}`)).to.deep.equal(model);
    // base64url of ["a\u0000"]: no text that PostgreSQL could look for.
    for (const cursor of ['x', 'WyJhXHUwMDAwIl0']) {
      await ann.refused('validation_failed', ['GET', `/user/favorites?cursor=${cursor}`], ['query.cursor']);
    }
  });

  it('that are gone at their provider are shown as such, and can be unmarked', async () => {
    const id = 'openai/gpt-4.1-mini';
    await toggle(id);
    await rows(database().db, 'UPDATE models SET enabled = false, vanished_at = now() WHERE id = $1', [id]);
    const { data } = await ann.get<Listed<Model>>('/user/favorites');
    expect(data.map((model) => [model.id, model.enabled, model.available])).to.deep.equal([
      [id, false, false],
    ]);
    expect(await toggle(id)).to.deep.equal({ modelId: id, favorite: false });
    await rows(database().db, 'UPDATE models SET enabled = true, vanished_at = NULL WHERE id = $1', [id]);
    const unknown = 'a-former/provider';
    await rows(database().db, 'INSERT INTO favorite_models (user_id, model_id) VALUES ($1, $2) RETURNING 1', [
      ann.userId,
      unknown,
    ]);
    expect(await marked()).to.deep.equal([]);
    expect(await toggle(unknown)).to.deep.equal({ modelId: unknown, favorite: false });
  });

  it('must be models', async () => {
    for (const id of ['nothing', 'openai/nothing', 'a/b/c/d', '%20', 'constructor', '..%2f..%2fetc']) {
      await ann.refused('not_found', ['POST', `/user/favorites/${id}`]);
    }
    await ann.refused(
      'validation_failed',
      ['POST', `/user/favorites/${'x'.repeat(201)}`],
      ['params.modelId'],
    );
    await ann.refused('validation_failed', ['POST', '/user/favorites/a%00b'], ['params.modelId']);
    expect(await marked()).to.deep.equal([]);
  });

  it('are 500 at most, also when the last are marked at once', async () => {
    await rows(
      database().db,
      `INSERT INTO favorite_models (user_id, model_id) SELECT $1, 'made-up/' || n FROM generate_series(1, 497) n RETURNING 1`,
      [ann.userId],
    );
    const answers = await Promise.all(
      ids.slice(0, 10).map((id) => ann.send('POST', `/user/favorites/${encodeURIComponent(id)}`)),
    );
    const statuses = answers.map(({ status }) => status);
    expect(statuses.filter((status) => status === 200)).to.have.length(3);
    expect(statuses.filter((status) => status === 409)).to.have.length(7);
    const [{ count }] = (await rows<{ count: number }>(
      database().db,
      'SELECT count(*)::int AS count FROM favorite_models WHERE user_id = $1',
      [ann.userId],
    )) as [{ count: number }];
    expect(count).to.equal(500);
  });

  it('are each user’s own', async () => {
    const bob = (await signUp(app)).at(app);
    await toggle('echo');
    expect(await marked(bob)).to.deep.equal([]);
    expect(await toggle('echo', bob)).to.deep.equal({ modelId: 'echo', favorite: true });
    expect(await toggle('echo', bob)).to.deep.equal({ modelId: 'echo', favorite: false });
    expect(await marked()).to.deep.equal(['echo']);
  });

  it('toggled at once end as often as they were toggled', async () => {
    for (const times of [4, 5]) {
      await Promise.all(Array.from({ length: times }, () => toggle('openai/gpt-4')));
      expect(await marked(), `${times} times`).to.have.length(times % 2);
    }
  });
});
