import { monitorEventLoopDelay } from 'node:perf_hooks';
import { expect } from 'chai';
import type { AiEntity } from '../../src/contracts/routes/ai-entities.ts';
import { rows } from '../../src/data/database.ts';
import { changedAMinuteAgo } from '../support/changed-ago.ts';
import { useTestDatabase } from '../support/database.ts';
import type { RestClient } from '../support/rest-client.ts';
import { signUp } from '../support/test-user.ts';
import { startWebApp, type WebApp } from '../support/web-app.ts';

/** A relation, by `type/id`. */
const to = (name: string, label = 'see') => {
  const [type = '', id = ''] = name.split('/');
  return { type, id, label };
};

describe('registered records', () => {
  const database = useTestDatabase();
  let app: WebApp;
  let ann: RestClient;
  before(async () => {
    app = await startWebApp(database(), { RATE_LIMITS: 'off' });
  });
  after(() => app.close());
  beforeEach(async () => {
    ann = (await signUp(app)).at(app);
  });

  const put = (name: string, relations: object[] = [], rest: object = {}) =>
    ann.json<AiEntity>('PUT', `/ai/entities/${name}`, { title: name, relations, ...rest });
  const refused = (name: string, body: object, fields: string[], code = 'validation_failed' as const) =>
    ann.refused(code, ['PUT', `/ai/entities/${name}`, body], fields);
  const count = async () => {
    const sql = 'SELECT count(*)::int AS n FROM ai_entities WHERE user_id = $1';
    return (await rows<{ n: number }>(database().db, sql, [ann.userId]))[0]?.n;
  };

  it('are stored, replaced, read and forgotten', async () => {
    const data = { stage: 'won', amount: 12.5, contacts: [{ name: 'Ann' }], nothing: null };
    const stored = await put('opportunity/42', [to('company/7', 'customer')], { data });
    expect(stored).to.deep.include({ type: 'opportunity', id: '42', title: 'opportunity/42', data });
    expect(stored.relations).to.deep.equal([to('company/7', 'customer')]);
    expect(await ann.get('/ai/entities/opportunity/42')).to.deep.equal(stored);

    await changedAMinuteAgo(database(), 'ai_entities', '42');
    const replaced = await ann.json<AiEntity>('PUT', '/ai/entities/opportunity/42', { title: 'New' });
    expect(replaced).to.deep.include({ title: 'New', data: {}, relations: [], createdAt: stored.createdAt });
    expect(replaced.updatedAt >= stored.updatedAt).to.equal(true);

    await ann.delete('/ai/entities/opportunity/42');
    await ann.refused('not_found', ['GET', '/ai/entities/opportunity/42']);
    await ann.refused('not_found', ['DELETE', '/ai/entities/opportunity/42']);
  });

  it('have any text for an id, in the path as it is encoded', async () => {
    const id = 'a/b c?ü';
    await put(`note/${encodeURIComponent(id)}`);
    expect((await ann.get<AiEntity>(`/ai/entities/note/${encodeURIComponent(id)}`)).id).to.equal(id);
  });

  it('are of one user each', async () => {
    await put('note/1', [], { data: { of: 'ann' } });
    const bob = (await signUp(app)).at(app);
    await bob.refused('not_found', ['GET', '/ai/entities/note/1']);
    await bob.json('PUT', '/ai/entities/note/1', { title: 'Mine', relations: [to('note/1b')] });
    expect((await ann.get<AiEntity>('/ai/entities/note/1')).data).to.deep.equal({ of: 'ann' });
  });

  it('go with their user', async () => {
    await put('note/1');
    await ann.send('DELETE', '/user/account', { password: 'correct horse' });
    expect(await count()).to.equal(0);
  });

  describe('whose relations lead back', () => {
    it('to the record itself are refused', async () => {
      const relations = [to('note/2'), to('note/1')];
      const problem = await refused('note/1', { title: 'A', relations }, ['body.relations.1']);
      expect(problem.detail).to.equal('body.relations.1: points to the record itself: note/1 -> note/1');
      expect(await count()).to.equal(0);
    });

    it('over others are refused, with the circle in words; what was there stays', async () => {
      await put('note/2', [to('task/3')]);
      await put('task/3', [to('opportunity/1')]);
      await put('opportunity/1', [to('company/9')]);
      const relations = [to('company/9'), to('task/3'), to('note/2')];
      const problem = await refused('opportunity/1', { title: 'A', relations }, [
        'body.relations.1',
        'body.relations.2',
      ]);
      expect(problem.errors?.map(({ message }) => message)).to.deep.equal([
        'closes a circle: opportunity/1 -> task/3 -> opportunity/1',
        'closes a circle: opportunity/1 -> note/2 -> task/3 -> opportunity/1',
      ]);
      expect((await ann.get<AiEntity>('/ai/entities/opportunity/1')).relations).to.deep.equal([
        to('company/9'),
      ]);
    });

    it('are allowed once the circle is open: to what is not registered, or was forgotten, or points elsewhere', async () => {
      await put('note/1', [to('note/2')]);
      await put('note/3', [to('note/1')]);
      await put('note/2', [to('note/4')]);
      await put('note/1', []);
      await put('note/2', [to('note/3')]);
      await ann.delete('/ai/entities/note/2');
      await put('note/1', [to('note/2')]);
      await refused('note/2', { title: 'A', relations: [to('note/3')] }, ['body.relations.0']);
    });

    it('may meet: two ways to one record are no circle', async () => {
      await put('note/4');
      await put('note/2', [to('note/4')]);
      await put('note/3', [to('note/4')]);
      await put('note/1', [to('note/2'), to('note/3'), to('note/4')]);
    });

    it('cannot be closed by two that come at once', async () => {
      for (let round = 0; round < 10; round += 1) {
        const [a, b] = [`note/a${round}`, `note/b${round}`];
        const answers = await Promise.all([
          ann.send('PUT', `/ai/entities/${a}`, { title: 'A', relations: [to(b)] }),
          ann.send('PUT', `/ai/entities/${b}`, { title: 'B', relations: [to(a)] }),
        ]);
        expect(answers.map(({ status }) => status).sort()).to.deep.equal([200, 400]);
      }
    });

    it('are found over a long chain, and over many at once', async function () {
      this.timeout(20_000);
      const chain = Array.from({ length: 3_000 }, (_, n) => ({ id: `c${n}`, to: `c${n + 1}` }));
      await rows(
        database().db,
        `INSERT INTO ai_entities (user_id, type, id, title, data, relations)
         SELECT $1, 'note', c.id, 'x', '{}', jsonb_build_array(jsonb_build_object('type', 'note', 'id', c.to, 'label', 'l'))
           FROM json_to_recordset($2) AS c (id text, "to" text)`,
        [ann.userId, JSON.stringify(chain)],
      );
      const problem = await refused('note/c3000', { title: 'x', relations: [to('note/c0')] }, [
        'body.relations.0',
      ]);
      expect(problem.detail).to.match(
        /note\/c3000 -> note\/c0 -> .*… \(2994 more\) -> note\/c2999 -> note\/c3000$/,
      );
      await put('note/c3000', [to('note/other')]);
    });

    it('are found over thousands of steps with several records each', async function () {
      this.timeout(10_000);
      await rows(
        database().db,
        `INSERT INTO ai_entities (user_id, type, id, title, data, relations)
         SELECT $1, 'note', rpad('s' || n, 200, 'x'), 'x', '{}', (
                  SELECT jsonb_agg(jsonb_build_object('type', 'note', 'id', rpad('s' || n + k, 200, 'x'), 'label', 'l'))
                    FROM generate_series(1, 5) AS k)
           FROM generate_series(1, 9990) AS n`,
        [ann.userId],
      );
      await put('note/home', [to(`note/${'s1'.padEnd(200, 'x')}`)]);
    });

    it('are found for a hundred relations over all that a user may have, while the process goes on', async function () {
      this.timeout(20_000);
      const name = (n: number) => `n${n}`.padEnd(150, 'x');
      // A tree of 498 records with a hundred relations each, the last of which leads back.
      const tree = Array.from({ length: 498 }, (_, n) => ({
        id: name(n),
        relations: Array.from({ length: 100 }, (_, at) => to(`note/${name(n * 100 + at + 1)}`)),
      }));
      tree[497]?.relations.splice(99, 1, to('opportunity/A'));
      await rows(
        database().db,
        `INSERT INTO ai_entities (user_id, type, id, title, data, relations)
         SELECT $1, 'note', t.id, 'x', '{}', t.relations FROM json_to_recordset($2) AS t (id text, relations jsonb)`,
        [ann.userId, JSON.stringify(tree)],
      );
      const relations = Array.from({ length: 100 }, () => to(`note/${name(0)}`));
      // As many as an answer names.
      const fields = relations.slice(0, 50).map((_, at) => `body.relations.${at}`);
      const delays = monitorEventLoopDelay({ resolution: 5 });
      delays.enable();
      const problem = await refused('opportunity/A', { title: 'x', relations }, fields);
      delays.disable();
      expect(problem.errors?.at(-1)?.message).to.match(
        /opportunity\/A -> note\/n0x+ -> note\/n4x+ -> note\/n497x+ -> opportunity\/A$/,
      );
      expect(delays.max / 1e6).to.be.below(1_000);
    });
  });

  describe('that are not right', () => {
    const deep = (levels: number): object => (levels === 0 ? {} : { a: deep(levels - 1) });
    const BAD: [what: string, name: string, body: object, fields: string[]][] = [
      ['no title', 'note/1', {}, ['body.title']],
      ['a blank title', 'note/1', { title: ' ' }, ['body.title']],
      ['a type that is none', 'Note/1', { title: 'A' }, ['params.type']],
      ['an id that is too long', `note/${'x'.repeat(201)}`, { title: 'A' }, ['params.id']],
      ['data that is no object', 'note/1', { title: 'A', data: [1] }, ['body.data']],
      ['too much data', 'note/1', { title: 'A', data: { a: 'x'.repeat(65_536) } }, ['body.data']],
      ['data that is too deep', 'note/1', { title: 'A', data: deep(33) }, ['body.data']],
      [
        'too many relations',
        'note/1',
        { title: 'A', relations: Array.from({ length: 101 }, (_, n) => to(`note/n${n}`)) },
        ['body.relations'],
      ],
      [
        'a relation without a label',
        'note/1',
        { title: 'A', relations: [{ type: 'a', id: '1' }] },
        ['body.relations.0.label'],
      ],
      ['an unknown field', 'note/1', { title: 'A', owner: 'x' }, ['body.owner']],
    ];
    for (const [what, name, body, fields] of BAD) {
      it(`are refused: ${what}`, async () => {
        await refused(name, body, fields);
        expect(await count()).to.equal(0);
      });
    }

    it('are taken up to their bounds', async () => {
      await put(
        'note/1',
        Array.from({ length: 100 }, (_, n) => to(`note/n${n}`)),
        { data: deep(31) },
      );
      await put('note/2', [], { data: { a: 'x'.repeat(65_527) } });
    });

    it('are refused when a user has too many', async function () {
      this.timeout(20_000);
      await rows(
        database().db,
        `INSERT INTO ai_entities (user_id, type, id, title, data)
         SELECT $1, 'note', n::text, 'x', '{}' FROM generate_series(1, 10000) AS n`,
        [ann.userId],
      );
      const problem = await ann.refused('conflict', ['PUT', '/ai/entities/note/more', { title: 'A' }]);
      expect(problem.detail).to.equal('note/more is too much: a user may have at most 10000 records.');
      await put('note/1');
    });
  });
});
