import { expect } from 'chai';
import { newId } from '../../src/base/ids.ts';
import {
  type ManagedUser,
  type ManagedUserDetails,
  managedUserDetailsSchema,
  managedUserSchema,
} from '../../src/contracts/routes/admin-users.ts';
import type { NewApiKey } from '../../src/contracts/routes/api-keys.ts';
import { rows } from '../../src/data/database.ts';
import { type AdminWorld, startAdminWorld } from '../support/admin-world.ts';
import { ChatClient } from '../support/chat-client.ts';
import { useTestDatabase } from '../support/database.ts';
import { EventStreamClient } from '../support/event-stream-client.ts';
import type { RestClient } from '../support/rest-client.ts';
import { signInAgain, signUp } from '../support/test-user.ts';
import { until } from '../support/until.ts';
import { startWebApp } from '../support/web-app.ts';

describe('accounts, for who runs the server', () => {
  const database = useTestDatabase();
  let world: AdminWorld;
  let admin: RestClient;

  before(async () => {
    world = await startAdminWorld(database(), { MAX_CONCURRENT_GENERATIONS: '1000' });
    admin = world.admin;
  });
  after(() => world.close());

  const get = (id: string) => admin.get<ManagedUserDetails>(`/admin/users/${id}`);
  const patch = (id: string, body: object) => admin.patch<ManagedUser>(`/admin/users/${id}`, body);
  const list = (query: string) => admin.all<ManagedUser>(`/admin/users?${query}`);

  describe('as a list', () => {
    const marker = `m${newId().slice(-12)}`;
    let ids: string[];

    before(async () => {
      ids = [];
      for (let index = 0; index < 5; index += 1) {
        ids.push((await signUp(world.app, `${index}.${marker}@Example.com`)).id);
      }
      await patch(ids[1] ?? '', { name: '100%_Zoë\\', role: 'premium' });
      await patch(ids[2] ?? '', { isActive: false });
    });

    const idsOf = (users: ManagedUser[]) => users.map(({ id }) => id);
    const found = async (query: string) => idsOf(await list(`search=${marker}&${query}`));

    it('are told newest first, each once, page by page', async () => {
      const users = await list('limit=2');
      for (const user of users) managedUserSchema.strict().parse(user);
      expect(new Set(idsOf(users)).size).to.equal(users.length);
      expect(idsOf(users)).to.deep.equal([...idsOf(users)].sort().reverse());
      expect(await found('limit=2')).to.deep.equal([...ids].reverse());
    });

    it('are found by role, activity and part of an address or a name, in any case', async () => {
      expect(await found('role=premium')).to.deep.equal([ids[1]]);
      expect(await found('role=nobody')).to.deep.equal([]);
      expect(await found('isActive=false')).to.deep.equal([ids[2]]);
      expect(await found('isActive=true&limit=3')).to.deep.equal([ids[4], ids[3], ids[1], ids[0]]);
      expect(idsOf(await list(`search=${encodeURIComponent(`3.${marker}@EXAMPLE`)}`))).to.deep.equal([
        ids[3],
      ]);
      for (const part of ['100%_ZOË', '%_z', '\\']) {
        expect(idsOf(await list(`search=${encodeURIComponent(part)}`)), part).to.deep.equal([ids[1]]);
      }
      for (const part of ['_100', '%%', "'"]) {
        expect(idsOf(await list(`search=${encodeURIComponent(part)}`)), part).to.deep.equal([]);
      }
    });

    it('are found by when they were made', async () => {
      const [{ createdAt } = { createdAt: '' }] = await list(`search=2.${marker}`);
      await rows(database().db, 'UPDATE users SET created_at = $2 WHERE id = $1', [ids[2], createdAt]);
      expect(await found(`createdAfter=${createdAt}`)).to.deep.equal([ids[4], ids[3], ids[2]]);
      expect(await found(`createdBefore=${createdAt}`)).to.deep.equal([ids[1], ids[0]]);
      expect(await found('createdBefore=2020-01-01T00:00:00Z')).to.deep.equal([]);
      expect(await found('createdAfter=2020-01-01T00:00:00%2B02:00')).to.have.length(5);
    });

    it('refuse filters that are none', async () => {
      for (const [query, path] of [
        ['role=A', 'query.role'],
        ['isActive=yes', 'query.isActive'],
        ['search=', 'query.search'],
        [`search=${'x'.repeat(201)}`, 'query.search'],
        ['search=%00', 'query.search'],
        ['createdAfter=yesterday', 'query.createdAfter'],
        ['createdBefore=0000-01-01T00:00:00Z', 'query.createdBefore'],
        ['limit=101', 'query.limit'],
        ['cursor=x', 'query.cursor'],
        ['password=1', 'query.password'],
      ]) {
        await admin.refused('validation_failed', ['GET', `/admin/users?${query}`], [path ?? '']);
      }
    });

    it('never tell a password', async () => {
      const text = await (await admin.send('GET', `/admin/users?search=${marker}`)).text();
      expect(text).to.not.match(/argon2|password|hash/i);
    });
  });

  it('one by one: role, limits with what is used, credits, activity, counts', async () => {
    const { user, client } = await world.signUp();
    await signInAgain(world.app, user);
    const session = await client.newSession();
    await client.say(session.id, 'Why?');
    await patch(user.id, { usageLimits: { dailyRequests: 7, monthlyTokens: null } });
    const details = managedUserDetailsSchema.strict().parse(await get(user.id));
    expect(details).to.deep.include({
      id: user.id,
      email: user.email,
      role: 'user',
      isActive: true,
      usageLimits: { dailyRequests: 7, monthlyTokens: null },
    });
    expect(details.limits.dailyRequests).to.include({ used: 1, limit: 7 });
    expect(details.limits.monthlyTokens.limit).to.equal(null);
    expect(details.balance).to.include({ balance: 1000 });
    expect(details.balance.held).to.be.above(0);
    expect(details.lastActivityAt).to.be.a('string');
    expect(details.counts).to.deep.equal({
      sessions: 1,
      messages: 2,
      runningGenerations: 1,
      signIns: 2,
      apiKeys: 0,
    });
    await admin.refused('not_found', ['GET', `/admin/users/${newId()}`]);
    await admin.refused('validation_failed', ['GET', '/admin/users/me'], ['params.userId']);
  });

  it('are for nobody without the permission', async () => {
    const { user } = await world.signUp();
    const { client: nobody } = await world.signUp();
    const { client: viewer } = await world.signUp(['user.view']);
    const { client: manager } = await world.signUp(['user.manage', ...CHAT]);
    for (const path of ['/admin/users', `/admin/users/${user.id}`]) {
      await nobody.refused('forbidden', ['GET', path]);
      await manager.refused('forbidden', ['GET', path]);
      await viewer.get(path);
    }
    for (const client of [nobody, viewer]) {
      await client.refused('forbidden', ['PATCH', `/admin/users/${user.id}`, { name: 'x' }]);
    }
    await manager.patch(`/admin/users/${user.id}`, { name: 'Known' });
    expect(await get(user.id)).to.include({ name: 'Known' });
  });

  describe('changed', () => {
    it('hold at the next request, in every process', async () => {
      const { user } = await world.signUp(['system.view']);
      const other = await startWebApp(database(), { RATE_LIMITS: 'off' }, world.app.feed);
      try {
        const everywhere = [user.at(world.app), user.at(other)];
        const chatter = await world.signUp();
        const session = await chatter.client.newSession();
        const socket = await ChatClient.joined(chatter.user, other, session.id);
        await socket.send({ sessionId: session.id, content: 'one' });
        await patch(chatter.user.id, { role: 'viewer' });
        await socket.until('the disconnect', () => socket.lost !== undefined);
        const refused = await socket.connect(other).catch(({ data }: { data: object }) => data);
        expect(refused).to.have.property('detail').that.includes('`chat.use`');
        socket.cut();
        for (const client of everywhere) await client.get('/admin/audit-log');
        await patch(user.id, { role: 'user' });
        for (const client of everywhere) await client.refused('forbidden', ['GET', '/admin/audit-log']);
        await patch(user.id, { role: 'admin' });
        for (const client of everywhere) await client.get('/admin/audit-log');
        await patch(user.id, { role: 'user', isActive: false });
        for (const client of everywhere) await client.refused('token_revoked', ['GET', '/sessions']);
      } finally {
        await other.close();
      }
    });

    it('only in what is named, and not at all by what is refused', async () => {
      const { user } = await world.signUp();
      await patch(user.id, { name: 'Zoë', usageLimits: { monthlyRequests: 0 } });
      expect(await patch(user.id, { role: 'editor' })).to.deep.include({
        name: 'Zoë',
        role: 'editor',
        usageLimits: { monthlyRequests: 0 },
      });
      expect((await patch(user.id, { name: null })).name).to.equal(null);
      const bad: [body: object, path: string][] = [
        [{ role: 'nobody' }, 'body.role'],
        [{ role: 'Admin' }, 'body.role'],
        [{ isActive: 'no' }, 'body.isActive'],
        [{ name: '' }, 'body.name'],
        [{ email: 'other@example.com' }, 'body.email'],
        [{ passwordHash: 'x' }, 'body.passwordHash'],
        [{ emailVerified: true }, 'body.emailVerified'],
        [{ usageLimits: { dailyRequests: -1 } }, 'body.usageLimits.dailyRequests'],
        [{ usageLimits: { dailyRequests: '5' } }, 'body.usageLimits.dailyRequests'],
        [{ usageLimits: { credits: 5 } }, 'body.usageLimits.credits'],
        [{ usageLimits: [] }, 'body.usageLimits'],
      ];
      for (const [body, path] of bad) {
        await admin.refused(
          'validation_failed',
          ['PATCH', `/admin/users/${user.id}`, { name: 'x', ...body }],
          [path],
        );
      }
      await admin.refused('not_found', ['PATCH', `/admin/users/${newId()}`, { name: 'x' }]);
      expect(await get(user.id)).to.include({ name: null, role: 'editor', email: user.email });
    });

    it('in their limits: those of the role until others are set, and again after they are taken back', async () => {
      const { user } = await world.signUp();
      const app = await startWebApp(database(), { RATE_LIMITS: 'on' }, world.app.feed);
      try {
        const client = user.at(app);
        const session = await client.newSession();
        const ask = ['POST', '/messages', { sessionId: session.id, content: 'Why?' }] as [
          string,
          string,
          object,
        ];
        await patch(user.id, { usageLimits: { dailyRequests: 0 } });
        await client.refused('usage_limit_reached', ask);
        await patch(user.id, { usageLimits: { dailyRequests: null } });
        await client.say(session.id, 'Why?');
        expect((await patch(user.id, { usageLimits: null })).usageLimits).to.deep.equal({});
        const stats = await client.get<{ limits: ManagedUserDetails['limits'] }>('/user/stats');
        expect(stats.limits.dailyRequests).to.include({ used: 1, limit: 50 });
      } finally {
        await app.close();
      }
    });
  });

  describe('deactivated', () => {
    it('are signed out everywhere: requests, sockets, streams and keys; and nobody signs in', async () => {
      const { user, client } = await world.signUp();
      const other = await startWebApp(database(), { RATE_LIMITS: 'off' }, world.app.feed);
      const phone = await signInAgain(other, user);
      const key = await client.post<NewApiKey>('/user/api-keys', { name: 'k', scopes: ['chat'] });
      const session = await client.newSession();
      const socket = await ChatClient.joined(phone, other, session.id);
      const keySocket = await ChatClient.joined({ ...user, token: key.key }, world.app, session.id);
      const stream = new EventStreamClient(user);
      await stream.open(world.app, session.id);
      const withKey = () =>
        fetch(`${other.url}/sessions`, { headers: { authorization: `Bearer ${key.key}` } });
      expect((await withKey()).status).to.equal(200);
      const told: unknown[] = [];
      const deaf = world.app.feed.control.subscribe('family-revoked', (payload) => told.push(payload));
      try {
        await patch(user.id, { isActive: false });
        // Two sign-ins and a key, without waiting for the next look into the database.
        expect(told).to.have.length(3);
        await until('the sockets are closed', () => !!socket.lost && !!keySocket.lost);
        await until('the stream is closed', () => stream.ended);
        await client.refused('token_revoked', ['GET', '/sessions']);
        await phone.at(other).refused('token_revoked', ['GET', '/sessions']);
        expect((await withKey()).status).to.equal(401);
        const { email, password } = user;
        const login = await fetch(`${world.app.url}/auth/login`, {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify({ email, password }),
        });
        expect(login.status).to.equal(401);
        // Active again, what was revoked stays revoked; a new sign-in is good.
        await patch(user.id, { isActive: true });
        await client.refused('token_revoked', ['GET', '/sessions']);
        expect((await withKey()).status).to.equal(401);
        await (await signInAgain(other, user)).at(other).get(`/sessions/${session.id}`);
      } finally {
        deaf();
        for (const each of [socket, keySocket, stream]) each.cut();
        await other.close();
      }
    });

    it('have their replies stopped, and get back what was set aside', async () => {
      const { user, client } = await world.signUp();
      for (const content of ['one', 'two']) await client.say((await client.newSession()).id, content);
      expect((await get(user.id)).counts.runningGenerations).to.equal(2);
      await patch(user.id, { isActive: false });
      const details = await get(user.id);
      expect(details.counts.runningGenerations).to.equal(0);
      expect(details.balance).to.deep.equal({ balance: 1000, held: 0, available: 1000 });
      const ended = await rows<{ status: string }>(
        database().db,
        'SELECT status FROM generations WHERE user_id = $1',
        [user.id],
      );
      expect(ended.map(({ status }) => status)).to.deep.equal(['cancelled', 'cancelled']);
    });

    it('again have stopped what is still written, as what stopped it before may have failed', async () => {
      const { user, client } = await world.signUp();
      await client.say((await client.newSession()).id, 'one');
      await rows(database().db, 'UPDATE users SET is_active = false WHERE id = $1 RETURNING id', [user.id]);
      await patch(user.id, { isActive: false });
      expect((await get(user.id)).counts.runningGenerations).to.equal(0);
    });
  });

  describe('deleted', () => {
    it('are gone with everything, everywhere; what people wrote of them is taken out of the audit log', async () => {
      const { user, client } = await world.signUp();
      const session = await client.newSession();
      const socket = await ChatClient.joined(user, world.app, session.id);
      await patch(user.id, { name: 'Zoë', usageLimits: { dailyRequests: 5 } });
      const reason = 'She asked for it';
      await admin.json('PUT', '/v1/balance', { userId: user.id, amount: 1, reason });
      await admin.delete(`/admin/users/${user.id}`);
      await until('the socket is closed', () => !!socket.lost);
      const answer = await client.send('GET', '/sessions');
      expect(answer.status).to.equal(401);
      await admin.refused('not_found', ['GET', `/admin/users/${user.id}`]);
      await admin.refused('not_found', ['DELETE', `/admin/users/${user.id}`]);
      const entries = await world.audited(user.id);
      expect(entries.map(({ action, details }) => [action, details])).to.deep.equal([
        ['user.update', { before: { usageLimits: {} }, after: { usageLimits: { dailyRequests: 5 } } }],
        ['balance.adjust', { before: { balance: '1000' }, after: { balance: '1001' } }],
        ['user.delete', { before: { role: 'user', isActive: true } }],
      ]);
      expect(entries.at(-1)?.actorId).to.equal(admin.userId);
    });

    it('are none by who may not, or may less; nor the last who may do everything', async () => {
      const { user } = await world.signUp();
      const { client: viewer } = await world.signUp(['user.view', 'chat.use']);
      const { client: manager } = await world.signUp(['user.manage', ...CHAT]);
      const before = await world.countAudited();
      await viewer.refused('forbidden', ['DELETE', `/admin/users/${user.id}`]);
      await manager.refused('forbidden', ['DELETE', `/admin/users/${admin.userId}`]);
      await rows(database().db, "UPDATE users SET role = 'viewer' WHERE role = 'admin' AND id <> $1", [
        admin.userId,
      ]);
      await admin.refused('conflict', ['DELETE', `/admin/users/${admin.userId}`]);
      expect(await world.countAudited()).to.equal(before);
      expect((await get(user.id)).id).to.equal(user.id);
      await manager.delete(`/admin/users/${user.id}`);
    });
  });

  describe('under somebody who may not do everything', () => {
    it('get no role that allows more than his own: himself neither', async () => {
      const { client: manager } = await world.signUp(['user.manage', 'user.view', ...CHAT]);
      const { user } = await world.signUp();
      for (const id of [user.id, manager.userId]) {
        for (const role of ['admin', 'premium']) {
          const problem = await manager.refused('forbidden', ['PATCH', `/admin/users/${id}`, { role }]);
          expect(problem.detail).to.match(role === 'admin' ? /all permissions/ : /`models\.paid`/);
        }
      }
      expect((await get(user.id)).role).to.equal('user');
      await manager.patch(`/admin/users/${user.id}`, { role: 'viewer' });
      await manager.patch(`/admin/users/${user.id}`, { role: 'user', usageLimits: { dailyRequests: 3 } });
    });

    it('are out of reach where they may do more than he', async () => {
      const { client: manager } = await world.signUp(['user.manage', ...CHAT]);
      const { user: premium } = await world.signUp();
      await patch(premium.id, { role: 'premium' });
      for (const id of [admin.userId, premium.id]) {
        for (const body of [{ role: 'viewer' }, { isActive: false }, { name: 'x' }, { usageLimits: null }]) {
          await manager.refused('forbidden', ['PATCH', `/admin/users/${id}`, body]);
        }
      }
      expect(await get(premium.id)).to.include({ role: 'premium', isActive: true, name: null });
    });

    it('do not include his own limits', async () => {
      const { client: manager } = await world.signUp(['user.manage', ...CHAT]);
      const request = { usageLimits: { dailyRequests: null } };
      await manager.refused(
        'forbidden',
        ['PATCH', `/admin/users/${manager.userId}`, request],
        ['body.usageLimits'],
      );
    });

    it('do not include his own role: one with fewer permissions may have laxer limits', async () => {
      const { client: manager } = await world.signUp(['user.manage', ...CHAT]);
      const own = await get(manager.userId);
      await admin.post('/admin/roles', {
        name: 'lax',
        permissions: ['chat.use'],
        usageLimits: { dailyRequests: null },
      });
      const before = await world.countAudited();
      const path = `/admin/users/${manager.userId}`;
      for (const role of ['lax', own.role]) {
        await manager.refused('forbidden', ['PATCH', path, { role }], ['body.role']);
      }
      const both = { role: 'lax', usageLimits: null };
      await manager.refused('forbidden', ['PATCH', path, both], ['body.role', 'body.usageLimits']);
      expect(await get(manager.userId)).to.deep.equal(own);
      expect(await world.countAudited()).to.equal(before);
      await manager.patch(path, { name: 'Zoë' });
      const { user } = await world.signUp();
      await manager.patch(`/admin/users/${user.id}`, { role: 'lax' });
    });

    it('are his only as long as he may: what others remember of him does not count', async () => {
      const { client: manager } = await world.signUp(['user.manage', ...CHAT]);
      const { user } = await world.signUp();
      await manager.patch(`/admin/users/${user.id}`, { name: 'one' });
      // As if the broadcast had been lost: only the database knows.
      await rows(database().db, "UPDATE users SET role = 'user' WHERE id = $1", [manager.userId]);
      await manager.refused('forbidden', ['PATCH', `/admin/users/${user.id}`, { name: 'two' }]);
      expect((await get(user.id)).name).to.equal('one');
    });
  });
});

