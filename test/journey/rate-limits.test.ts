import { expect } from 'chai';
import { useCluster } from '../support/cluster.ts';
import { describeWithRedis } from '../support/redis.ts';
import { signUp } from '../support/test-user.ts';
import { until } from '../support/until.ts';

const LIMIT = 20;

describeWithRedis('rate limits over two web processes', function () {
  this.timeout(60_000);
  const cluster = useCluster({
    webs: 2,
    workers: 0,
    env: {
      RATE_LIMITS: 'on',
      RATE_LIMIT_GENERATION_REQUESTS: String(LIMIT),
      RATE_LIMIT_GLOBAL_REQUESTS: '1000',
      TRUST_PROXY_HOPS: '1',
    },
  });
  afterEach(() => cluster().signalRedis('SIGCONT'));

  const left = (answer: Response) =>
    Number(/"global";r=(\d+)/.exec(answer.headers.get('ratelimit') ?? '')?.[1]);
  const visit = (web: number, address: string) =>
    fetch(`${cluster().web(web).url}/auth/me`, { headers: { 'x-forwarded-for': address } });

  /** Waits until both processes hear Redis: one that does not for half a second counts alone for the next two. */
  async function countTogether(address: string): Promise<void> {
    const areTogether = async () => {
      const one = left(await visit(0, address));
      return left(await visit(1, address)) === one - 1;
    };
    await until('they count together', areTogether, 15_000);
  }

  // A process that has just been started may have too much to do for that.
  before(() => countTogether('1.1.1.0'));

  it('are counted together, by address and by user', async () => {
    expect(left(await visit(0, '1.1.1.1'))).to.equal(999);
    expect(left(await visit(1, '1.1.1.1'))).to.equal(998);
    expect(left(await visit(1, '1.1.1.2'))).to.equal(999);

    const user = await signUp(cluster().web(0));
    const session = await user.at(cluster().web(0)).newSession();
    const body = { sessionId: session.id, content: 'Why?' };
    const posts = Array.from({ length: 2 * LIMIT }, (_, n) =>
      user.at(cluster().web(n % 2)).send('POST', '/messages', body),
    );
    const statuses = (await Promise.all(posts)).map(({ status }) => status);
    expect(statuses.filter((status) => status === 201)).to.have.lengthOf(LIMIT);
    expect(statuses.filter((status) => status === 429)).to.have.lengthOf(LIMIT);
  });

  it('refuse nobody, and let nobody wait for long, while Redis hangs', async () => {
    cluster().signalRedis('SIGSTOP');
    const since = performance.now();
    for (let n = 0; n < 20; n += 1) expect((await visit(n % 2, '1.1.1.3')).status).to.equal(401);
    expect(performance.now() - since, 'half a second for each would be 10 s').to.be.below(5_000);
    expect(left(await visit(0, '1.1.1.3')), 'each process counts for itself').to.be.within(985, 990);
  });

  it('refuse nobody while Redis is dead, and count together again when it is back', async () => {
    await cluster().killRedis();
    for (let n = 0; n < 20; n += 1) expect((await visit(n % 2, '1.1.1.4')).status).to.equal(401);
    await cluster().restartRedis();
    await countTogether('1.1.1.5');
  });
});
