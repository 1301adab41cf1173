import { expect } from 'chai';
import { problemSchema } from '../../src/contracts/errors.ts';
import { ChatClient } from '../support/chat-client.ts';
import { useSharedCluster } from '../support/cluster.ts';
import { EventStreamClient } from '../support/event-stream-client.ts';
import { describeWithRedis } from '../support/redis.ts';
import { signInAgain, signUp, type TestUser } from '../support/test-user.ts';

describeWithRedis('a sign-in and its connections', function () {
  this.timeout(30_000);
  const cluster = useSharedCluster();
  /** Told that its token has run out, this one does nothing, and that one sends a fresh one. */
  let idle: ChatClient;
  let renewing: ChatClient;
  let expiring: TestUser;

  before(async function () {
    this.timeout(60_000);
    // Every process checks tokens alike; only those of this one run out in seconds.
    const shortLived = await cluster().addWeb({ ACCESS_TOKEN_MINUTES: '0.05' });
    expiring = await signUp(shortLived);
    [idle, renewing] = [new ChatClient(expiring), new ChatClient(expiring)];
    await Promise.all([idle.connect(cluster().web(0)), renewing.connect(cluster().web(1))]);
    const noticeAfter = performance.now();
    expect(idle.expired).to.equal(false);
    noticed = idle.until('auth:expired', () => idle.expired).then(() => performance.now() - noticeAfter);
    noticed.catch(() => {});
  });
  let noticed: Promise<number>;

  it('is refused with the problem as data when the token is missing, made up, or of a revoked sign-in', async () => {
    const [here, there] = [cluster().web(0), cluster().web(1)];
    const user = await signUp(here);
    await user.at(there).send('POST', '/auth/logout');
    const refused: [token: string | undefined, code: string][] = [
      [undefined, 'unauthenticated'],
      ['', 'unauthenticated'],
      ['made.up.token', 'unauthenticated'],
      ['x'.repeat(5_000), 'unauthenticated'],
      [user.token, 'token_revoked'],
    ];
    for (const [token, code] of refused) {
      const client = new ChatClient({ ...user, token: token as string });
      const error = await client.connect(there).then(
        () => expect.fail(`${token?.slice(0, 20)} was accepted`),
        (reason: Error & { data?: unknown }) => reason,
      );
      const problem = problemSchema.strict().parse(error.data);
      expect([problem.code, problem.status]).to.deep.equal([code, 401]);
    }
  });

  it('ends on the other web process when it logs out, and other sign-ins of the user stay', async () => {
    const [here, there] = [cluster().web(0), cluster().web(1)];
    const leaving = await signUp(here);
    const staying = await signInAgain(there, leaving);
    const session = await leaving.at(here).newSession();
    const [left, stays] = await Promise.all([
      ChatClient.joined(leaving, there, session.id),
      ChatClient.joined(staying, there, session.id),
    ]);
    const [leftStream, staysStream] = [new EventStreamClient(leaving), new EventStreamClient(staying)];
    await Promise.all([leftStream.open(there, session.id), staysStream.open(there, session.id)]);

    await leaving.at(here).send('POST', '/auth/logout');
    await left.until('the disconnect', () => left.lost !== undefined);
    expect(left.lost).to.equal('io server disconnect');
    await leftStream.until('the end of the stream', () => leftStream.ended);
    const again = await left.connect(there).catch((error: Error & { data: { code: string } }) => error);
    expect(again?.data.code).to.equal('token_revoked');

    const { replies } = await staying.at(here).say(session.id, 'Still here?');
    await Promise.all([stays.done([replies[0]?.id ?? '']), staysStream.done([replies[0]?.id ?? ''])]);
    stays.cut();
    staysStream.cut();
  });

  it('goes on after its token has run out, with a fresh one of the same user and no other', async () => {
    const here = cluster().web(0);
    await renewing.until('auth:expired', () => renewing.expired);
    const refusal = async (token: string) =>
      renewing.renew(token).then(
        () => 'accepted',
        (error: { data: { code: string } }) => error.data.code,
      );
    expect(await refusal(expiring.token)).to.equal('token_expired');
    expect(await refusal((await signUp(here)).token)).to.equal('forbidden');
    const fresh = await signInAgain(here, expiring);
    const expiresAt = Date.parse(await renewing.renew(fresh.token));
    expect(expiresAt - Date.now()).to.be.within(14 * 60_000, 15 * 60_000);
  });

  it('is told that its token has run out, and disconnected when nothing follows; a renewed one stays', async () => {
    expect(await noticed).to.be.lessThan(5_000);
    await idle.until('the disconnect', () => idle.lost !== undefined);
    expect(idle.lost).to.equal('io server disconnect');
    const session = await (await signInAgain(cluster().web(0), expiring)).at(cluster().web(0)).newSession();
    await renewing.join(session.id);
    const { replies } = await renewing.send({ sessionId: session.id, content: 'Still here?' });
    await renewing.done([replies[0]?.id ?? '']);
    renewing.cut();
  });
});
