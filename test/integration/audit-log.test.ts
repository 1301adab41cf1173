import { expect } from 'chai';
import { newId } from '../../src/base/ids.ts';
import { AUDIT_ACTIONS, type AuditEntry, auditEntrySchema } from '../../src/contracts/audit.ts';
import type { MovedBalance } from '../../src/contracts/routes/balance.ts';
import { rows } from '../../src/data/database.ts';
import { type AdminWorld, startAdminWorld } from '../support/admin-world.ts';
import { BAD_CURSORS } from '../support/bad-cursors.ts';
import { useTestDatabase } from '../support/database.ts';
import { createListingProvider, startModelWorld } from '../support/model-world.ts';
import type { RestClient } from '../support/rest-client.ts';

const ECHO = '/admin/models/echo';

describe('the audit log', () => {
  const database = useTestDatabase();
  let world: AdminWorld;
  let admin: RestClient;

  before(async () => {
    world = await startAdminWorld(database());
    admin = world.admin;
  });
  after(() => world.close());

  /** The entries of a target, without what differs from run to run. */
  const told = async (targetId: string) => {
    const entries = await world.audited(targetId);
    return entries.map(({ action, targetType, details, actorId }) => {
      expect(actorId).to.equal(admin.userId);
      return { action, targetType, details };
    });
  };

  it('has what was changed of an account, before and after, and nothing that was not', async () => {
    const { user } = await world.signUp();
    const path = `/admin/users/${user.id}`;
    await admin.patch(path, { role: 'premium', name: 'Zoë' });
    await admin.patch(path, { role: 'premium', name: 'Zoë' });
    await admin.patch(path, { usageLimits: { dailyRequests: 5 } });
    await admin.patch(path, { isActive: false, usageLimits: null });
    const note = (before: object, after: object) => ({
      action: 'user.update',
      targetType: 'user',
      details: { before, after },
    });
    expect(await told(user.id)).to.deep.equal([
      note({ role: 'user', name: null }, { role: 'premium', name: 'Zoë' }),
      note({ usageLimits: {} }, { usageLimits: { dailyRequests: 5 } }),
      note({ isActive: true, usageLimits: { dailyRequests: 5 } }, { isActive: false, usageLimits: {} }),
    ]);
  });

  it('has roles that were made, changed and deleted', async () => {
    const name = `role-${newId()}`;
    await admin.post('/admin/roles', { name, permissions: ['chat.use'] });
    await admin.patch(`/admin/roles/${name}`, { permissions: [] });
    await admin.patch(`/admin/roles/${name}`, { permissions: [] });
    await admin.delete(`/admin/roles/${name}`);
    const content = { permissions: ['chat.use'], allPermissions: false, usageLimits: {} };
    expect(await told(name)).to.deep.equal([
      { action: 'role.create', targetType: 'role', details: { after: content } },
      {
        action: 'role.update',
        targetType: 'role',
        details: { before: { permissions: ['chat.use'] }, after: { permissions: [] } },
      },
      { action: 'role.delete', targetType: 'role', details: { before: { ...content, permissions: [] } } },
    ]);
  });

  it('has credits that were set, added and refunded, once for each key', async () => {
    const { user } = await world.signUp();
    const put = (body: object, key: string = newId()) =>
      admin.send(
        'PUT',
        '/v1/balance',
        { userId: user.id, reason: 'a test', ...body },
        { headers: { 'idempotency-key': key } },
      );
    const key = newId();
    for (let times = 0; times < 3; times += 1)
      expect((await put({ amount: '0.5' }, key)).status).to.equal(200);
    await put({ balance: 10 });
    await put({ balance: 10 });
    const generationId = newId();
    await rows(
      database().db,
      `INSERT INTO generations (id, user_id, session_id, message_id, model, status, price)
       VALUES ($1, $2, $1, $1, 'echo', 'completed', '{}')`,
      [generationId, user.id],
    );
    const refund = (): [string, string, object] => [
      'POST',
      `/admin/generations/${generationId}/refund`,
      { reason: 'Sorry' },
    ];
    await admin.refused('conflict', refund());
    await rows(
      database().db,
      `INSERT INTO ledger_entries (id, user_id, kind, amount, generation_id, balance_after)
       VALUES ($1, $2, 'charge', -3, $1, 7)`,
      [generationId, user.id],
    );
    await admin.post<MovedBalance>(refund()[1], refund()[2]);
    await admin.refused('conflict', refund());
    const note = (before: string, after: string) => ({
      action: 'balance.adjust',
      targetType: 'user',
      details: { before: { balance: before }, after: { balance: after }, reason: 'a test' },
    });
    expect(await told(user.id)).to.deep.equal([note('1000', '1000.5'), note('1000.5', '10')]);
    expect(await told(generationId)).to.deep.equal([
      {
        action: 'generation.refund',
        targetType: 'generation',
        details: { userId: user.id, amount: '3', reason: 'Sorry' },
      },
    ]);
  });

  it('has what was overridden of a model', async () => {
    await admin.patch(ECHO, { title: 'Parrot', price: { creditsPer100Tokens: 2.5 } });
    await admin.patch(ECHO, { title: 'Parrot' });
    await admin.patch(ECHO, { title: null });
    const note = (before: object, after: object) => ({
      action: 'model.override',
      targetType: 'model',
      details: { before, after },
    });
    const set = { title: 'Parrot', creditsPer100Tokens: '2.5' };
    expect(await told('echo')).to.deep.equal([
      note({ title: null, creditsPer100Tokens: null }, set),
      note({ title: 'Parrot' }, { title: null }),
    ]);
  });

  it('has each provider whose list an admin took over, and none that failed', async () => {
    const [good, bad, none] = ['openai', 'gemini', 'anthropic'].map(createListingProvider);
    if (!good || !bad || !none) throw new Error('unreachable');
    good.lists = async () => [{ name: 'gpt-4.1' }, { name: 'gpt-brand-new' }];
    bad.lists = async () => {
      throw new Error('away');
    };
    const models = await startModelWorld(database(), { providers: [good, bad, none] });
    try {
      const boss = await models.signUp('admin');
      await boss.post('/models/sync');
      const [entry, ...more] = await world.audited('openai');
      expect(more).to.deep.equal([]);
      expect(entry).to.deep.include({ actorId: boss.userId, action: 'models.sync', targetType: 'provider' });
      expect(entry?.details).to.deep.include({ listed: 2, added: 1 });
      for (const name of ['gemini', 'anthropic']) expect(await world.audited(name)).to.deep.equal([]);
      await models.sync.syncDue(0);
      expect(await world.audited('openai')).to.have.length(1);
    } finally {
      await models.close();
    }
  });

  it('has nothing of what was refused or failed', async () => {
    const { user } = await world.signUp();
    const { client: nobody } = await world.signUp();
    const before = await world.countAudited();
    const put = { userId: user.id, amount: 5, reason: 'x' };
    await nobody.refused('forbidden', ['PUT', '/v1/balance', put]);
    await nobody.refused('forbidden', ['PATCH', `/admin/users/${user.id}`, { role: 'admin' }]);
    await admin.refused('not_found', ['PUT', '/v1/balance', { ...put, userId: newId() }]);
    await admin.refused('conflict', ['DELETE', '/admin/roles/user']);
    await admin.refused('conflict', ['PATCH', '/admin/roles/admin', { allPermissions: false }]);
    await admin.refused('not_found', ['PATCH', '/admin/models/openai/nothing', { title: 'x' }]);
    await admin.refused('validation_failed', ['PATCH', `/admin/users/${user.id}`, { role: 'nobody' }]);
    expect(await world.countAudited()).to.equal(before);
  });

  it('is written with the change or not at all: without it nothing is changed', async () => {
    const { user, client } = await world.signUp();
    const name = `role-${newId()}`;
    await admin.post('/admin/roles', { name, permissions: [] });
    const model = await admin.get<{ title: string }>('/models/echo');
    await rows(database().db, 'ALTER TABLE audit_log RENAME TO audit_log_away');
    try {
      const requests: [string, string, object?][] = [
        ['PATCH', `/admin/users/${user.id}`, { role: 'premium', isActive: false }],
        ['POST', '/admin/roles', { name: `role-${newId()}`, permissions: [] }],
        ['PATCH', `/admin/roles/${name}`, { permissions: ['chat.use'] }],
        ['DELETE', `/admin/roles/${name}`],
        ['PUT', '/v1/balance', { userId: user.id, amount: 5, reason: 'x' }],
        ['PATCH', ECHO, { title: 'Other' }],
      ];
      for (const request of requests) await admin.refused('internal', request);
    } finally {
      await rows(database().db, 'ALTER TABLE audit_log_away RENAME TO audit_log');
    }
    expect(await client.get('/auth/me')).to.include({ role: 'user' });
    expect(await client.get('/v1/balance')).to.include({ balance: 1000 });
    expect(await admin.get(`/admin/roles/${name}`)).to.deep.include({ permissions: [] });
    expect(await admin.get('/models/echo')).to.include({ title: model.title });
  });

  it('knows the request, as it stands in the answer', async () => {
    const { user } = await world.signUp();
    const answer = await admin.send('PATCH', `/admin/users/${user.id}`, { name: 'x' });
    const [entry] = await world.audited(user.id);
    expect(entry?.requestId).to.be.a('string').and.equal(answer.headers.get('x-request-id'));
  });

  it('is read newest first, page by page, by actor, action and target', async () => {
    const { client: other, user } = await world.signUp(['user.manage', 'user.view', 'system.view']);
    const { user: target } = await world.signUp(['chat.use']);
    await admin.patch(`/admin/users/${target.id}`, { role: 'viewer' });
    await admin.patch('/admin/roles/viewer', { permissions: [] });
    await other.patch(`/admin/users/${target.id}`, { name: 'x' });
    const list = (query: string) => other.all<AuditEntry>(`/admin/audit-log?${query}`);
    const all = await list('limit=2');
    for (const entry of all) auditEntrySchema.strict().parse(entry);
    expect(all.map(({ id }) => id)).to.deep.equal([...new Set(all.map(({ id }) => id))].sort().reverse());
    expect(all).to.have.length(await world.countAudited());
    expect((await list(`actorId=${user.id}`)).map(({ details }) => details)).to.deep.equal([
      { before: { name: null }, after: { name: 'x' } },
    ]);
    expect(await list('actorId=cli')).to.deep.equal([]);
    for (const action of AUDIT_ACTIONS) {
      const found = await list(`action=${action}&limit=100`);
      expect(found, action).to.deep.equal(all.filter((entry) => entry.action === action));
    }
    const ofTarget = await list(`targetType=user&targetId=${target.id}`);
    expect(ofTarget.map(({ actorId }) => actorId)).to.deep.equal([user.id, admin.userId, admin.userId]);
    expect(await list(`targetType=role&targetId=${target.id}`)).to.deep.equal([]);
  });

  it('is for who may see the system, and refuses filters that are none', async () => {
    const { client } = await world.signUp(['user.manage', 'roles.manage', 'user.view']);
    await client.refused('forbidden', ['GET', '/admin/audit-log']);
    for (const [query, path] of [
      ['actorId=me', 'query.actorId'],
      ['action=all', 'query.action'],
      ['targetType=session', 'query.targetType'],
      ['targetId=', 'query.targetId'],
      ['since=1', 'query.since'],
      ...BAD_CURSORS.map((cursor) => [`cursor=${cursor}`, 'query.cursor']),
    ]) {
      await admin.refused('validation_failed', ['GET', `/admin/audit-log?${query}`], [path ?? '']);
    }
  });
});
