import { expect } from 'chai';
import { newId } from '../../src/base/ids.ts';
import type { Message } from '../../src/contracts/message.ts';
import type { Profile } from '../../src/contracts/routes/user.ts';
import type { Session } from '../../src/contracts/session.ts';
import { type Db, rows } from '../../src/data/database.ts';
import { createMemoryFeed } from '../../src/feed/memory.ts';
import { userRoutes } from '../../src/http/routes/user.ts';
import { createExportUser } from '../../src/services/export-user.ts';
import { createLiveMessages } from '../../src/services/live-messages.ts';
import { createProfiles } from '../../src/services/profile.ts';
import { useTestDatabase } from '../support/database.ts';
import { silentLog } from '../support/global.ts';
import { bearer, startTestApp } from '../support/http-app.ts';
import { NO_LIMITS } from '../support/limits.ts';
import type { Listed, RestClient } from '../support/rest-client.ts';
import { seedMessages, seedOutcome } from '../support/seed-messages.ts';
import { signInAgain, signUp, type TestUser } from '../support/test-user.ts';
import { until } from '../support/until.ts';
import { startWebApp, type WebApp } from '../support/web-app.ts';

interface Exported {
  exportedAt: string;
  profile: Profile;
  account: Record<string, unknown>;
  balance: { balance: number; held: number };
  favorites: { modelId: string; createdAt: string }[];
  groups: { id: string; name: string }[];
  sessions: (Session & { messages: Message[] })[];
  generations: { id: string; messageId: string; sessionId: string; model: string }[];
  ledger: { kind: string; amount: number }[];
  usageByDay: Record<string, unknown>[];
  apiKeys: Record<string, unknown>[];
  signIns: Record<string, unknown>[];
  aiEntities: Record<string, unknown>[];
}

