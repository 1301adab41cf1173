import { expect } from 'chai';
import type { SignedIn } from '../../src/contracts/routes/auth.ts';
import type { Device } from '../../src/contracts/routes/devices.ts';
import { rows } from '../../src/data/database.ts';
import { createMemoryFeed } from '../../src/feed/memory.ts';
import { BAD_CURSORS } from '../support/bad-cursors.ts';
import { useTestDatabase } from '../support/database.ts';
import { expectProblem } from '../support/expect-problem.ts';
import { bearer, startTestApp, type TestApp } from '../support/http-app.ts';
import type { Listed } from '../support/rest-client.ts';

describe('the devices of a user', () => {
  const database = useTestDatabase();
  let app: TestApp;
  let other: TestApp;

  before(async () => {
    const { control } = createMemoryFeed();
    app = await startTestApp({ database: database(), control });
    other = await startTestApp({ database: database(), control });
  });
  after(() => Promise.all([app.close(), other.close()]));

  type Credentials = { email: string; password: string };
  const signIn = async ({ email, password }: Credentials, agent: string): Promise<SignedIn> => {
    const init = { headers: { 'user-agent': agent } };
    const answer = await app.send('POST', '/auth/login', { email, password }, init);
    expect(answer.status).to.equal(200);
    return (await answer.json()) as SignedIn;
  };
  const list = async (token: string, query = ''): Promise<Listed<Device>> => {
    const answer = await app.fetch(`/auth/devices${query}`, { headers: bearer(token) });
    expect(answer.status).to.equal(200);
    return (await answer.json()) as Listed<Device>;
  };
  const revoke = (token: string, id: string, to = app) =>
    to.fetch(`/auth/devices/${id}`, { method: 'DELETE', headers: bearer(token) });
  const agents = ({ data }: Listed<Device>) => data.map(({ userAgent }) => userAgent);

  it('are its sign-ins, newest first, with the one that asks', async () => {
    const user = await app.signUp();
    const phone = await signIn(user, 'phone');
    await signIn(user, 'tablet');
    const { data, nextCursor } = await list(phone.accessToken);
    expect(data.map(({ userAgent, current }) => [userAgent, current])).to.deep.equal([
      ['tablet', false],
      ['phone', true],
      ['node', false],
    ]);
    expect(nextCursor).to.equal(null);
    for (const device of data) {
      expect(Object.keys(device)).to.have.members(['id', 'userAgent', 'createdAt', 'lastUsedAt', 'current']);
      expect(Date.now() - Date.parse(device.createdAt)).to.be.within(-1_000, 10_000);
    }
  });

  it('stay one each while they refresh, and tell when', async () => {
    const user = await app.signUp();
    const earlier = `UPDATE refresh_families SET last_used_at = now() - interval '1 minute' WHERE user_id = $1 RETURNING 1`;
    await rows(database().db, earlier, [user.user.id]);
    const [before] = (await list(user.accessToken)).data;
    const { refreshToken } = user;
    const answer = await app.send('POST', '/auth/refresh', { refreshToken });
    const { accessToken } = (await answer.json()) as SignedIn;
    const { data } = await list(accessToken);
    expect(data).to.have.lengthOf(1);
    expect(data[0]).to.include({ id: before?.id, createdAt: before?.createdAt, current: true });
    expect(Date.parse(data[0]?.lastUsedAt ?? '')).to.be.greaterThan(Date.parse(before?.lastUsedAt ?? ''));
  });

  it('are not those that were signed out, are expired, or are of others', async () => {
    const user = await app.signUp();
    await app.signUp();
    const [out, old] = [await signIn(user, 'signed out'), await signIn(user, 'expired')];
    await app.fetch('/auth/logout', { method: 'POST', headers: bearer(out.accessToken) });
    await rows(database().db, 'UPDATE refresh_tokens SET expires_at = now() WHERE token_hash = sha256($1)', [
      Buffer.from(old.refreshToken),
    ]);
    expect(agents(await list(user.accessToken))).to.deep.equal(['node']);
  });

  it('come in pages', async () => {
    const user = await app.signUp();
    for (const agent of ['a', 'b', 'c']) await signIn(user, agent);
    const first = await list(user.accessToken, '?limit=3');
    expect(agents(first)).to.deep.equal(['c', 'b', 'a']);
    const second = await list(user.accessToken, `?limit=3&cursor=${first.nextCursor}`);
    expect(agents(second)).to.deep.equal(['node']);
    expect(second.nextCursor).to.equal(null);
    for (const cursor of BAD_CURSORS) {
      const answer = await app.fetch(`/auth/devices?cursor=${cursor}`, {
        headers: bearer(user.accessToken),
      });
      await expectProblem(answer, 'validation_failed', ['query.cursor']);
    }
  });

  it('keep what a client says of itself on one line of 300 characters', async () => {
    const user = await app.signUp();
    await signIn(user, 'x'.repeat(5_000));
    expect(agents(await list(user.accessToken))[0]).to.equal('x'.repeat(300));
  });

  it('are signed out by their owner, everywhere and once', async () => {
    const user = await app.signUp();
    const phone = await signIn(user, 'phone');
    const [{ id } = { id: '' }] = (await list(user.accessToken)).data;
    expect((await revoke(user.accessToken, id, other)).status).to.equal(204);
    for (const process of [app, other]) {
      const answer = await process.fetch('/auth/me', { headers: bearer(phone.accessToken) });
      await expectProblem(answer, 'token_revoked');
    }
    const { refreshToken } = phone;
    await expectProblem(await app.send('POST', '/auth/refresh', { refreshToken }), 'token_revoked');
    await expectProblem(await revoke(user.accessToken, id), 'not_found');
    expect(agents(await list(user.accessToken))).to.deep.equal(['node']);
  });

  it('may be the one that asks', async () => {
    const user = await app.signUp();
    const [{ id } = { id: '' }] = (await list(user.accessToken)).data;
    expect((await revoke(user.accessToken, id)).status).to.equal(204);
    const answer = await app.fetch('/auth/devices', { headers: bearer(user.accessToken) });
    await expectProblem(answer, 'token_revoked');
  });

  it('are nobody else’s to see or to sign out', async () => {
    const [ann, bob] = [await app.signUp(), await app.signUp()];
    const [{ id } = { id: '' }] = (await list(ann.accessToken)).data;
    await expectProblem(await revoke(bob.accessToken, id), 'not_found');
    await expectProblem(await revoke(bob.accessToken, crypto.randomUUID()), 'not_found');
    await expectProblem(await revoke(bob.accessToken, 'all'), 'validation_failed', ['params.id']);
    expect(await list(ann.accessToken).then(({ data }) => data.length)).to.equal(1);
    expect(await list(bob.accessToken).then(({ data }) => data.map((each) => each.id))).to.not.include(id);
  });

  it('are not for API keys', async () => {
    const user = await app.signUp();
    const init = { headers: bearer(user.accessToken) };
    const made = await app.send('POST', '/user/api-keys', { name: 'key', scopes: ['admin'] }, init);
    const { key } = (await made.json()) as { key: string };
    await expectProblem(await app.fetch('/auth/devices', { headers: bearer(key) }), 'forbidden');
    const [{ id } = { id: '' }] = (await list(user.accessToken)).data;
    await expectProblem(await revoke(key, id), 'forbidden');
  });
});
