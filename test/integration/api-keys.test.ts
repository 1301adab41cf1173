import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import { z } from 'zod';
import { createLogger } from '../../src/base/logger.ts';
import { SCOPES, type Scope } from '../../src/contracts/permissions.ts';
import { defineRoute } from '../../src/contracts/route.ts';
import { apiKeySchema, type NewApiKey, newApiKeySchema } from '../../src/contracts/routes/api-keys.ts';
import type { SignedIn } from '../../src/contracts/routes/auth.ts';
import { rows } from '../../src/data/database.ts';
import { createMemoryFeed } from '../../src/feed/memory.ts';
import type { ControlBus } from '../../src/feed/ports.ts';
import { mountRoute } from '../../src/http/mount-route.ts';
import { createPruneRecords } from '../../src/services/prune-records.ts';
import { BAD_CURSORS } from '../support/bad-cursors.ts';
import { useTestDatabase } from '../support/database.ts';
import { expectProblem } from '../support/expect-problem.ts';
import { silentLog } from '../support/global.ts';
import { bearer, startTestApp, type TestApp } from '../support/http-app.ts';
import { RestClient } from '../support/rest-client.ts';
import { type SpiedDatabase, spyOn } from '../support/spied-database.ts';
import { until } from '../support/until.ts';

/** Says who asks. */
const whoAmI = defineRoute({
  method: 'get',
  path: '/who',
  summary: 'Who asks',
  tag: 'Test',
  access: 'user',
  scope: 'chat',
  answer: { status: 200, schema: z.unknown() },
});
const cataloguers = defineRoute({
  ...whoAmI,
  path: '/cataloguers',
  permission: 'models.manage',
  scope: 'admin',
});

