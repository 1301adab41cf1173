import { expect } from 'chai';
import { newId } from '../../src/base/ids.ts';
import type { RoomEventName } from '../../src/contracts/events.ts';
import type { Balance } from '../../src/contracts/routes/balance.ts';
import { rows } from '../../src/data/database.ts';
import type { ControlBus } from '../../src/feed/ports.ts';
import { createPruneRecords } from '../../src/services/prune-records.ts';
import { createRevocations } from '../../src/services/revocations.ts';
import { ChatClient } from '../support/chat-client.ts';
import { useTestDatabase } from '../support/database.ts';
import { EventStreamClient } from '../support/event-stream-client.ts';
import { silentLog } from '../support/global.ts';
import { expectInvariants } from '../support/invariants.ts';
import type { RestClient } from '../support/rest-client.ts';
import { seedOutcome } from '../support/seed-messages.ts';
import { signInAgain, signUp, type TestUser } from '../support/test-user.ts';
import { until } from '../support/until.ts';
import { startWebApp, type WebApp } from '../support/web-app.ts';

/** What stays of an account, under an id that nothing else has. */
const STAYS = ['ledger_entries', 'usage_days', 'usage_months'];

describe('deleting an account', () => {
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

  const remove = (of: TestUser = user, body: object = { password: of.password }) =>
    of.at(app).send('DELETE', '/user/account', body);
  const isThere = async ({ id }: TestUser) =>
    (await rows(database().db, 'SELECT 1 FROM users WHERE id = $1', [id])).length > 0;

  /** Everything that a user can have; one reply waits. */
  async function fill(client: RestClient, name: string): Promise<string> {
    await client.patch('/user/profile', { name, bio: `${name} was here` });
    const group = await client.newGroup(`${name}’s group`);
    const session = await client.newSession({ title: `${name}’s session`, groupId: group.id });
    await client.newSession();
    const send = (content: string, key: string) =>
      client.send(
        'POST',
        '/messages',
        { sessionId: session.id, content },
        { headers: { 'Idempotency-Key': key } },
      );
    expect((await send(`${name} asks`, 'one')).status).to.equal(201);
    await client.post('/user/favorites/echo');
    await client.post('/user/api-keys', { name: `${name}’s key`, scopes: ['chat'] });
    const { db } = database();
    await rows(
      db,
      `INSERT INTO password_resets (id, user_id, token_hash, expires_at) VALUES ($1::uuid, $2::uuid, sha256(convert_to($1::text, 'UTF8')), now()) RETURNING 1`,
      [newId(), client.userId],
    );
    await rows(
      db,
      `WITH charged AS (UPDATE accounts SET balance = balance - 3 WHERE user_id = $2)
       INSERT INTO ledger_entries (id, user_id, kind, amount, balance_after, reason, created_by, generation_id)
       VALUES ($1::uuid, $2::uuid, 'adjustment', -1, 999, $4, $3::uuid, NULL), ($3, $2, 'charge', -2, 997, NULL, NULL, $1) RETURNING 1`,
      [newId(), client.userId, newId(), `a gift for ${name}`],
    );
    await rows(
      db,
      `INSERT INTO usage_days (user_id, day, model, kind) VALUES ($1, '2026-01-01', 'echo', 'reply') RETURNING 1`,
      [client.userId],
    );
    return session.id;
  }

  /** In how many rows of which tables a user’s id stands. */
  async function traces(userId: string): Promise<Record<string, number>> {
    const { db } = database();
    const tables = await rows<{ name: string }>(
      db,
      `SELECT table_name AS name FROM information_schema.columns
        WHERE table_schema = 'public' AND column_name = 'user_id' ORDER BY 1`,
    );
    expect(tables.map(({ name }) => name)).to.include.members([
      'sessions',
      'messages',
      'accounts',
      'api_keys',
    ]);
    const counts: Record<string, number> = {};
    for (const { name } of [...tables, { name: 'users' }]) {
      const column = name === 'users' ? 'id' : 'user_id';
      const found = await rows(db, `SELECT 1 FROM ${name} WHERE ${column} = $1`, [userId]);
      if (found.length > 0) counts[name] = found.length;
    }
    return counts;
  }

  /** The tables in whose rows a text stands, wherever. */
  async function tablesWith(text: string): Promise<string[]> {
    const { db } = database();
    const tables = await rows<{ name: string }>(
      db,
      `SELECT table_name AS name FROM information_schema.tables
        WHERE table_schema = 'public' AND table_type = 'BASE TABLE' ORDER BY 1`,
    );
    const found: string[] = [];
    for (const { name } of tables) {
      const sql = `SELECT 1 FROM ${name} AS t WHERE position(lower($1) IN lower(t::text)) > 0 LIMIT 1`;
      if ((await rows(db, sql, [text])).length > 0) found.push(name);
    }
    return found;
  }

  it('leaves nothing but its ledger and its use by day, of nobody', async () => {
    await fill(ann, 'Zenobia');
    expect(Object.keys(await traces(user.id))).to.include.members([
      ...[
        'accounts',
        'api_keys',
        'favorite_models',
        'generations',
        'groups',
        'idempotency_keys',
        'ledger_entries',
      ],
      ...['messages', 'password_resets', 'refresh_families', 'sessions', 'usage_days', 'users'],
    ]);
    expect(await tablesWith('Zenobia')).to.include.members(['users', 'messages', 'ledger_entries']);
    const before = await rows(database().db, LEDGER, [user.id]);
    expect(before).to.have.length(3);

    expect((await remove()).status).to.equal(204);
    expect(Object.keys(await traces(user.id)).filter((table) => !STAYS.includes(table))).to.deep.equal([]);
    for (const text of ['Zenobia', user.email]) expect(await tablesWith(text), text).to.deep.equal([]);
    expect(await rows(database().db, LEDGER, [user.id])).to.deep.equal(before);
    expect(await rows(database().db, REASONS, [user.id])).to.deep.equal([{ reason: 'welcome' }]);
    const orphans = await rows(
      database().db,
      `SELECT t.id FROM refresh_tokens t LEFT JOIN refresh_families f ON f.id = t.family_id WHERE f.id IS NULL
       UNION ALL SELECT m.id FROM messages m LEFT JOIN sessions s ON s.id = m.session_id WHERE s.id IS NULL
       UNION ALL SELECT g.id FROM generations g LEFT JOIN users u ON u.id = g.user_id WHERE u.id IS NULL`,
    );
    expect(orphans).to.deep.equal([]);
  });

  it('touches nothing of anybody else', async () => {
    const other = await signUp(app);
    const bob = other.at(app);
    const sessionId = await fill(bob, 'Bob');
    await fill(ann, 'Ann');
    const state = async () => ({
      traces: await traces(other.id),
      balance: await bob.get<Balance>('/v1/balance'),
      session: await bob.get(`/sessions/${sessionId}`),
      ledger: await bob.get('/user/ledger'),
      profile: await bob.get('/user/profile'),
    });
    const before = await state();
    expect((await remove()).status).to.equal(204);
    expect(await state()).to.deep.equal(before);
    await bob.delete(`/sessions/${sessionId}`);
    await expectInvariants(database(), [
      'every generation has a message',
      'a balance is the sum of its ledger',
      'the statistics are those of the generations',
    ]);
  });

  it('needs the password', async () => {
    await ann.refused('validation_failed', ['DELETE', '/user/account', {}], ['body.password']);
    const confirm = { confirm: user.email };
    await ann.refused('validation_failed', ['DELETE', '/user/account', confirm], ['body.password']);
    await ann.refused(
      'invalid_credentials',
      ['DELETE', '/user/account', { password: 'wrong' }],
      ['body.password'],
    );
    await ann.refused('invalid_credentials', ['DELETE', '/user/account', { password: 'wrong', ...confirm }]);
    const more = { password: user.password, userId: newId() };
    await ann.refused('validation_failed', ['DELETE', '/user/account', more], ['body.userId']);
    expect((await ann.send('DELETE', '/user/account')).status).to.equal(400);
    expect(await isThere(user)).to.equal(true);
  });

  it('is no way to guess the password: wrong ones count with those of signing in', async () => {
    for (let tries = 0; tries < 10; tries += 1) {
      await ann.refused('invalid_credentials', ['DELETE', '/user/account', { password: `wrong ${tries}` }]);
    }
    await ann.refused('rate_limited', ['DELETE', '/user/account', { password: user.password }]);
  });

  it('needs the e-mail address where there is no password', async () => {
    await rows(database().db, 'UPDATE users SET password_hash = NULL WHERE id = $1', [user.id]);
    for (const body of [{}, { confirm: 'other@example.com' }, { password: user.password }]) {
      await ann.refused('validation_failed', ['DELETE', '/user/account', body], ['body.confirm']);
    }
    expect(await isThere(user)).to.equal(true);
    expect((await remove(user, { confirm: user.email.toUpperCase() })).status).to.equal(204);
    expect(await isThere(user)).to.equal(false);
  });

  it('ends every token, key, socket and stream at once', async () => {
    const again = await signInAgain(app, user);
    const { key } = await ann.post<{ key: string }>('/user/api-keys', { name: 'CI', scopes: ['chat'] });
    const session = await ann.newSession();
    const sockets = [user, again, { ...user, token: key }].map((of) => new ChatClient(of));
    for (const socket of sockets) {
      await socket.connect(app);
      await socket.join(session.id);
    }
    const stream = new EventStreamClient(again);
    await stream.open(app, session.id);

    const revoked: unknown[] = [];
    app.feed.control.subscribe('family-revoked', (payload) => revoked.push(payload));
    expect((await remove()).status).to.equal(204);
    expect(revoked).to.have.length(3);
    await until('sockets and streams are cut', () => stream.ended && sockets.every((socket) => socket.lost));
    for (const token of [user.token, again.token, key]) {
      const headers = { authorization: `Bearer ${token}` };
      const answer = await fetch(`${app.url}/sessions`, { headers });
      expect(answer.status).to.equal(401);
      const refusal = await new ChatClient({ ...user, token }).connect(app).catch((error: unknown) => error);
      expect(refusal).to.be.an('error');
    }
    const login = { email: user.email, password: user.password };
    await ann.refused('invalid_credentials', ['POST', '/auth/login', login]);
  });

  it('takes the refresh cookie away, and its token is good no more', async () => {
    const body = JSON.stringify({ email: user.email, password: user.password });
    const headers = { 'content-type': 'application/json' };
    const answer = await fetch(`${app.url}/auth/login`, { method: 'POST', headers, body });
    const { refreshToken } = (await answer.json()) as { refreshToken: string };
    const deleted = await remove();
    expect(deleted.headers.get('set-cookie')).to.match(/Max-Age=0/);
    const refreshed = await fetch(`${app.url}/auth/refresh`, {
      method: 'POST',
      headers,
      body: JSON.stringify({ refreshToken }),
    });
    expect(refreshed.status).to.equal(401);
  });

  it('is noticed by a process that was not told, by what the table keeps', async () => {
    const deafBus: ControlBus = { publish: async () => {}, subscribe: () => () => {} };
    const revocations = createRevocations({
      database: database(),
      control: deafBus,
      log: silentLog,
      accessTokenMinutes: 15,
      pollMs: 10,
    });
    await revocations.start();
    const { id: keyId } = await ann.post<{ id: string }>('/user/api-keys', { name: 'CI', scopes: ['chat'] });
    const familyId = JSON.parse(atob(user.token.split('.')[1] ?? '')).fam as string;
    expect(revocations.isRevoked(familyId)).to.equal(false);
    await remove();
    await until('it is noticed', () => revocations.isRevoked(familyId) && revocations.isRevoked(keyId));
    await revocations.stop();

    const kept = () => rows(database().db, 'SELECT 1 FROM gone_credentials WHERE id = $1', [familyId]);
    const prune = createPruneRecords({ database: database(), usageRetentionDays: 0, log: silentLog });
    await prune();
    expect(await kept()).to.have.length(1);
    await rows(
      database().db,
      `UPDATE gone_credentials SET revoked_at = now() - interval '8 days' WHERE id = $1`,
      [familyId],
    );
    await prune();
    expect(await kept()).to.have.length(0);
  });

  it('tells the rooms of its sessions', async () => {
    const sessionIds = [(await ann.newSession()).id, (await ann.newSession()).id];
    const told: [room: string, event: RoomEventName][] = [];
    app.feed.listen((room, event) => told.push([room, event]));
    await remove();
    const deletions = told.filter(([, event]) => event === 'session:delete').map(([room]) => room);
    expect(deletions).to.have.length(2);
    for (const id of sessionIds) expect(deletions.some((room) => room.includes(id))).to.equal(true);
  });

  it('drops what is being written', async () => {
    const session = await ann.newSession();
    const { replies } = await ann.say(session.id, 'Go on');
    const messageId = replies[0]?.id ?? '';
    await seedOutcome(database().db, messageId, { status: 'streaming' });
    const ref = { sessionId: session.id, messageId, attempt: 1 };
    await app.feed.live.open(ref).append({ offset: 0, text: 'So far', whole: () => 'So far' });
    expect((await app.feed.live.read(ref))?.text).to.equal('So far');
    const stops: unknown[] = [];
    app.feed.control.subscribe('generation:stop', (payload) => stops.push(payload));
    expect((await remove()).status).to.equal(204);
    expect(await app.feed.live.read(ref)).to.equal(null);
    expect(stops).to.have.length(1);
  });

  it('frees the e-mail address, for a new account with nothing of the old one', async () => {
    await fill(ann, 'Ann');
    await remove();
    const next = await signUp(app, user.email);
    expect(next.id).to.not.equal(user.id);
    expect(await next.at(app).get('/v1/balance')).to.include({ balance: 1_000, held: 0 });
    expect((await next.at(app).all('/sessions')).length).to.equal(0);
    expect((await next.at(app).all('/user/ledger')).length).to.equal(1);
    expect((await ann.send('GET', '/sessions')).status).to.equal(401);
  });

  it('leaves a charge that nobody can be given back', async () => {
    await fill(ann, 'Ann');
    const admin = await signUp(app);
    await rows(database().db, `UPDATE users SET role = 'admin' WHERE id = $1`, [admin.id]);
    const [charge] = await rows<{ id: string }>(
      database().db,
      `SELECT generation_id AS id FROM ledger_entries WHERE user_id = $1 AND kind = 'charge'`,
      [user.id],
    );
    await remove();
    const by = (await signInAgain(app, admin)).at(app);
    await by.refused('conflict', ['POST', `/admin/generations/${charge?.id}/refund`, {}]);
    const grant = { userId: user.id, amount: 5, reason: 'a gift' };
    await by.refused('not_found', ['PUT', '/v1/balance', grant]);
    await rows(database().db, 'DELETE FROM users WHERE id = $1', [admin.id]);
  });

  describe('of who may do everything', () => {
    const admins = async (count: number) => {
      const made = await Promise.all(Array.from({ length: count }, () => signUp(app)));
      const ids = made.map(({ id }) => id);
      await rows(database().db, `UPDATE users SET role = 'admin' WHERE id = ANY($1)`, [ids]);
      return made;
    };
    afterEach(() => rows(database().db, `DELETE FROM users WHERE role = 'admin'`));

    it('is refused for the last one, and nothing is changed', async () => {
      const [only] = (await admins(1)) as [TestUser];
      const sessionId = await fill(only.at(app), 'Root');
      const before = await traces(only.id);
      await only.at(app).refused('conflict', ['DELETE', '/user/account', { password: only.password }]);
      expect(await traces(only.id)).to.deep.equal(before);
      expect(await only.at(app).get(`/sessions/${sessionId}`)).to.include({ id: sessionId });
    });

    it('is refused for the last one that is active', async () => {
      const [one, other] = (await admins(2)) as [TestUser, TestUser];
      await rows(database().db, 'UPDATE users SET is_active = false WHERE id = $1', [other.id]);
      await one.at(app).refused('conflict', ['DELETE', '/user/account', { password: one.password }]);
    });

    it('leaves one of several that go at once', async () => {
      const all = await admins(4);
      const statuses = (await Promise.all(all.map((each) => remove(each)))).map(({ status }) => status);
      expect(statuses.sort()).to.deep.equal([204, 204, 204, 409]);
    });
  });

  describe('while it is used', () => {
    it('is done once, however often it is asked for', async () => {
      await fill(ann, 'Ann');
      const answers = await Promise.all(Array.from({ length: 5 }, () => remove()));
      const statuses = answers.map(({ status }) => status).sort();
      expect(statuses).to.deep.equal([204, 401, 401, 401, 401]);
    });

    it('answers nothing but what was done, 401 and 404', async function () {
      this.timeout(60_000);
      const seen = new Set<string>();
      for (let round = 0; round < 6; round++) {
        const who = await signUp(app);
        const client = who.at(app);
        const sessionId = await fill(client, 'Ann');
        const group = await client.newGroup();
        let deleted = false;
        const says = (of: string) => ({ sessionId: of, content: 'Hello' });
        const keyed = () => ({ headers: { 'Idempotency-Key': newId() } });
        const login = { email: who.email, password: who.password };
        const users: [name: string, () => Promise<Response>][] = [
          ['say', () => client.send('POST', '/messages', says(sessionId))],
          ['say once', () => client.send('POST', '/messages', says(sessionId), keyed())],
          [
            'say in a new session',
            async () => {
              const opened = await client.send('POST', '/sessions', { groupId: group.id });
              if (!opened.ok) return opened;
              const { id } = (await opened.json()) as { id: string };
              return client.send('POST', '/messages', says(id));
            },
          ],
          ['group', () => client.send('POST', '/groups', { name: 'More' })],
          ['favourite', () => client.send('POST', '/user/favorites/echo')],
          ['profile', () => client.send('PATCH', '/user/profile', { bio: newId() })],
          ['key', () => client.send('POST', '/user/api-keys', { name: 'CI', scopes: ['chat'] })],
          ['delete a session', () => client.send('DELETE', `/sessions/${sessionId}`)],
          ['sign in', () => client.send('POST', '/auth/login', login)],
          ['read', () => client.send('GET', `/sessions/${sessionId}`)],
        ];
        const using = users.map(async ([name, use]) => {
          for (let times = 0; !deleted || times < 3; times++) {
            const { status } = await use();
            seen.add(`${name}: ${status}`);
          }
        });
        await until('it is used', () => seen.size >= users.length);
        const answer = await remove(who);
        deleted = true;
        expect(answer.status).to.equal(204);
        await Promise.all(using);
        const left = Object.keys(await traces(who.id)).filter((table) => !STAYS.includes(table));
        expect(left).to.deep.equal([]);
      }
      const allowed = /: (200|201|204|401|404|429)$/;
      expect([...seen].filter((each) => !allowed.test(each))).to.deep.equal([]);
      expect([...seen].filter((each) => /: 401$/.test(each))).to.have.length.above(7);
    });
  });
});

const LEDGER = `SELECT id, kind, amount, balance_after, generation_id, seq FROM ledger_entries WHERE user_id = $1 ORDER BY seq`;
const REASONS = `SELECT reason FROM ledger_entries WHERE user_id = $1 AND reason IS NOT NULL`;
