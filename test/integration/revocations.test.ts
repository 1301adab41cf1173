import { expect } from 'chai';
import { z } from 'zod';
import { defineRoute } from '../../src/contracts/route.ts';
import { createMemoryFeed } from '../../src/feed/memory.ts';
import type { ControlBus } from '../../src/feed/ports.ts';
import { mountRoute } from '../../src/http/mount-route.ts';
import type { RouteModule } from '../../src/http/route-table.ts';
import { createRevocations, type Revocations } from '../../src/services/revocations.ts';
import { createStreamTickets } from '../../src/services/stream-tickets.ts';
import { useTestDatabase } from '../support/database.ts';
import { expectProblem } from '../support/expect-problem.ts';
import { silentLog } from '../support/global.ts';
import { bearer, startTestApp, type TestApp } from '../support/http-app.ts';

const deadBus: ControlBus = {
  publish: () => Promise.reject(new Error('the broker is away')),
  subscribe: () => () => {},
};

const stream = defineRoute({
  method: 'get',
  path: '/stream',
  summary: 'Stands for an event stream',
  tag: 'Test',
  access: 'ticket',
  query: z.strictObject({ ticket: z.string().optional() }),
  answer: { status: 200, schema: z.object({ userId: z.string() }) },
});
const streamRoute: RouteModule = (table) =>
  mountRoute(table, stream, async (_input, { identity: { userId } }) => ({ userId }));

