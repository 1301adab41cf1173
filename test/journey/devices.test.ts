import { expect } from 'chai';
import type { SignedIn } from '../../src/contracts/routes/auth.ts';
import type { Device } from '../../src/contracts/routes/devices.ts';
import { rows } from '../../src/data/database.ts';
import { ChatClient } from '../support/chat-client.ts';
import { useSharedCluster } from '../support/cluster.ts';
import { EventStreamClient } from '../support/event-stream-client.ts';
import { describeWithRedis } from '../support/redis.ts';
import type { Listed } from '../support/rest-client.ts';
import { type Served, signInAgain, signUp, type TestUser } from '../support/test-user.ts';

/** Longest that a sign-in that was ended may go on, anywhere. */
const LONGEST_MS = 5_000;

describeWithRedis('a sign-in that is ended from elsewhere', function () {
  this.timeout(30_000);
  const cluster = useSharedCluster();

  /** Ends the sign-in of `victim` by way of another one of the same user, or of a thief. */
  type End = (here: Served, owner: TestUser, victim: TestUser) => Promise<void>;

  const ways: Record<string, End> = {
    'as a device': async (here, owner) => {
      const { data } = await owner.at(here).get<Listed<Device>>('/auth/devices');
      expect(data.map(({ current }) => current)).to.deep.equal([false, true]);
      await owner.at(here).delete(`/auth/devices/${data[0]?.id}`);
    },
    'by a change of the password': async (here, owner) => {
      const wish = { currentPassword: owner.password, newPassword: 'another one' };
      await owner.at(here).patch('/auth/password', wish);
    },
  };

  for (const [how, end] of Object.entries(ways)) {
    it(`${how} loses its sockets and streams on every process within 5 s; the other goes on`, async () => {
      const [here, there] = [cluster().web(0), cluster().web(1)];
      const owner = await signUp(here);
      const victim = await signInAgain(there, owner);
      await expectCut({ owner, victim, end: () => end(here, owner, victim) });
    });
  }

  it('by a refresh token that comes again loses them, too', async () => {
    const [here, there] = [cluster().web(0), cluster().web(1)];
    const owner = await signUp(here);
    const { refreshToken, accessToken: token } = await logIn(here, owner);
    // Traded on one process, again on the other; then, after the grace, by a thief.
    const next = await refresh(here, refreshToken);
    const again = await refresh(there, refreshToken);
    expect(await again.json()).to.include({ refreshToken: ((await next.json()) as SignedIn).refreshToken });
    const victim = { ...(await signInAgain(there, owner)), token };
    await expectCut({
      owner,
      victim: { ...victim, at: owner.at },
      end: async () => {
        await rows(
          cluster().database.db,
          `UPDATE refresh_tokens SET used_at = used_at - interval '11 seconds' WHERE token_hash = sha256($1)`,
          [Buffer.from(refreshToken)],
        );
        expect((await refresh(here, refreshToken)).status).to.equal(401);
      },
    });
  });

  async function expectCut(parts: { owner: TestUser; victim: TestUser; end: () => Promise<void> }) {
    const { owner, victim, end } = parts;
    const [here, there] = [cluster().web(0), cluster().web(1)];
    const session = await owner.at(here).newSession();
    const [cut, stays] = [
      await ChatClient.joined(victim, there, session.id),
      await ChatClient.joined(owner, there, session.id),
    ];
    const stream = new EventStreamClient(victim);
    await stream.open(there, session.id);

    const since = performance.now();
    await end();
    await cut.until('the disconnect', () => cut.lost !== undefined);
    await stream.until('the end of the stream', () => stream.ended);
    expect(performance.now() - since).to.be.below(LONGEST_MS);
    expect(cut.lost).to.equal('io server disconnect');
    const refusal = await cut.connect(there).catch((error: Error & { data: { code: string } }) => error);
    expect(refusal?.data.code).to.equal('token_revoked');

    const { replies } = await owner.at(here).say(session.id, 'Still here?');
    await stays.done([replies[0]?.id ?? '']);
    stays.cut();
  }

  const post = (to: Served, path: string, body: unknown) =>
    fetch(to.url + path, {
      method: 'POST',
      body: JSON.stringify(body),
      headers: { 'content-type': 'application/json' },
    });
  const refresh = (to: Served, refreshToken: string) => post(to, '/auth/refresh', { refreshToken });
  const logIn = async (to: Served, { email, password }: TestUser): Promise<SignedIn> =>
    (await (await post(to, '/auth/login', { email, password })).json()) as SignedIn;
});
