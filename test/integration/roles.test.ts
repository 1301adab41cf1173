import { expect } from 'chai';
import { newId } from '../../src/base/ids.ts';
import { type Role, roleSchema } from '../../src/contracts/role.ts';
import { rows } from '../../src/data/database.ts';
import { type AdminWorld, startAdminWorld } from '../support/admin-world.ts';
import { BAD_CURSORS } from '../support/bad-cursors.ts';
import { useTestDatabase } from '../support/database.ts';
import type { RestClient } from '../support/rest-client.ts';
import { signUp } from '../support/test-user.ts';
import { startWebApp } from '../support/web-app.ts';

describe('roles', () => {
  const database = useTestDatabase();
  let world: AdminWorld;
  let admin: RestClient;

  before(async () => {
    world = await startAdminWorld(database());
    admin = world.admin;
  });
  after(() => world.close());

  const newName = () => `role-${newId()}`;
  const newRole = (body: object = {}) =>
    admin.post<Role>('/admin/roles', { name: newName(), permissions: ['chat.use'], ...body });
  const get = (name: string) => admin.get<Role>(`/admin/roles/${name}`);

  describe('as they come', () => {
    it('are the five of the product', async () => {
      const roles = (await admin.all<Role>('/admin/roles?limit=2')).filter(({ builtIn }) => builtIn);
      for (const role of roles) roleSchema.strict().parse(role);
      expect(roles.map(({ name }) => name)).to.deep.equal(['admin', 'editor', 'premium', 'user', 'viewer']);
      expect(roles[0]).to.deep.include({
        permissions: [],
        allPermissions: true,
        usageLimits: {},
        inUse: true,
      });
      expect(roles[3]?.permissions).to.include('chat.use').and.not.include('models.paid');
      expect(roles[2]?.permissions).to.include('models.paid');
      expect(roles[4]).to.deep.include({ permissions: ['ai.session.view', 'ai.usage.view'], inUse: false });
    });

    it('cannot be deleted, and `admin` allows everything for ever', async () => {
      for (const name of ['admin', 'user', 'viewer', 'premium', 'editor']) {
        await admin.refused('conflict', ['DELETE', `/admin/roles/${name}`]);
      }
      // Also where others could do everything all the same.
      const { name } = await newRole({ allPermissions: true });
      const { user } = await world.signUp();
      await admin.patch(`/admin/users/${user.id}`, { role: name });
      await admin.refused('conflict', ['PATCH', '/admin/roles/admin', { allPermissions: false }]);
      expect(await get('admin')).to.include({ allPermissions: true });
    });

    it('can be changed', async () => {
      const before = await get('viewer');
      const { permissions } = await admin.patch<Role>('/admin/roles/viewer', { permissions: [] });
      expect(permissions).to.deep.equal([]);
      await admin.patch('/admin/roles/viewer', { permissions: before.permissions });
    });
  });

  describe('of ones own', () => {
    it('are made, read, changed and deleted', async () => {
      const name = newName();
      const usageLimits = { dailyRequests: 5, monthlyTokens: null };
      const made = await newRole({ name, permissions: ['chat.use', 'user.view'], usageLimits });
      roleSchema.strict().parse(made);
      expect(made).to.deep.include({
        name,
        permissions: ['chat.use', 'user.view'],
        allPermissions: false,
        usageLimits,
        builtIn: false,
        inUse: false,
      });
      expect(await get(name)).to.deep.equal(made);
      const changed = await admin.patch<Role>(`/admin/roles/${name}`, { permissions: ['chat.use'] });
      expect(changed).to.deep.include({ permissions: ['chat.use'], usageLimits });
      expect(await admin.patch<Role>(`/admin/roles/${name}`, { usageLimits: {} })).to.deep.include({
        permissions: ['chat.use'],
        usageLimits: {},
      });
      await admin.delete(`/admin/roles/${name}`);
      await admin.refused('not_found', ['GET', `/admin/roles/${name}`]);
      await admin.refused('not_found', ['PATCH', `/admin/roles/${name}`, {}]);
      await admin.refused('not_found', ['DELETE', `/admin/roles/${name}`]);
    });

    it('have one name each', async () => {
      const { name } = await newRole();
      await admin.refused('conflict', ['POST', '/admin/roles', { name, permissions: [] }], ['body.name']);
      expect((await get(name)).permissions).to.deep.equal(['chat.use']);
    });

    it('are not deleted while somebody has them', async () => {
      const { name } = await newRole();
      const { user } = await world.signUp();
      await admin.patch(`/admin/users/${user.id}`, { role: name });
      expect((await get(name)).inUse).to.equal(true);
      await admin.refused('conflict', ['DELETE', `/admin/roles/${name}`]);
      await admin.patch(`/admin/users/${user.id}`, { role: 'user' });
      await admin.delete(`/admin/roles/${name}`);
    });

    it('stay, or are granted, when both are asked at once: nobody is left without a role', async () => {
      const { user } = await world.signUp();
      for (let round = 0; round < 5; round += 1) {
        const { name } = await newRole();
        await Promise.all([
          admin.send('DELETE', `/admin/roles/${name}`),
          admin.send('PATCH', `/admin/users/${user.id}`, { role: name }),
        ]);
        const found = await rows(
          database().db,
          'SELECT FROM users JOIN roles ON roles.name = users.role WHERE id = $1',
          [user.id],
        );
        expect(found).to.have.length(1);
      }
    });

    it('that hold what the language has, are roles like others', async () => {
      for (const name of ['constructor', 'valueof', 'null', 'undefined']) {
        await newRole({ name });
        expect(await get(name)).to.include({ name });
        await admin.delete(`/admin/roles/${name}`);
      }
    });

    it('are refused with a name, permission or limit that is none', async () => {
      const bad: [body: object, path: string][] = [
        [{ name: '' }, 'body.name'],
        [{ name: 'Admin' }, 'body.name'],
        [{ name: ' admin' }, 'body.name'],
        [{ name: 'admin\n' }, 'body.name'],
        [{ name: 'adm\u0456n' }, 'body.name'],
        [{ name: '../users' }, 'body.name'],
        [{ name: "x'; DROP TABLE roles; --" }, 'body.name'],
        [{ name: 'a\0b' }, 'body.name'],
        [{ name: '1st' }, 'body.name'],
        [{ name: 'a'.repeat(51) }, 'body.name'],
        [{ name: 7 }, 'body.name'],
        [{ permissions: ['everything'] }, 'body.permissions.0'],
        [{ permissions: ['chat.use', 'chat.use'] }, 'body.permissions'],
        [{ permissions: 'chat.use' }, 'body.permissions'],
        [{ allPermissions: 'yes' }, 'body.allPermissions'],
        [{ builtIn: true }, 'body.builtIn'],
        [{ usageLimits: { dailyRequests: -1 } }, 'body.usageLimits.dailyRequests'],
        [{ usageLimits: { dailyRequests: 1.5 } }, 'body.usageLimits.dailyRequests'],
        [{ usageLimits: { monthlyTokens: 1e13 } }, 'body.usageLimits.monthlyTokens'],
        [{ usageLimits: { hourly: 1 } }, 'body.usageLimits.hourly'],
      ];
      for (const [body, path] of bad) {
        const whole = { name: newName(), permissions: [], ...body };
        await admin.refused('validation_failed', ['POST', '/admin/roles', whole], [path]);
      }
      await admin.refused('validation_failed', ['GET', '/admin/roles/..%2Fusers'], ['params.name']);
      await admin.refused('validation_failed', ['DELETE', '/admin/roles/%00'], ['params.name']);
      await admin.refused('validation_failed', ['PATCH', '/admin/roles/user', { name: 'x' }], ['body.name']);
      for (const cursor of BAD_CURSORS) {
        await admin.refused('validation_failed', ['GET', `/admin/roles?cursor=${cursor}`], ['query.cursor']);
      }
    });
  });

  describe('of somebody who may not do everything', () => {
    it('are none of the business of who lacks `roles.manage`', async () => {
      const { client } = await world.signUp(['user.manage', 'user.view', 'system.view', 'chat.use']);
      const { name } = await newRole();
      for (const request of [
        ['GET', '/admin/roles'],
        ['GET', `/admin/roles/${name}`],
        ['POST', '/admin/roles', { name: newName(), permissions: [] }],
        ['PATCH', `/admin/roles/${name}`, { permissions: [] }],
        ['DELETE', `/admin/roles/${name}`],
      ] as [string, string, object?][]) {
        await client.refused('forbidden', request);
      }
      expect((await get(name)).permissions).to.deep.equal(['chat.use']);
    });

    it('are made and changed within what he has himself, and not beyond', async () => {
      const { client } = await world.signUp(['roles.manage', 'chat.use', 'models.paid']);
      const name = newName();
      const before = await world.countAudited();
      const create = (body: object): [string, string, object] => [
        'POST',
        '/admin/roles',
        { name, permissions: [], ...body },
      ];
      await client.refused('forbidden', create({ allPermissions: true }));
      const problem = await client.refused(
        'forbidden',
        create({ permissions: ['chat.use', 'balance.manage'] }),
      );
      expect(problem.detail)
        .to.match(/`balance\.manage`/)
        .and.not.match(/`chat\.use`/);
      expect(await world.countAudited()).to.equal(before);
      await client.post('/admin/roles', { name, permissions: ['chat.use', 'roles.manage'] });
      await client.refused('forbidden', ['PATCH', `/admin/roles/${name}`, { allPermissions: true }]);
      await client.refused('forbidden', ['PATCH', `/admin/roles/${name}`, { permissions: ['user.manage'] }]);
      await client.patch(`/admin/roles/${name}`, { permissions: ['models.paid'] });
      await client.delete(`/admin/roles/${name}`);
    });

    it('that allow more than his own are not his to change or delete, his own role among them', async () => {
      const permissions = ['roles.manage', 'chat.use'] as const;
      const { client, user } = await world.signUp([...permissions]);
      const { role } = await admin.get<{ role: string }>(`/admin/users/${user.id}`);
      const { name } = await newRole({ permissions: ['models.manage'] });
      for (const request of [
        ['PATCH', `/admin/roles/${name}`, { permissions: [] }],
        ['DELETE', `/admin/roles/${name}`],
        ['PATCH', '/admin/roles/admin', { usageLimits: { dailyRequests: 0 } }],
        ['PATCH', '/admin/roles/premium', { permissions: [] }],
        ['PATCH', `/admin/roles/${role}`, { permissions: [...permissions, 'user.manage'] }],
      ] as [string, string, object?][]) {
        await client.refused('forbidden', request);
      }
      expect((await get(name)).permissions).to.deep.equal(['models.manage']);
      expect((await get(role)).permissions).to.deep.equal(permissions);
    });
  });

  it('have limits that are for others to change, but for who may do everything', async () => {
    const { client, user } = await world.signUp(['roles.manage', 'chat.use']);
    const { role } = await admin.get<{ role: string }>(`/admin/users/${user.id}`);
    const before = await get(role);
    for (const usageLimits of [{ dailyRequests: null }, before.usageLimits]) {
      const body = { permissions: ['roles.manage'], usageLimits };
      await client.refused('forbidden', ['PATCH', `/admin/roles/${role}`, body], ['body.usageLimits']);
    }
    expect(await get(role)).to.deep.equal(before);
    // What takes nothing from the limits is his to change, and so are the limits of others.
    const { name } = await newRole();
    await client.patch(`/admin/roles/${name}`, { usageLimits: { dailyRequests: null } });
    await client.patch(`/admin/roles/${role}`, { permissions: ['roles.manage'] });
    await admin.patch('/admin/roles/admin', { usageLimits: { dailyRequests: 1_000_000 } });
    await admin.patch('/admin/roles/admin', { usageLimits: {} });
  });

  it('hold at the next request of those who have them, in every process', async () => {
    const { client } = await world.signUp();
    const { user } = await world.signUp(['system.view']);
    const { role } = await admin.get<{ role: string }>(`/admin/users/${user.id}`);
    await user.at(world.app).get('/admin/audit-log');
    const other = await startWebApp(database(), { RATE_LIMITS: 'off' }, world.app.feed);
    try {
      await user.at(other).get('/admin/audit-log');
      await admin.patch(`/admin/roles/${role}`, { permissions: [] });
      for (const app of [world.app, other]) {
        await user.at(app).refused('forbidden', ['GET', '/admin/audit-log']);
      }
      await client.get('/sessions');
      await admin.patch('/admin/roles/user', { permissions: [] });
      await client.refused('forbidden', ['GET', '/sessions']);
      await admin.patch('/admin/roles/user', { permissions: ['chat.use'] });
      await client.get('/sessions');
    } finally {
      await other.close();
    }
  });

  it('cannot be chosen by who signs up, or by an owner of a profile', async () => {
    const credentials = { email: `${newId()}@example.com`, password: 'correct horse' };
    for (const more of [
      { role: 'admin' },
      { isActive: true },
      { usageLimits: {} },
      { allPermissions: true },
    ]) {
      const answer = await fetch(`${world.app.url}/auth/register`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ ...credentials, ...more }),
      });
      expect(answer.status).to.equal(400);
    }
    const { client } = await world.signUp();
    for (const path of ['/user/profile', `/admin/users/${client.userId}`]) {
      const answer = await client.send('PATCH', path, { role: 'admin' });
      expect(answer.status, path).to.be.within(400, 404);
    }
    expect(await client.get('/auth/me')).to.include({ role: 'user' });
  });
});

