import { expect } from 'chai';
import { newId } from '../../src/base/ids.ts';
import { rows } from '../../src/data/database.ts';
import { useFaultCluster } from '../support/cluster.ts';
import { EventStreamClient } from '../support/event-stream-client.ts';
import { describeWithRedis } from '../support/redis.ts';
import { useRoom } from '../support/room.ts';
import { until } from '../support/until.ts';
import { words } from '../support/words.ts';

/** A lost job is missed after 5 s, and looked for every 3. */
const SWEPT_MS = 20_000;

describeWithRedis('a web process that stops or dies', function () {
  this.timeout(60_000);
  const cluster = useFaultCluster();
  const room = useRoom(cluster);
  afterEach(() => cluster().signalRedis('SIGCONT'));

  it('sends its clients to the other one at SIGTERM, and ends', async () => {
    const { here, sessionId } = room();
    const stream = new EventStreamClient(room().user);
    await stream.open(cluster().web(0), sessionId);
    const reply = await room().ask(words(800));
    await Promise.all([here.has(reply, 300), stream.has(reply, 300)]);

    const exit = await cluster().web(0).terminate();
    expect(exit).to.deep.include({ code: 0, signal: null });
    expect(exit.afterMs).to.be.lessThan(3_000);
    // Not `io server disconnect`, after which a client stays away.
    await here.until('the disconnect', () => here.lost !== undefined);
    expect(here.lost).to.equal('transport close');
    await stream.until('the end of the stream', () => stream.ended);

    const replaced = cluster().replaceWeb(0);
    await Promise.all([here.connect(cluster().web(1)), stream.open(cluster().web(1), sessionId)]);
    await here.join(sessionId);
    await room().expectAll(SWEPT_MS, [...room().devices, stream]);
    stream.cut();
    await replaced;
  });

  it('takes nothing with it when it is killed', async () => {
    const { here, sessionId } = room();
    const replies = [await room().ask(words(600, 'a')), await room().ask(words(900, 'b'))];
    await Promise.all(replies.map((reply) => here.has(reply, 300)));
    await cluster().web(0).kill();
    await here.until('the disconnect', () => here.lost !== undefined);
    const replaced = cluster().replaceWeb(0);
    await here.connect(cluster().web(1));
    await here.join(sessionId);
    await room().expectAll(SWEPT_MS);
    await replaced;
  });

  it('loses no message that it committed, though Redis took neither its announcement nor its job from it', async () => {
    const { user, sessionId, there, stream, asked } = room();
    const content = words(100);
    // Redis says nothing: what was asked of it lies in its socket, or was not sent before the process died.
    cluster().signalRedis('SIGSTOP');
    const posted = user.at(cluster().web(0)).say(sessionId, content);
    posted.catch(() => {});
    const committed = async () => {
      const sql = 'SELECT message_id AS id FROM generations WHERE session_id = $1';
      return rows<{ id: string }>(cluster().database.db, sql, [sessionId]);
    };
    await until('the commit', async () => (await committed()).length > 0);
    await cluster().web(0).kill();
    cluster().signalRedis('SIGCONT');
    const replaced = cluster().replaceWeb(0);
    const [{ id } = { id: '' }] = await committed();
    asked.set(id, content);
    await room().expectAll(SWEPT_MS, [there, stream]);
    await replaced;
  });

  it('leaves a message that it had no time to announce, and others learn of it with its first words', async () => {
    const { user, sessionId, asked, here } = room();
    const { db } = cluster().database;
    const [question, reply] = [newId(), newId()];
    const content = words(300);
    // What a commit leaves, of a process that died right after it.
    await rows(
      db,
      `INSERT INTO messages (id, session_id, user_id, parent_id, role, content)
       VALUES ($1, $3, $4, NULL, 'user', $5), ($2, $3, $4, $1, 'assistant', '')`,
      [question, reply, sessionId, user.id, content],
    );
    await rows(db, 'UPDATE sessions SET message_count = message_count + 2 WHERE id = $1', [sessionId]);
    await rows(db, 'UPDATE accounts SET running = running + 1 WHERE user_id = $1', [user.id]);
    await rows(
      db,
      `INSERT INTO generations (id, user_id, session_id, message_id, model, status, price, created_at)
       VALUES ($1, $2, $3, $4, 'echo', 'queued', $5, now() - interval '10 seconds')`,
      [
        newId(),
        user.id,
        sessionId,
        reply,
        { creditsPer100Tokens: '1', usdPerMillionInput: '0', usdPerMillionOutput: '0' },
      ],
    );
    asked.set(reply, content);
    await room().expectAll(SWEPT_MS);
    expect(here.transcript.text(question)).to.equal(content);
  });
});
