import { expect } from 'chai';
import { ChatClient } from '../support/chat-client.ts';
import { useCluster } from '../support/cluster.ts';
import { describeWithRedis } from '../support/redis.ts';
import { signUp } from '../support/test-user.ts';
import { words } from '../support/words.ts';

/** The grace of 500 ms, what handing over may take, and what else is closed. */
const STOPPED_MS = 6_000;

describeWithRedis('processes that must go while Redis says nothing, or is not there', function () {
  this.timeout(60_000);
  const cluster = useCluster({
    webs: 2,
    workers: 2,
    // With a model sync there is a second queue to be closed.
    env: { MODEL_SYNC_HOURS: '24', ECHO_TOKENS_PER_SECOND: '50', WORKER_CONCURRENCY: '2' },
  });
  afterEach(() => cluster().signalRedis('SIGCONT'));

  it('go, in the middle of replies', async () => {
    const user = await signUp(cluster().web(0));
    const { id } = await user.at(cluster().web(0)).newSession();
    const client = await ChatClient.joined(user, cluster().web(1), id);
    const replies = await Promise.all(
      [1, 2, 3, 4].map(async (n) => {
        const said = await user.at(cluster().web(0)).say(id, words(2_000, `r${n}.`));
        return said.replies[0]?.id ?? '';
      }),
    );
    await Promise.all(replies.map((reply) => client.has(reply, 20)));

    cluster().signalRedis('SIGSTOP');
    const hanging = await Promise.all(
      [cluster().worker(0), cluster().web(0)].map((each) => each.terminate()),
    );
    cluster().signalRedis('SIGCONT');
    await cluster().killRedis();
    const away = await Promise.all([cluster().worker(1), cluster().web(1)].map((each) => each.terminate()));
    await cluster().restartRedis();
    client.cut();
    for (const exit of [...hanging, ...away]) {
      expect(exit).to.deep.include({ code: 0, signal: null });
      expect(exit.afterMs).to.be.lessThan(STOPPED_MS);
    }
  });
});