describe('the role of new accounts', () => {
  const database = useTestDatabase();
  const start = async (DEFAULT_ROLE: string) => startWebApp(database(), { DEFAULT_ROLE });

  it('is DEFAULT_ROLE', async () => {
    const app = await start('premium');
    const user = await signUp(app);
    expect(await user.at(app).get('/auth/me')).to.include({ role: 'premium' });
    await app.close();
  });

  it('must be there, and must not allow everything: else the start says so', async () => {
    const failure = async (role: string) => {
      const error = await start(role).then(
        (app) => app.close(),
        (reason: Error) => reason,
      );
      return (error as Error | undefined)?.message;
    };
    expect(await failure('nobody')).to.equal(
      'DEFAULT_ROLE: there is no role "nobody". There are: admin, editor, premium, user, viewer.',
    );
    expect(await failure('admin')).to.match(/^DEFAULT_ROLE: every new account would be allowed everything/);
  });

  it('cannot be deleted', async () => {
    const world = await startAdminWorld(database());
    await world.admin.post('/admin/roles', { name: 'guest', permissions: ['chat.use'] });
    const other = await startWebApp(database(), { DEFAULT_ROLE: 'guest', ADMIN_EMAIL: 'two@example.com' });
    const admin = (await signUp(other, 'two@example.com')).at(other);
    await admin.refused('conflict', ['DELETE', '/admin/roles/guest']);
    await other.close();
    await world.close();
  });
});
