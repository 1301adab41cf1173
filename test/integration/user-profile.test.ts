import { expect } from 'chai';
import { PERMISSIONS } from '../../src/contracts/permissions.ts';
import { type Profile, profileSchema } from '../../src/contracts/routes/user.ts';
import { rows } from '../../src/data/database.ts';
import { useTestDatabase } from '../support/database.ts';
import type { RestClient } from '../support/rest-client.ts';
import { signUp, type TestUser } from '../support/test-user.ts';
import { startWebApp, type WebApp } from '../support/web-app.ts';

describe('the profile', () => {
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

  const profile = async (client = ann) => profileSchema.strict().parse(await client.get('/user/profile'));
  const change = (body: object) => ann.patch<Profile>('/user/profile', body);

  it('of a new account shows what it is, and what nobody has chosen yet', async () => {
    const { id, createdAt, permissions, stats, ...rest } = await profile();
    expect(id).to.equal(user.id);
    expect(Date.parse(createdAt)).to.be.closeTo(Date.now(), 60_000);
    expect(permissions).to.include('chat.use').and.not.include('models.paid');
    expect(stats).to.include({ messagesGenerated: 0, tokensUsed: 0, lastActive: null, loginCount: 1 });
    expect(stats.totalCost).to.deep.equal({ usd: 0, inr: 0 });
    expect(rest).to.deep.equal({
      email: user.email,
      name: null,
      role: 'user',
      emailVerified: false,
      bio: null,
      preferences: { theme: 'auto', language: null, notifications: {} },
      favoriteModels: [],
      usageLimits: { dailyRequests: 50, monthlyRequests: 1_000, monthlyTokens: 100_000 },
    });
  });

  it('shows what its replies took, and the sign-ins', async () => {
    await rows(
      database().db,
      `INSERT INTO usage_days (user_id, day, model, kind, completed, failed, input_tokens, output_tokens, cost_usd)
       VALUES ($1, '2026-01-01', 'echo', 'reply', 3, 1, 100, 20, 0.5), ($1, '2026-01-01', 'echo', 'title', 9, 9, 9, 9, 9)
       RETURNING 1`,
      [user.id],
    );
    await rows(database().db, 'UPDATE users SET login_count = 7 WHERE id = $1', [user.id]);
    const { lastActivityAt } = await ann.newSession();
    expect((await profile()).stats).to.deep.equal({
      messagesGenerated: 3,
      tokensUsed: 120,
      totalCost: { usd: 0.5, inr: 44 },
      lastActive: lastActivityAt,
      loginCount: 7,
    });
  });

  it('shows the permissions and limits that hold now, those of the user over those of the role', async () => {
    await rows(
      database().db,
      `UPDATE users SET role = 'premium', usage_limits = '{"dailyRequests": null, "monthlyTokens": 7}' WHERE id = $1`,
      [user.id],
    );
    const premium = await profile();
    expect(premium.permissions).to.include('models.paid');
    expect(premium.usageLimits).to.deep.equal({
      dailyRequests: null,
      monthlyRequests: 5_000,
      monthlyTokens: 7,
    });
    await rows(database().db, `UPDATE users SET role = 'admin' WHERE id = $1`, [user.id]);
    expect((await profile()).permissions).to.deep.equal([...PERMISSIONS]);
  });

  it('changes what is given, and nothing else', async () => {
    const before = await profile();
    const changed = await change({ name: 'Ann', bio: 'Reads\nand writes.', preferences: { theme: 'dark' } });
    const preferences = { theme: 'dark' as const, language: null, notifications: {} };
    expect(changed).to.deep.equal({ ...before, name: 'Ann', bio: 'Reads\nand writes.', preferences });
    expect(await profile()).to.deep.equal(changed);
    await change({ preferences: { language: 'EN-in', notifications: { email: true, 'push.new': false } } });
    expect(await profile()).to.deep.equal({
      ...changed,
      preferences: { theme: 'dark', language: 'en-IN', notifications: { email: true, 'push.new': false } },
    });
    expect((await change({})).name).to.equal('Ann');
  });

  it('takes things away with null', async () => {
    await change({
      name: 'Ann',
      bio: 'x',
      preferences: { theme: 'dark', language: 'de', notifications: { a: true } },
    });
    const { name, bio, preferences } = await change({
      name: null,
      bio: null,
      preferences: { theme: null, language: null, notifications: null },
    });
    expect({ name, bio, preferences }).to.deep.equal({
      name: null,
      bio: null,
      preferences: { theme: 'auto', language: null, notifications: {} },
    });
  });

  it('loses none of two changes of different preferences at once', async () => {
    for (let round = 0; round < 5; round++) {
      const language = `de-x-${round}abc`;
      const name = `Round ${round}`;
      await Promise.all([
        change({ preferences: { theme: round % 2 ? 'dark' : 'light' } }),
        change({ preferences: { language } }),
        change({ name }),
      ]);
      const now = await profile();
      expect(now.name).to.equal(name);
      expect(now.preferences).to.include({ theme: round % 2 ? 'dark' : 'light', language });
    }
  });

  it('takes no field that is not the owner’s to change', async () => {
    const before = await profile();
    const fields = {
      id: user.id,
      email: 'other@example.com',
      role: 'admin',
      permissions: ['balance.manage'],
      isActive: true,
      emailVerified: true,
      credits: 1_000_000,
      balance: 1_000_000,
      usageLimits: { dailyRequests: null },
      passwordHash: 'x',
      googleId: 'x',
      loginCount: 0,
      stats: {},
      favoriteModels: ['echo'],
      createdAt: new Date(0).toISOString(),
      __proto__x: 1,
    };
    for (const [field, value] of Object.entries(fields)) {
      await ann.refused(
        'validation_failed',
        ['PATCH', '/user/profile', { name: 'Mallory', [field]: value }],
        [`body.${field}`],
      );
    }
    await ann.refused(
      'validation_failed',
      ['PATCH', '/user/profile', { preferences: { role: 'admin' } }],
      ['body.preferences.role'],
    );
    expect(await profile()).to.deep.equal(before);
  });

  it('refuses what is not valid, naming the field', async () => {
    const many = Object.fromEntries(Array.from({ length: 51 }, (_, n) => [`n${n}`, true]));
    const bad: [object, string][] = [
      [{ name: '' }, 'body.name'],
      [{ name: 'two\nlines' }, 'body.name'],
      [{ name: 'x'.repeat(101) }, 'body.name'],
      [{ bio: 'x'.repeat(1_001) }, 'body.bio'],
      [{ bio: 'a\u0000b' }, 'body.bio'],
      [{ bio: '\ud800' }, 'body.bio'],
      [{ bio: 7 }, 'body.bio'],
      [{ preferences: null }, 'body.preferences'],
      [{ preferences: { theme: 'blue' } }, 'body.preferences.theme'],
      [{ preferences: { language: 'not a language' } }, 'body.preferences.language'],
      [{ preferences: { language: '' } }, 'body.preferences.language'],
      [{ preferences: { language: 'en_US' } }, 'body.preferences.language'],
      [{ preferences: { notifications: { email: 'yes' } } }, 'body.preferences.notifications.email'],
      [{ preferences: { notifications: [true] } }, 'body.preferences.notifications'],
      [{ preferences: { notifications: { 'a b': true } } }, 'body.preferences.notifications.a b'],
      [{ preferences: { notifications: many } }, 'body.preferences.notifications'],
    ];
    for (const [body, path] of bad) {
      await ann.refused('validation_failed', ['PATCH', '/user/profile', body], [path]);
    }
  });

  it('is nobody else’s, and not for API keys', async () => {
    await change({ name: 'Ann' });
    const bob = (await signUp(app)).at(app);
    expect(await profile(bob)).to.include({ id: bob.userId, name: null });
    const { key } = await ann.post<{ key: string }>('/user/api-keys', {
      name: 'all',
      scopes: ['chat', 'models', 'text', 'ai', 'usage'],
    });
    const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/json' };
    const tries: [method: string, path: string, body?: object][] = [
      ['GET', '/user/profile'],
      ['PATCH', '/user/profile', { name: 'Mallory' }],
      ['POST', '/user/favorites/echo'],
      ['GET', '/user/export'],
      ['DELETE', '/user/account', { password: user.password }],
    ];
    for (const [method, path, body] of tries) {
      const answer = await fetch(app.url + path, {
        method,
        headers,
        ...(body && { body: JSON.stringify(body) }),
      });
      expect(answer.status, path).to.equal(403);
      expect((await answer.json()) as object, path).to.include({ code: 'forbidden' });
    }
    for (const [method, path] of tries)
      expect((await fetch(app.url + path, { method })).status).to.equal(401);
    expect((await profile()).name).to.equal('Ann');
  });
});
