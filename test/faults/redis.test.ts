import { expect } from 'chai';
import { Redis } from 'ioredis';
import { rows } from '../../src/data/database.ts';
import { ChatClient } from '../support/chat-client.ts';
import { useFaultCluster } from '../support/cluster.ts';
import { expectProblem } from '../support/expect-problem.ts';
import { describeWithRedis } from '../support/redis.ts';
import { useRoom } from '../support/room.ts';
import { until } from '../support/until.ts';
import { words } from '../support/words.ts';

/** A lost job is missed after 5 s, and looked for every 3. */
const SWEPT_MS = 20_000;

describeWithRedis('a Redis that is flushed, dies, or hangs', function () {
  this.timeout(60_000);
  const cluster = useFaultCluster();
  const room = useRoom(cluster);
  afterEach(() => cluster().signalRedis('SIGCONT'));

  it('that is flushed interrupts nothing that runs, and loses nothing that waits', async () => {
    const { here, user, sessionId, asked } = room();
    const running = [await room().ask(words(1_200, 'a')), await room().ask(words(1_400, 'b'))];
    await Promise.all(running.map((reply) => here.has(reply, 300)));
    // A worker that does nothing lets the next ones wait.
    const worker = cluster().worker(0);
    worker.signal('SIGSTOP');
    const waiting = [await room().ask(words(50, 'c')), await room().ask(words(60, 'd'))];
    const redis = new Redis(cluster().redis.url);
    await redis.flushall();
    redis.disconnect();
    // It has nothing yet, so it needs the text from before the flush as well, which only the worker still has.
    const late = await ChatClient.joined(user, cluster().web(1), sessionId);
    worker.signal('SIGCONT');
    for (const reply of running)
      expect(late.transcript.copies.get(reply)?.message.status).to.equal('streaming');
    for (const reply of waiting) expect(asked.has(reply)).to.equal(true);

    await room().expectAll(SWEPT_MS, [...room().devices, late]);
    for (const reply of running) expect(here.transcript.copies.get(reply)?.attempts).to.deep.equal([0, 1]);
    late.cut();
  });

  it('that hangs for a while only makes everybody wait', async () => {
    const { here } = room();
    const reply = await room().ask(words(1_000));
    await here.has(reply, 500);
    const lastSign = async () => {
      const sql = 'SELECT heartbeat_at AS at FROM generations WHERE message_id = $1';
      return (await rows<{ at: Date }>(cluster().database.db, sql, [reply]))[0]?.at.getTime();
    };
    cluster().signalRedis('SIGSTOP');
    // The worker goes on, and gives signs of life in the database.
    const before = await lastSign();
    await until('a sign of life', async () => (await lastSign()) !== before);
    expect(here.transcript.isDone(reply)).to.equal(false);
    cluster().signalRedis('SIGCONT');
    await room().expectAll(SWEPT_MS);
    expect(here.transcript.copies.get(reply)?.attempts).to.deep.equal([0, 1]);
  });

  it('that dies and comes back empty takes no text, no end and no waiting message with it', async () => {
    const { here, asked } = room();
    // They end one after the other: some before it dies, some while it is away, some while it comes back.
    for (let n = 1; n <= 40; n++) await room().ask(words(50 * n, `r${n}.`));
    const [first = ''] = asked.keys();
    await here.done([first]);
    await cluster().killRedis();
    await room().ask(words(30, 'away'), 1);
    // What needs a live text says that it is nobody's mistake.
    const opening = await room().user.at(cluster().web(0)).send('GET', `/sessions/${room().sessionId}`);
    expect((await expectProblem(opening, 'not_ready')).retryAfterSeconds).to.be.above(0);
    await until('a reply that ends meanwhile', async () => {
      const found = await rows<{ id: string }>(
        cluster().database.db,
        `SELECT message_id AS id FROM generations WHERE status = 'completed' AND session_id = $1`,
        [room().sessionId],
      );
      return found.some(({ id }) => !here.transcript.isDone(id));
    });
    await cluster().restartRedis();
    await room().expectAll(SWEPT_MS);
  });
});
