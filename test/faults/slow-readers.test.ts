import { expect } from 'chai';
import { ChatClient } from '../support/chat-client.ts';
import { useCluster } from '../support/cluster.ts';
import { EventStreamClient } from '../support/event-stream-client.ts';
import { expectInvariants, expectSameEverywhere } from '../support/invariants.ts';
import { openAiWire } from '../support/provider-wires.ts';
import { describeWithRedis } from '../support/redis.ts';
import { signUp } from '../support/test-user.ts';
import { words } from '../support/words.ts';

/** What models write as fast as they can: 10 MB for each reader, several times what the kernel takes for it. */
const REPLIES = 40;
const REPLY = words(35_000);
const READERS = 30;
/** About 130 MB, most of it garbage that is not collected yet; 670 MB when nothing bounds it. */
const MAX_GROWTH_BYTES = 300_000_000;

describeWithRedis('readers that stop reading while models write fast', function () {
  this.timeout(60_000);
  // What echo writes here is longer than the test may take.
  const env = { SOCKET_BUFFER_BYTES: '200000', ECHO_TOKENS_PER_SECOND: '150' };
  const cluster = useCluster({ webs: 1, workers: 1, env });

  it('cost a bounded amount of memory, and have everything once they read again', async () => {
    const { database, provider } = cluster();
    const web = cluster().web(0);
    const user = await signUp(web);
    const { id: sessionId } = await user.at(web).newSession();
    const reading = await ChatClient.joined(user, web, sessionId);
    const slow = await Promise.all(
      Array.from({ length: READERS }, () => ChatClient.joined(user, web, sessionId)),
    );
    const slowStreams = await Promise.all(
      Array.from({ length: 3 }, async () => {
        const stream = new EventStreamClient(user);
        await stream.open(web, sessionId);
        return stream;
      }),
    );
    const { replies } = await user.at(web).say(sessionId, words(10_000));
    const going = replies[0]?.id ?? '';
    await Promise.all([...slow, ...slowStreams].map((client) => client.has(going, 1)));
    for (const client of [...slow, ...slowStreams]) client.stopReading();

    const before = web.residentBytes();
    let peak = before;
    const watch = setInterval(() => {
      peak = Math.max(peak, web.residentBytes());
    }, 50);
    const pieces = REPLY.match(/.{1,5000}/gsu) ?? [];
    const ids = await Promise.all(
      Array.from({ length: REPLIES }, async () => {
        provider.answer({ steps: [openAiWire.begin, ...pieces.map(openAiWire.text), openAiWire.end()] });
        const asked = { sessionId, content: 'Go on and on', model: 'openai/gpt-4.1' };
        return (await reading.send(asked)).replies[0]?.id ?? '';
      }),
    );
    // Left on, it would end the whole run once the process is gone.
    await reading.done(ids, 30_000).finally(() => clearInterval(watch));
    expect(peak - before).to.be.lessThan(MAX_GROWTH_BYTES);

    const [again, others] = [slow.slice(0, 3), slow.slice(3)];
    for (const client of others) client.cut();
    const back = [...again, ...slowStreams];
    expect(reading.transcript.isDone(going), 'it is still being written').to.equal(false);
    for (const client of back) client.readAgain();
    await Promise.all(back.map((client) => client.done(ids, 30_000)));
    for (const { transcript } of back) {
      const snapshots = transcript.of(going).filter(({ event }) => event === 'message:update');
      expect(
        snapshots.some(({ status }) => status === 'streaming'),
        'a snapshot of what runs',
      ).to.equal(true);
    }
    await user.at(web).post(`/messages/${going}/stop`);
    const all = [...ids, going];
    await Promise.all([...back, reading].map((client) => client.done(all)));
    await expectSameEverywhere(database, [...back, reading], all);
    for (const id of ids) expect(reading.transcript.text(id) === REPLY, id).to.equal(true);
    await expectInvariants(database);
    for (const client of [...back, reading]) client.cut();
  });
});
