import { expect } from 'chai';
import pg from 'pg';
import type { SendMessageAnswer } from '../../src/contracts/routes/messages.ts';
import { useFaultCluster } from '../support/cluster.ts';
import { describeWithRedis } from '../support/redis.ts';
import { useRoom } from '../support/room.ts';
import { until } from '../support/until.ts';
import { words } from '../support/words.ts';

/** Longest time until what was interrupted is taken up again. */
const TAKEN_UP_MS = 20_000;

describeWithRedis('a PostgreSQL that ends every connection', function () {
  this.timeout(60_000);
  const cluster = useFaultCluster();
  const room = useRoom(cluster);

  /** As a restart of the server does to its clients. Answers how many there were. */
  async function endConnections(): Promise<number> {
    const client = new pg.Client({ connectionString: cluster().database.url });
    await client.connect();
    const { rowCount } = await client.query(
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
        WHERE datname = current_database() AND pid <> pg_backend_pid()`,
    );
    await client.end();
    return rowCount ?? 0;
  }

  it('again and again, in the middle of replies, makes nothing wrong', async () => {
    const { here } = room();
    for (let n = 1; n <= 12; n++) await room().ask(words(100 * n, `p${n}.`));
    const [last = ''] = [...room().asked.keys()].reverse();
    let ended = 0;
    for (let chars = 500; chars <= 5_000; chars += 500) {
      await here.has(last, chars);
      ended += await endConnections();
    }
    expect(ended).to.be.greaterThan(10);
    await room().expectAll(TAKEN_UP_MS);
  });

  it('while a message is posted answers at worst with an error, after which the same key posts it once', async () => {
    const { user, sessionId, asked } = room();
    const content = words(50);
    const headers = { 'idempotency-key': crypto.randomUUID() };
    const statuses = new Set<number>();
    const ending = { now: true };
    const ends = (async () => {
      while (ending.now) await endConnections();
    })();
    for (let n = 0; n < 10; n++) {
      const answer = await user
        .at(cluster().web(n % 2))
        .send('POST', '/messages', { sessionId, content }, { headers });
      statuses.add(answer.status);
    }
    ending.now = false;
    await ends;
    await until('a message', async () => {
      const answer = await user
        .at(cluster().web(0))
        .send('POST', '/messages', { sessionId, content }, { headers });
      if (answer.status !== 201) return false;
      const { replies } = (await answer.json()) as SendMessageAnswer;
      asked.set(replies[0]?.id ?? '', content);
      return true;
    });
    for (const status of statuses) expect(status).to.be.oneOf([201, 503]);
    await room().expectAll(TAKEN_UP_MS);
    expect(asked.size).to.equal(1);
  });
});