describe('the last account that may do everything', () => {
  const database = useTestDatabase();
  let world: AdminWorld;

  before(async () => {
    world = await startAdminWorld(database());
  });
  after(() => world.close());

  const second = async () => {
    const { client } = await world.signUp();
    await world.admin.patch(`/admin/users/${client.userId}`, { role: 'admin' });
    return client;
  };

  it('is neither demoted nor deactivated, and can be after there is another', async () => {
    const { admin } = world;
    const mine = `/admin/users/${admin.userId}`;
    for (const body of [{ role: 'user' }, { isActive: false }, { role: 'viewer', isActive: false }]) {
      await admin.refused('conflict', ['PATCH', mine, body]);
    }
    const other = await second();
    await admin.patch(`/admin/users/${other.userId}`, { isActive: false });
    await admin.refused('conflict', ['PATCH', mine, { role: 'user' }]);
    await admin.patch(`/admin/users/${other.userId}`, { role: 'user', isActive: true });
    await admin.refused('conflict', ['PATCH', mine, { role: 'user' }]);
    await admin.patch(mine, { name: 'Still here' });
  });

  it('stays when two demote each other at once', async () => {
    for (let round = 0; round < 5; round += 1) {
      const other = await second();
      const answers = await Promise.all([
        world.admin.send('PATCH', `/admin/users/${other.userId}`, { role: 'user' }),
        other.send('PATCH', `/admin/users/${world.admin.userId}`, { role: 'user' }),
      ]);
      expect(answers.map(({ status }) => status).sort()).to.deep.equal([200, 403]);
      await rows(database().db, "UPDATE users SET role = 'admin' WHERE id = $1", [world.admin.userId]);
      await rows(database().db, "UPDATE users SET role = 'user' WHERE id = $1", [other.userId]);
    }
  });

  it('stays when the role that it has is changed', async () => {
    const { admin } = world;
    await admin.post('/admin/roles', { name: 'owner', permissions: [], allPermissions: true });
    const other = await second();
    await other.patch(`/admin/users/${admin.userId}`, { role: 'owner' });
    await admin.patch(`/admin/users/${other.userId}`, { role: 'user' });
    await admin.refused('conflict', ['PATCH', '/admin/roles/owner', { allPermissions: false }]);
    await admin.patch('/admin/roles/owner', { usageLimits: { dailyRequests: 1 } });
    await admin.patch(`/admin/users/${admin.userId}`, { role: 'admin' });
    await admin.patch('/admin/roles/owner', { allPermissions: false });
  });
});

const CHAT = [
  'chat.use',
  'ai.enhance.create',
  'ai.stream.access',
  'ai.session.view',
  'ai.session.manage',
  'ai.usage.view',
] as const;