describe('revocation', () => {
  const database = useTestDatabase();
  const started: Revocations[] = [];
  let app: TestApp;
  let other: TestApp;
  let control: ControlBus;

  before(async () => {
    ({ control } = createMemoryFeed());
    app = await startTestApp({ database: database(), control, routes: [streamRoute] });
    other = await startTestApp({ database: database(), control });
  });
  after(() => Promise.all([app.close(), other.close()]));
  afterEach(() => Promise.all(started.splice(0).map((revocations) => revocations.stop())));

  const me = (token: string, to = app) => to.fetch('/auth/me', { headers: bearer(token) });
  const logout = (token: string) => app.fetch('/auth/logout', { method: 'POST', headers: bearer(token) });
  const familyOf = (token: string) => JSON.parse(atob(token.split('.')[1] as string)).fam as string;
  const open = (bus: ControlBus, pollMs = 60_000): Revocations => {
    const revocations = createRevocations({
      database: database(),
      control: bus,
      log: silentLog,
      accessTokenMinutes: 15,
      pollMs,
    });
    started.push(revocations);
    return revocations;
  };

  it('takes effect at once, in every process', async () => {
    const { accessToken, refreshToken } = await app.signUp();
    expect((await me(accessToken, other)).status).to.equal(200);
    expect((await logout(accessToken)).status).to.equal(204);
    await expectProblem(await me(accessToken), 'token_revoked');
    await expectProblem(await me(accessToken, other), 'token_revoked');
    await expectProblem(await app.send('POST', '/auth/refresh', { refreshToken }), 'token_revoked');
    await expectProblem(await logout(accessToken), 'token_revoked');
  });

  it('tells its listeners once, those of other processes too, until they leave', async () => {
    const [one, two] = [await app.signUp(), await app.signUp()];
    const second = open(control);
    await second.start();
    const heard: string[] = [];
    const leave = second.onRevoked((familyId) => heard.push(familyId));
    second.onRevoked(() => {
      throw new Error('a broken listener');
    });
    await logout(one.accessToken);
    expect(heard).to.deep.equal([familyOf(one.accessToken)]);
    await app.revocations.revoke(familyOf(one.accessToken));
    leave();
    await logout(two.accessToken);
    expect(heard).to.have.lengthOf(1);
    expect(second.isRevoked(familyOf(two.accessToken))).to.equal(true);
  });

  it('survives a restart', async () => {
    const { accessToken } = await app.signUp();
    await logout(accessToken);
    const restarted = open(deadBus);
    expect(restarted.isRevoked(familyOf(accessToken))).to.equal(false);
    await restarted.start();
    expect(restarted.isRevoked(familyOf(accessToken))).to.equal(true);
  });

  it('reaches a process that missed the broadcast, by the table', async () => {
    const { accessToken } = await app.signUp();
    const deaf = open(deadBus, 10);
    await deaf.start();
    const heard = new Promise<string>((resolve) => deaf.onRevoked(resolve));
    await logout(accessToken);
    expect(await heard).to.equal(familyOf(accessToken));
  });

  it('of an API key reaches such a process, too, and one that starts later', async () => {
    const { accessToken } = await app.signUp();
    const headers = bearer(accessToken);
    const made = await app.send('POST', '/user/api-keys', { name: 'Key', scopes: ['chat'] }, { headers });
    const { id } = (await made.json()) as { id: string };
    const deaf = open(deadBus, 10);
    await deaf.start();
    const heard = new Promise<string>((resolve) => deaf.onRevoked(resolve));
    const revoked = await app.fetch(`/user/api-keys/${id}`, { method: 'DELETE', headers });
    expect(revoked.status).to.equal(204);
    expect(await heard).to.equal(id);
    const later = open(deadBus);
    await later.start();
    expect(later.isRevoked(id)).to.equal(true);
  });

  it('holds when the broadcast fails', async () => {
    const { accessToken } = await app.signUp();
    const mute = open(deadBus);
    await mute.start();
    await mute.revoke(familyOf(accessToken));
    expect(mute.isRevoked(familyOf(accessToken))).to.equal(true);
    const later = open(control);
    await later.start();
    expect(later.isRevoked(familyOf(accessToken))).to.equal(true);
  });

  it('ignores broadcasts that are none, and stops twice', async () => {
    const revocations = open(control);
    await revocations.start();
    for (const payload of [null, 'x', 7, {}]) await control.publish('family-revoked', payload);
    await revocations.stop();
    await revocations.stop();
    const { accessToken } = await app.signUp();
    await logout(accessToken);
    expect(revocations.isRevoked(familyOf(accessToken))).to.equal(false);
  });

  describe('stream tickets', () => {
    const issue = async (accessToken: string) => {
      const answer = await app.fetch('/auth/stream-ticket', { method: 'POST', headers: bearer(accessToken) });
      expect(answer.status).to.equal(201);
      const { ticket, expiresIn } = (await answer.json()) as { ticket: string; expiresIn: number };
      expect(expiresIn).to.equal(30);
      return ticket;
    };
    const redeem = (ticket: string) => app.fetch(`/stream?ticket=${ticket}`);

    it('stand for their owner, once', async () => {
      const { accessToken, user } = await app.signUp();
      const ticket = await issue(accessToken);
      const answers = await Promise.all([redeem(ticket), redeem(ticket), redeem(ticket)]);
      const good = answers.filter((answer) => answer.status === 200);
      expect(good).to.have.lengthOf(1);
      expect(await good[0]?.json()).to.deep.equal({ userId: user.id });
      await expectProblem(await redeem(ticket), 'unauthenticated');
    });

    it('are not needed with a token, and good for event streams alone', async () => {
      const { accessToken, user } = await app.signUp();
      const withToken = await app.fetch('/stream', { headers: bearer(accessToken) });
      expect(await withToken.json()).to.deep.equal({ userId: user.id });
      await expectProblem(await app.fetch(`/auth/me?ticket=${await issue(accessToken)}`), 'unauthenticated');
      for (const wrong of ['', 'x', 'x'.repeat(43), '%00']) {
        await expectProblem(await redeem(wrong), 'unauthenticated');
      }
    });

    it('are no good after the sign-in was revoked', async () => {
      const { accessToken } = await app.signUp();
      const ticket = await issue(accessToken);
      await logout(accessToken);
      await expectProblem(await redeem(ticket), 'token_revoked');
    });

    it('are kept for 30 s, and never outlive the access token', async () => {
      const lives: number[] = [];
      const store = new Map<string, string>();
      const tickets = createStreamTickets({
        revocations: app.revocations,
        tickets: {
          put: async (key, value, ttlMs) => {
            lives.push(ttlMs);
            store.set(key, value);
          },
          take: async (key) => store.get(key) ?? null,
        },
      });
      const identity = { userId: 'u', role: 'user', familyId: 'f', tokenId: 't' };
      const good = await tickets.issue({ ...identity, expiresAt: Date.now() + 60_000 });
      const ended = await tickets.issue({ ...identity, expiresAt: Date.now() });
      expect(lives).to.deep.equal([30_000, 30_000]);
      expect((await tickets.redeem(good.ticket)).userId).to.equal('u');
      const refusal = await tickets.redeem(ended.ticket).catch((error: unknown) => error);
      expect(refusal).to.have.property('code', 'token_expired');
    });
  });
});