describe('API keys', () => {
  const database = useTestDatabase();
  let spied: SpiedDatabase;
  let control: ControlBus;
  let app: TestApp;
  let other: TestApp;
  let owner: SignedIn;
  let owners: RestClient;
  let log = '';

  before(async () => {
    ({ control } = createMemoryFeed());
    spied = spyOn(database());
    const routes = [whoAmI, cataloguers].map((route) => (table: Parameters<typeof mountRoute>[0]) => {
      mountRoute(table, route, async (_input, { identity }) => identity);
    });
    const destination = {
      write(line: string) {
        log += line;
      },
    };
    app = await startTestApp({
      database: spied,
      control,
      routes,
      log: createLogger({ level: 'trace', pretty: false, destination }),
    });
    other = await startTestApp({ database: database(), control, routes });
  });
  after(() => Promise.all([app.close(), other.close()]));
  beforeEach(async () => {
    owner = await app.signUp();
    owners = clientOf(owner);
    log = '';
  });

  const clientOf = ({ user, accessToken }: SignedIn) =>
    new RestClient({ url: app.url, userId: user.id, token: accessToken });
  const make = (body: object = {}, client = owners): Promise<NewApiKey> =>
    client.post<NewApiKey>('/user/api-keys', { name: 'Key', scopes: ['chat'], ...body });
  const who = (key: string, to = app) => to.fetch('/who', { headers: bearer(key) });
  const forKeys = (asked: SpiedDatabase['asked']) => asked.filter(({ sql }) => sql.includes('api_keys'));
  const stored = async (id: string) => {
    const sql = 'SELECT row_to_json(api_keys) AS row, key_hash, last_used_at FROM api_keys WHERE id = $1';
    const [row] = await rows<{ row: object; key_hash: Buffer; last_used_at: Date | null }>(
      database().db,
      sql,
      [id],
    );
    return row;
  };

  describe('are made', () => {
    it('and shown once: what is stored, and listed, is a hash and how they begin', async () => {
      const answer = await owners.send('POST', '/user/api-keys', {
        name: ' My  script ',
        scopes: ['usage', 'chat'],
      });
      expect(answer.status).to.equal(201);
      expect(answer.headers.get('cache-control')).to.equal('no-store');
      const { key, ...shown } = newApiKeySchema.strict().parse(await answer.json());
      expect(key).to.match(/^pk_[\w-]{43}$/);
      expect(shown).to.include({
        name: 'My  script',
        prefix: key.slice(0, 11),
        expiresAt: null,
        lastUsedAt: null,
      });
      expect(shown.scopes).to.deep.equal(['usage', 'chat']);
      const { data, nextCursor } = await owners.get<{ data: unknown[]; nextCursor: null }>('/user/api-keys');
      expect(data.map((each) => apiKeySchema.strict().parse(each))).to.deep.equal([shown]);
      expect(nextCursor).to.equal(null);
      const row = await stored(shown.id);
      expect(row?.key_hash.equals(createHash('sha256').update(key).digest())).to.equal(true);
      expect(JSON.stringify(row?.row)).to.not.include(key.slice(11));
      expect((await make()).key).to.not.equal(key);
    });

    it('with an end in days, or at a moment, or without one', async () => {
      const dayMs = 86_400_000;
      const inDays = Date.parse((await make({ expiresInDays: 30 })).expiresAt ?? '') - Date.now();
      expect(inDays).to.be.within(30 * dayMs - 10_000, 30 * dayMs);
      const end = new Date(Date.now() + dayMs);
      expect((await make({ expiresAt: end.toISOString() })).expiresAt).to.equal(end.toISOString());
      const elsewhere = `${new Date(end.getTime() + 7_200_000).toISOString().slice(0, -1)}+02:00`;
      expect((await make({ expiresAt: elsewhere })).expiresAt).to.equal(end.toISOString());
    });

    it('not from what is wrong', async () => {
      const inDays = (days: number) => new Date(Date.now() + days * 86_400_000).toISOString();
      const wrong: [body: object, fields: string[]][] = [
        [{ name: '' }, ['body.name']],
        [{ name: 'a\nb' }, ['body.name']],
        [{ name: 'x'.repeat(101) }, ['body.name']],
        [{ scopes: undefined }, ['body.scopes']],
        [{ scopes: [] }, ['body.scopes']],
        [{ scopes: ['chat', 'chat'] }, ['body.scopes']],
        [{ scopes: ['chat', 'everything'] }, ['body.scopes.1']],
        [{ scopes: 'chat' }, ['body.scopes']],
        [{ expiresAt: 'tomorrow' }, ['body.expiresAt']],
        [{ expiresAt: inDays(-1) }, ['body.expiresAt']],
        [{ expiresAt: inDays(3_651) }, ['body.expiresAt']],
        [{ expiresInDays: 0 }, ['body.expiresInDays']],
        [{ expiresInDays: 3_651 }, ['body.expiresInDays']],
        [{ expiresInDays: 1.5 }, ['body.expiresInDays']],
        [{ expiresInDays: 1, expiresAt: inDays(1) }, ['body.expiresInDays']],
        [{ userId: crypto.randomUUID() }, ['body.userId']],
        [{ key: `pk_${'a'.repeat(43)}` }, ['body.key']],
        [{ lastUsedAt: null, id: crypto.randomUUID() }, ['body.id', 'body.lastUsedAt']],
      ];
      for (const [body, fields] of wrong) {
        const answer = await owners.send('POST', '/user/api-keys', {
          name: 'Key',
          scopes: ['chat'],
          ...body,
        });
        await expectProblem(answer, 'validation_failed', fields);
      }
      expect(await owners.all('/user/api-keys')).to.be.empty;
    });

    it('up to 50 that are good, also when many are made at once', async () => {
      await Promise.all(Array.from({ length: 45 }, () => make()));
      const answers = await Promise.all(
        Array.from({ length: 12 }, () =>
          owners.send('POST', '/user/api-keys', { name: 'K', scopes: ['ai'] }),
        ),
      );
      expect(answers.map(({ status }) => status).sort()).to.deep.equal([
        ...Array<number>(5).fill(201),
        ...Array<number>(7).fill(409),
      ]);
      await expectProblem(answers.find(({ status }) => status === 409) as Response, 'conflict');
      const all = await owners.all<{ id: string }>('/user/api-keys');
      expect(all).to.have.lengthOf(50);
      // Those that are no good any more do not count.
      const [revoked, expired] = all.map(({ id }) => id);
      await owners.delete(`/user/api-keys/${revoked}`);
      await rows(
        database().db,
        `UPDATE api_keys SET expires_at = now() - interval '1 second' WHERE id = $1`,
        [expired],
      );
      await make();
      await make();
      await expectProblem(
        await owners.send('POST', '/user/api-keys', { name: 'K', scopes: ['ai'] }),
        'conflict',
      );
      // Nor do those of others.
      await make({}, clientOf(await app.signUp()));
    });
  });

  it('are not made by whoever is deactivated or signed out while the request waits', async () => {
    const ends = [
      'UPDATE users SET is_active = false WHERE id = $1',
      'UPDATE refresh_families SET revoked_at = now() WHERE user_id = $1',
    ];
    for (const sql of ends) {
      const leaving = await app.signUp();
      let asking: Promise<Response> | undefined;
      await database().transaction(async (db) => {
        await rows(db, 'SELECT 1 FROM users WHERE id = $1 FOR UPDATE', [leaving.user.id]);
        asking = clientOf(leaving).send('POST', '/user/api-keys', { name: 'K', scopes: ['chat'] });
        await until('it waits', async () => {
          const waiting = `SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()`;
          return (await rows(database().db, waiting)).length > 0;
        });
        await rows(db, sql, [leaving.user.id]);
      });
      await expectProblem((await asking) as Response, 'token_revoked');
      const made = await rows(database().db, 'SELECT 1 FROM api_keys WHERE user_id = $1', [leaving.user.id]);
      expect(made).to.be.empty;
    }
  });

  it('are listed page by page, newest first, to their owner alone; the expired too, the revoked not', async () => {
    const made: NewApiKey[] = [];
    for (const name of ['one', 'two', 'three', 'four', 'five']) made.push(await make({ name }));
    const [one, two] = made;
    await rows(database().db, 'UPDATE api_keys SET expires_at = now() WHERE id = $1', [one?.id]);
    await owners.delete(`/user/api-keys/${two?.id}`);
    const listed = await owners.all<{ name: string }>('/user/api-keys?limit=2');
    expect(listed.map(({ name }) => name)).to.deep.equal(['five', 'four', 'three', 'one']);
    const stranger = clientOf(await app.signUp());
    expect(await stranger.all('/user/api-keys')).to.be.empty;
    for (const cursor of BAD_CURSORS) {
      await owners.refused('validation_failed', ['GET', `/user/api-keys?cursor=${cursor}`], ['query.cursor']);
    }
  });

  describe('sign in', () => {
    it('for their owner, as the bearer or in x-api-key, of which the bearer counts', async () => {
      const { id, key } = await make({ scopes: ['chat', 'ai'] });
      const expected = {
        userId: owner.user.id,
        role: 'user',
        familyId: id,
        tokenId: id,
        scopes: ['chat', 'ai'],
        expiresAt: Date.UTC(9999, 11, 31, 23, 59, 59, 999),
      };
      const inHeader = { 'x-api-key': key };
      const made: Record<string, string>[] = [
        bearer(key),
        { authorization: `bearer  ${key}` },
        inHeader,
        { ...inHeader, authorization: 'Basic eDp5' },
        { ...bearer(key), 'x-api-key': 'another' },
      ];
      for (const headers of made) {
        const answer = await app.fetch('/who', { headers });
        expect([answer.status, await answer.json()]).to.deep.equal([200, expected]);
      }
      const otherKey = { ...bearer(`pk_${'a'.repeat(43)}`), ...inHeader };
      await expectProblem(await app.fetch('/who', { headers: otherKey }), 'unauthenticated');
      await expectProblem(await app.fetch('/who', { headers: { 'x-api-key': ' ' } }), 'unauthenticated');
      await expectProblem(await app.fetch(`/who?key=${key}&api_key=${key}&token=${key}`), 'unauthenticated');
    });

    it('not when they are unknown, malformed, expired or revoked: each with its code, at one look at most', async () => {
      const [expired, revoked, both] = [await make(), await make(), await make()];
      await rows(database().db, 'UPDATE api_keys SET expires_at = now() WHERE id = ANY($1)', [
        [expired.id, both.id],
      ]);
      // As another process does it, of whose broadcast nothing is heard.
      await rows(database().db, 'UPDATE api_keys SET revoked_at = now() WHERE id = ANY($1)', [
        [revoked.id, both.id],
      ]);
      const { key } = await make();
      const last = key.at(-1) as string;
      const unknown = [`pk_${'a'.repeat(43)}`, key.slice(0, -1) + (last === 'A' ? 'E' : 'A')];
      const malformed = [
        'pk_',
        key.slice(0, -1),
        `${key}a`,
        `pk_${'!'.repeat(43)}`,
        `pk_${'a'.repeat(6_000)}`,
      ];
      const swapped = [key.toUpperCase(), key.slice(3), createHash('sha256').update(key).digest('base64url')];
      const cases: [
        keys: string[],
        code: 'unauthenticated' | 'token_expired' | 'token_revoked',
        looks: number,
      ][] = [
        [unknown, 'unauthenticated', 1],
        [[expired.key], 'token_expired', 1],
        [[revoked.key, both.key], 'token_revoked', 1],
        [[...malformed, ...swapped], 'unauthenticated', 0],
      ];
      for (const [keys, code, looks] of cases) {
        for (const each of keys) {
          spied.asked.length = 0;
          const problem = await expectProblem(await who(each), code);
          expect(forKeys(spied.asked), each.slice(0, 60)).to.have.lengthOf(looks);
          expect(JSON.stringify(problem)).to.not.include(each.slice(0, 11));
        }
      }
      expect((await who(key)).status).to.equal(200);
    });

    it('until they expire, while they are in use', async () => {
      const realNow = Date.now;
      const began = Date.now();
      try {
        Date.now = () => began;
        // Before what is known of a key is looked up again.
        const { key } = await make({ expiresAt: new Date(began + 4_000).toISOString() });
        Date.now = () => began + 3_999;
        expect((await who(key)).status).to.equal(200);
        Date.now = () => began + 4_000;
        await expectProblem(await who(key), 'token_expired');
      } finally {
        Date.now = realNow;
      }
    });

    it('until they are revoked, at once and in every process, by their owner alone', async () => {
      const [{ id, key }, kept] = [await make(), await make()];
      const stranger = clientOf(await app.signUp());
      await stranger.refused('not_found', ['DELETE', `/user/api-keys/${id}`]);
      await stranger.refused('not_found', ['DELETE', `/user/api-keys/${crypto.randomUUID()}`]);
      await stranger.refused('validation_failed', ['DELETE', '/user/api-keys/x'], ['params.keyId']);
      expect([(await who(key)).status, (await who(key, other)).status]).to.deep.equal([200, 200]);
      const answer = await owners.send('DELETE', `/user/api-keys/${id}`);
      expect([answer.status, await answer.text()]).to.deep.equal([204, '']);
      await expectProblem(await who(key), 'token_revoked');
      await expectProblem(await who(key, other), 'token_revoked');
      await owners.refused('not_found', ['DELETE', `/user/api-keys/${id}`]);
      expect((await who(kept.key)).status).to.equal(200);
      // Nor does signing out end a key.
      await owners.send('POST', '/auth/logout');
      expect((await who(kept.key)).status).to.equal(200);
    });

    it('not for an account that is deactivated, or gone', async () => {
      const { key } = await make();
      expect((await who(key)).status).to.equal(200);
      const change = async (sql: string) => {
        await rows(database().db, sql, [owner.user.id]);
        await control.publish('access-changed', { userId: owner.user.id });
      };
      await change('UPDATE users SET is_active = false WHERE id = $1');
      await expectProblem(await who(key), 'token_revoked');
      await change('UPDATE users SET is_active = true WHERE id = $1');
      expect((await who(key)).status).to.equal(200);
      await change('DELETE FROM ledger_entries WHERE user_id = $1');
      await change('DELETE FROM accounts WHERE user_id = $1');
      await change('DELETE FROM users WHERE id = $1');
      await expectProblem(await who(key), 'unauthenticated');
    });
  });

  describe('allow', () => {
    it('what they were made for, and neither keys nor anything of the account', async () => {
      const keys = new Map<Scope, string>();
      for (const scope of SCOPES) keys.set(scope, (await make({ scopes: [scope] })).key);
      const [{ id }] = (await owners.all<{ id: string }>('/user/api-keys')) as [{ id: string }];
      const all = (await make({ scopes: SCOPES })).key;
      for (const [scope, key] of keys) {
        if (scope === 'chat') expect((await who(key)).status).to.equal(200);
        else await expectProblem(await who(key), 'forbidden');
      }
      for (const key of [...keys.values(), all]) {
        const client = new RestClient({ url: app.url, userId: owner.user.id, token: key });
        await client.refused('forbidden', ['POST', '/user/api-keys', { name: 'K', scopes: ['chat'] }]);
        await client.refused('forbidden', ['GET', '/user/api-keys']);
        await client.refused('forbidden', ['DELETE', `/user/api-keys/${id}`]);
        for (const path of ['/auth/me', '/auth/profile', '/auth/verify'])
          await client.refused('forbidden', ['GET', path]);
        await client.refused('forbidden', ['POST', '/auth/logout']);
        await client.refused('unauthenticated', ['POST', '/auth/refresh']);
      }
      expect(await owners.all('/user/api-keys')).to.have.lengthOf(SCOPES.length + 1);
    });

    it('no more than the role of their owner at that moment, whatever their scopes', async () => {
      const { key } = await make({ scopes: SCOPES });
      const ask = () => app.fetch('/cataloguers', { headers: bearer(key) });
      const become = async (role: string) => {
        await rows(database().db, 'UPDATE users SET role = $2 WHERE id = $1', [owner.user.id, role]);
        await control.publish('access-changed', { userId: owner.user.id });
      };
      await expectProblem(await ask(), 'forbidden');
      await become('admin');
      expect((await ask()).status).to.equal(200);
      await become('viewer');
      await expectProblem(await ask(), 'forbidden');
    });
  });

  describe('at work', () => {
    it('cost a few statements for a hundred requests, one after the other and at once', async () => {
      const { id, key } = await make();
      spied.asked.length = 0;
      const atOnce = await Promise.all(Array.from({ length: 50 }, () => who(key)));
      expect(atOnce.every(({ status }) => status === 200)).to.equal(true);
      for (let n = 0; n < 50; n += 1) expect((await who(key)).status).to.equal(200);
      await until('the use is noted', async () => (await stored(id))?.last_used_at !== null);
      const kinds = forKeys(spied.asked).map(({ sql }) => sql.trim().split(' ')[0]);
      // A second look, should this have taken over 5 s.
      expect(kinds.filter((kind) => kind === 'SELECT')).to.have.lengthOf.within(1, 2);
      expect(kinds.filter((kind) => kind === 'UPDATE')).to.have.lengthOf(1);
      expect(kinds).to.have.lengthOf.at.most(3);
    });

    it('have their last use noted, beside the request that does not wait for it', async () => {
      const { id, key } = await make();
      await database().transaction(async (db) => {
        await rows(db, 'SELECT 1 FROM api_keys WHERE id = $1 FOR UPDATE', [id]);
        expect((await who(key)).status).to.equal(200);
        expect((await stored(id))?.last_used_at).to.equal(null);
      });
      await until('the use is noted', async () => (await stored(id))?.last_used_at !== null);
      const [listed] = await owners.all<{ lastUsedAt: string }>('/user/api-keys');
      expect(Date.now() - Date.parse(listed?.lastUsedAt ?? '')).to.be.within(-1_000, 5_000);
    });

    it('are in no log and no error, whatever happens to them', async () => {
      const { id, key } = await make({ name: 'canary-name' });
      await who(key);
      await app.fetch('/who', { headers: { 'x-api-key': key } });
      await expectProblem(await app.fetch('/auth/me', { headers: bearer(key) }), 'forbidden');
      await app.fetch(`/nowhere`, { headers: bearer(key) });
      await app.send(
        'POST',
        '/user/api-keys',
        { name: 'Key', scopes: ['chat'], key },
        { headers: bearer(key) },
      );
      await rows(database().db, 'ALTER TABLE api_keys RENAME TO api_keys_away');
      try {
        const fresh = `${key.slice(0, -4)}zzzz`;
        await expectProblem(await who(fresh), 'internal');
        expect(log).to.include('api_keys').and.not.include(fresh.slice(11));
        expect(log).to.not.include(createHash('sha256').update(fresh).digest('hex'));
      } finally {
        await rows(database().db, 'ALTER TABLE api_keys_away RENAME TO api_keys');
      }
      await owners.delete(`/user/api-keys/${id}`);
      await who(key);
      await sleep(0);
      expect(log.split('\n').filter((line) => line.includes('"request"'))).to.have.lengthOf.above(5);
      const hash = createHash('sha256').update(key);
      for (const secret of [key.slice(11), key.slice(3, 30), hash.digest('hex')])
        expect(log).to.not.include(secret);
    });
  });

  it('are deleted 90 days after they were revoked or expired', async () => {
    const ends: [column: string, days: number][] = [
      ['revoked_at', 89],
      ['revoked_at', 91],
      ['expires_at', 89],
      ['expires_at', 91],
    ];
    const made: string[] = [];
    for (const [column, days] of ends) {
      const { id } = await make();
      made.push(id);
      await rows(
        database().db,
        `UPDATE api_keys SET ${column} = now() - $2 * interval '1 day' WHERE id = $1`,
        [id, days],
      );
    }
    const { id: good } = await make();
    await createPruneRecords({ database: database(), usageRetentionDays: 0, log: silentLog })();
    const left = await rows<{ id: string }>(
      database().db,
      'SELECT id FROM api_keys WHERE user_id = $1 ORDER BY id',
      [owner.user.id],
    );
    expect(left.map(({ id }) => id)).to.deep.equal([made[0], made[2], good]);
  });
});