describe('the export of an account', () => {
  const database = useTestDatabase();
  let app: WebApp;
  let user: TestUser;
  let ann: RestClient;

  before(async () => {
    app = await startWebApp(database());
  });
  beforeEach(async () => {
    user = await signUp(app);
    ann = user.at(app);
  });
  after(() => app.close());

  const exported = () => ann.get<Exported>('/user/export');

  it('of a new account is what it began with', async () => {
    const { exportedAt, profile, account, balance, ledger, signIns, ...rest } = await exported();
    expect(new Date(exportedAt).toISOString()).to.equal(exportedAt);
    expect(profile).to.deep.equal(await ann.get('/user/profile'));
    expect(account).to.include({ isActive: true, googleId: null, hasPassword: true });
    expect(balance).to.deep.equal({ balance: 1_000, held: 0 });
    expect(ledger).to.have.length(1);
    expect(ledger[0]).to.include({ kind: 'grant', amount: 1_000 });
    expect(signIns).to.have.length(1);
    const empty = {
      favorites: [],
      groups: [],
      sessions: [],
      generations: [],
      usageByDay: [],
      apiKeys: [],
      aiEntities: [],
    };
    expect(rest).to.deep.equal(empty);
  });

  it('is a file with the day in its name', async () => {
    const answer = await ann.send('GET', '/user/export');
    expect(answer.headers.get('content-type')).to.equal('application/json; charset=utf-8');
    expect(answer.headers.get('content-disposition')).to.match(
      /^attachment; filename="parley \d{4}-\d\d-\d\d\.json"$/,
    );
    await answer.text();
  });

  it('holds everything as the routes show it', async () => {
    await ann.patch('/user/profile', { name: 'Ann', bio: 'Reads.', preferences: { theme: 'dark' } });
    const groups = [await ann.newGroup('One'), await ann.newGroup('Two "quoted" \u2028')];
    const sessions = [
      await ann.newSession({ title: 'First', groupId: groups[0]?.id }),
      await ann.newSession({ title: ']}' }),
      await ann.newSession(),
    ];
    const [first, second] = sessions as [Session, Session];
    const { replies } = await ann.say(first.id, 'What is "this"?\n]}');
    await seedOutcome(database().db, replies[0]?.id ?? '', { status: 'completed', content: 'That.' });
    await ann.say(second.id, 'Still waiting');
    const deleted = await ann.newSession();
    await ann.say(deleted.id, 'To be deleted');
    await ann.delete(`/sessions/${deleted.id}`);
    await ann.post('/user/favorites/echo');
    const key = await ann.post<{ id: string; prefix: string }>('/user/api-keys', {
      name: 'CI',
      scopes: ['chat'],
    });
    await signInAgain(app, user);
    const entities = [];
    for (const name of ['note/1', 'note/2', 'task/1']) {
      const record = { title: name, data: { b: 1, a: [']}'] }, relations: [] };
      entities.push(await ann.json<Record<string, unknown>>('PUT', `/ai/entities/${name}`, record));
    }

    const all = await exported();
    expect(all.aiEntities).to.deep.equal(entities);
    const profile = await ann.get<Profile>('/user/profile');
    expect(all.profile).to.deep.equal(profile);
    expect(profile).to.deep.include({ name: 'Ann', bio: 'Reads.', favoriteModels: ['echo'] });
    expect(all.favorites.map(({ modelId }) => modelId)).to.deep.equal(['echo']);
    expect(all.groups).to.deep.equal((await ann.get<Listed<object>>('/groups')).data);
    expect(all.sessions.map(({ id }) => id)).to.deep.equal(sessions.map(({ id }) => id));
    for (const { messages, ...session } of all.sessions) {
      const { data } = await ann.get<Listed<Message>>(`/messages/${session.id}`);
      expect(messages).to.deep.equal(data.reverse());
      const { messages: _messages, ...shown } = await ann.get<Session & { messages: Message[] }>(
        `/sessions/${session.id}`,
      );
      expect(session).to.deep.equal(shown);
    }
    expect(all.generations).to.have.length(3);
    expect(all.generations.map(({ sessionId }) => sessionId)).to.include(deleted.id);
    const { balance, held } = await ann.get<{ balance: number; held: number }>('/v1/balance');
    expect(all.balance).to.deep.equal({ balance, held });
    expect(all.ledger).to.deep.equal((await ann.get<Listed<object>>('/user/ledger')).data);
    expect(all.usageByDay).to.have.length(1);
    expect(all.usageByDay[0]).to.include({ model: 'echo', kind: 'reply', cancelled: 1 });
    expect(all.apiKeys).to.have.length(1);
    expect(all.apiKeys[0]).to.include({ id: key.id, name: 'CI', prefix: key.prefix, revokedAt: null });
    expect(all.signIns).to.have.length(2);
    expect(all.signIns[0]).to.have.all.keys('id', 'userAgent', 'createdAt', 'lastUsedAt', 'revokedAt');
  });

  it('holds every row of what there is much of', async () => {
    const { db } = database();
    const fill = (sql: string) => rows(db, `${sql} RETURNING 1`, [user.id]);
    const session = await ann.newSession();
    const messageIds = await seedMessages(db, { userId: user.id, sessionId: session.id, count: 401 });
    await fill(
      `INSERT INTO groups (id, user_id, name) SELECT gen_random_uuid(), $1, 'g' || n FROM generate_series(1, 401) n`,
    );
    await fill(
      `INSERT INTO sessions (id, user_id, model) SELECT gen_random_uuid(), $1, 'echo' FROM generate_series(1, 400) n`,
    );
    await fill(
      `INSERT INTO generations (id, user_id, session_id, model, kind, status, price, completed_at)
       SELECT gen_random_uuid(), $1, gen_random_uuid(), 'echo', 'title', 'completed', '{}', now() FROM generate_series(1, 400) n`,
    );
    await fill(
      `INSERT INTO ledger_entries (id, user_id, kind, amount, balance_after)
       SELECT gen_random_uuid(), $1, 'grant', 0, 1000 FROM generate_series(1, 399) n`,
    );
    await fill(
      `INSERT INTO usage_days (user_id, day, model, kind) SELECT $1, '2020-01-01'::date + n / 3, 'm' || n % 3, 'reply'
         FROM generate_series(1, 401) n`,
    );
    const all = await exported();
    const distinct = (items: object[], key: string) =>
      new Set(items.map((item) => (item as Record<string, unknown>)[key])).size;
    expect(distinct(all.groups, 'id')).to.equal(401);
    expect(distinct(all.sessions, 'id')).to.equal(401);
    expect(distinct(all.generations, 'id')).to.equal(400);
    expect(all.ledger).to.have.length(400);
    expect(new Set(all.usageByDay.map(({ day, model }) => `${day} ${model}`)).size).to.equal(401);
    const found = all.sessions.find(({ id }) => id === session.id);
    expect(found?.messages.map(({ id }) => id)).to.deep.equal(messageIds);
  });

  it('holds no secret, nor the hash of one', async () => {
    const { key } = await ann.post<{ key: string }>('/user/api-keys', { name: 'CI', scopes: ['chat'] });
    const answer = await fetch(`${app.url}/auth/login`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ email: user.email, password: user.password }),
    });
    const { accessToken, refreshToken } = (await answer.json()) as Record<string, string>;
    await rows(
      database().db,
      `INSERT INTO password_resets (id, user_id, token_hash, expires_at) VALUES ($1, $2, sha256('reset'), now()) RETURNING 1`,
      [newId(), user.id],
    );
    const hashes = await rows<{ hash: string | Buffer }>(
      database().db,
      `SELECT convert_to(password_hash, 'UTF8') AS hash FROM users WHERE id = $1
       UNION ALL SELECT token_hash FROM refresh_tokens JOIN refresh_families f ON f.id = family_id WHERE user_id = $1
       UNION ALL SELECT key_hash FROM api_keys WHERE user_id = $1
       UNION ALL SELECT token_hash FROM password_resets WHERE user_id = $1`,
      [user.id],
    );
    expect(hashes).to.have.length(5);
    const canaries = [user.password, user.token, key, accessToken, refreshToken].map(String);
    for (const { hash } of hashes) {
      const bytes = Buffer.from(hash);
      canaries.push(bytes.toString(), JSON.stringify(bytes).slice(10, 40));
      canaries.push(...(['hex', 'base64', 'base64url'] as const).map((form) => bytes.toString(form)));
    }
    const text = await (await ann.send('GET', '/user/export')).text();
    expect(text).to.contain(user.email);
    for (const canary of canaries) expect(text.includes(canary), canary).to.equal(false);
    expect(text).to.not.match(/argon2|hash/i);
  });

  it('holds nothing of anybody else', async () => {
    const bob = (await signUp(app)).at(app);
    const session = await bob.newSession({ title: 'Bob’s own' });
    await bob.newGroup('Bob’s group');
    await bob.say(session.id, 'Bob’s secret');
    const text = await (await ann.send('GET', '/user/export')).text();
    for (const foreign of [bob.userId, session.id, 'Bob']) expect(text).to.not.contain(foreign);
  });

  describe('of 20,000 messages', () => {
    const COUNT = 20_000;
    /** What a page of the export is, and so what is in memory at most beside the buffers of two sockets. */
    const PAGE = 200;
    let sessionId: string;

    beforeEach(async function () {
      this.timeout(60_000);
      sessionId = (await ann.newSession()).id;
      const content = 'x'.repeat(2_000);
      await seedMessages(database().db, { userId: user.id, sessionId, count: COUNT, content });
    });

    it('is read no further than the client takes it, and whole in the end', async () => {
      const served = await serve();
      const answer = await fetch(`${served.url}/user/export`, { headers: bearer(user.token) });
      const reader = (answer.body as ReadableStream<Uint8Array>).getReader();
      const chunks = [(await reader.read()).value];
      let [before, still] = [0, 0];
      await until('nothing more is read', () => {
        still = before === served.pages ? still + 1 : 0;
        before = served.pages;
        return still > 20;
      });
      // 400 kB each: some megabytes wait in the buffers.
      expect(served.pages).to.be.within(1, 40);
      for (let next = await reader.read(); !next.done; next = await reader.read()) chunks.push(next.value);
      expect(served.pages).to.be.within(COUNT / PAGE, COUNT / PAGE + 1);
      const all = JSON.parse(
        Buffer.concat(chunks.map((chunk) => chunk as Uint8Array)).toString(),
      ) as Exported;
      expect(all.sessions[0]?.messages).to.have.length(COUNT);
      await served.close();
    });

    it('is read no more when the client goes away', async () => {
      const served = await serve();
      const leave = new AbortController();
      const { url } = served;
      const answer = await fetch(`${url}/user/export`, { headers: bearer(user.token), signal: leave.signal });
      await answer.body?.getReader().read();
      leave.abort();
      await served.close();
      expect(served.pages).to.be.within(1, 40);
    });

    it('is cut off, not ended, when reading it fails', async () => {
      const served = await serve({
        page: 50,
        happens: () => Promise.reject(new Error('the database went away')),
      });
      await expectCut(served.url);
      await served.close();
    });

    it('is cut off, not ended, when the account is deleted meanwhile', async () => {
      const served = await serve({
        page: 50,
        happens: async () => {
          await rows(database().db, 'DELETE FROM users WHERE id = $1', [user.id]);
        },
      });
      await expectCut(served.url);
      await served.close();
    });

    async function expectCut(url: string): Promise<void> {
      const answer = await fetch(`${url}/user/export`, { headers: bearer(user.token) });
      expect(answer.status).to.equal(200);
      let text = '';
      let cut: unknown;
      try {
        for await (const chunk of answer.body as unknown as AsyncIterable<Uint8Array>) {
          text += Buffer.from(chunk).toString();
        }
      } catch (error) {
        cut = error;
      }
      expect(cut).to.be.instanceOf(TypeError);
      expect(() => JSON.parse(text)).to.throw(SyntaxError);
    }
  });

  /** The routes alone, over a database whose pages of messages are counted, and at one of which something happens. */
  async function serve(at?: { page: number; happens: () => Promise<void> }) {
    const db = Object.create(database().db) as Db;
    const counted = { ...database(), db };
    const state = { pages: 0 };
    db.query = (async (sql: string, params?: unknown[]) => {
      if (/FROM messages m .* ORDER BY m\.id LIMIT/s.test(sql)) {
        state.pages += 1;
        if (state.pages === at?.page) await at.happens();
      }
      return database().db.query(sql, params);
    }) as Db['query'];
    const feed = createMemoryFeed();
    const { present } = createLiveMessages({ database: counted, live: feed.live, inrPerUsd: 88 });
    const profiles = createProfiles({ database: counted, limits: NO_LIMITS, inrPerUsd: 88 });
    const unused = () => Promise.reject(new Error('not part of this'));
    const { url, close } = await startTestApp({
      database: database(),
      routes: [
        userRoutes({
          profiles,
          favorites: { list: unused, toggle: unused },
          exportUser: createExportUser({ database: counted, profiles, present, inrPerUsd: 88 }),
          deleteOwnAccount: unused,
          refreshCookie: { clear() {} },
          log: silentLog,
        }),
      ],
    });
    return Object.assign(state, {
      url,
      async close() {
        await close();
        await feed.close();
      },
    });
  }
});
