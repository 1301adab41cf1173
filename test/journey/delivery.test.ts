import { expect } from 'chai';
import { ChatClient } from '../support/chat-client.ts';
import { useSharedCluster } from '../support/cluster.ts';
import { EventStreamClient } from '../support/event-stream-client.ts';
import { expectInvariants, expectSameEverywhere } from '../support/invariants.ts';
import { describeWithRedis } from '../support/redis.ts';
import { signUp } from '../support/test-user.ts';
import { words } from '../support/words.ts';

describeWithRedis('a message through two web processes and two workers', function () {
  this.timeout(30_000);
  const cluster = useSharedCluster();

  it('reaches every device, whatever its process and its wire, with the same text and in order', async () => {
    const { database } = cluster();
    const [here, there] = [cluster().web(0), cluster().web(1)];
    const user = await signUp(here);
    const session = await user.at(here).newSession();
    const sockets = [new ChatClient(user), new ChatClient(user), new ChatClient(user)] as const;
    const [first, upgrading, polling] = sockets;
    await Promise.all([
      first.connect(here),
      upgrading.connect(there, { transports: ['polling', 'websocket'] }),
      polling.connect(there, { transports: ['polling'] }),
    ]);
    await Promise.all(sockets.map((socket) => socket.join(session.id)));
    const stream = new EventStreamClient(user);
    await stream.open(there, session.id);
    const clients = [...sockets, stream];

    const text = words(400);
    const { message, replies } = await user.at(there).say(session.id, text);
    const [reply] = replies.map(({ id }) => id) as [string];
    await Promise.all(clients.map((client) => client.done([reply])));

    await expectSameEverywhere(database, clients, [reply]);
    for (const { transcript } of clients) {
      expect(transcript.text(reply)).to.equal(text);
      const messages = transcript.heard.filter(({ event }) => event !== 'session:update');
      expect(messages.slice(0, 2)).to.deep.equal([
        { event: 'message:new', messageId: message.id, status: 'completed', attempt: 0, chars: text.length },
        { event: 'message:new', messageId: reply, status: 'queued', attempt: 0, chars: 0 },
      ]);
      const events = transcript.of(reply).map(({ event }) => event);
      expect(events.slice(-2)).to.deep.equal(['message:update', 'message:done']);
      expect(events.slice(1, -2).every((event) => event === 'message:stream')).to.equal(true);
      // How many depends on how fast they are taken.
      expect(events.length - 3, 'pieces').to.be.greaterThan(2);
      expect(transcript.copies.get(reply)?.message).to.deep.include({
        status: 'completed',
        finishReason: 'stop',
        attempt: 1,
        usage: {
          inputTokens: 400,
          cachedInputTokens: 0,
          outputTokens: 400,
          reasoningTokens: 0,
          totalTokens: 800,
          estimated: false,
        },
        credits: 8,
        parentId: message.id,
      });
    }
    await expectInvariants(database);
    for (const client of clients) client.cut();
  });

  it('asks over a socket as well, several at once, and keeps them apart', async () => {
    const { database } = cluster();
    const user = await signUp(cluster().web(0));
    const session = await user.at(cluster().web(0)).newSession();
    const clients = await Promise.all(
      [0, 1].map((index) => ChatClient.joined(user, cluster().web(index), session.id)),
    );
    const asked = await Promise.all(
      Array.from({ length: 6 }, async (_, n) => {
        const content = words(60 + 20 * n, `q${n}.`);
        const client = clients[n % 2] as ChatClient;
        const { replies } = await client.send({ sessionId: session.id, content });
        return { content, id: replies[0]?.id ?? '' };
      }),
    );
    const ids = asked.map(({ id }) => id);
    await Promise.all(clients.map((client) => client.done(ids)));
    await expectSameEverywhere(database, clients, ids);
    for (const { id, content } of asked) expect(clients[0]?.transcript.text(id)).to.equal(content);
    await expectInvariants(database);
    for (const client of clients) client.cut();
  });

  it('tells every device of the user, in no session, of new sessions and of the balance', async () => {
    const [here, there] = [cluster().web(0), cluster().web(1)];
    const [user, stranger] = await Promise.all([signUp(here), signUp(here)]);
    const [device, other] = [new ChatClient(user), new ChatClient(stranger)];
    await Promise.all([device.connect(there), other.connect(there)]);
    const session = await user.at(here).newSession({ title: 'Told' });
    await user.at(here).say(session.id, words(50));
    const balances = () =>
      device.userEvents.flatMap(({ event, payload }) => (event === 'balance:update' ? [payload] : []));
    await device.until('the charge', () => balances().at(-1)?.balance === 999_999);
    expect(device.userEvents[0]).to.deep.equal({ event: 'session:new', payload: session });
    expect(balances()).to.have.length(device.userEvents.length - 1);
    const [held, ended] = [balances()[0], balances().at(-1)];
    expect(held).to.deep.include({ balance: 1_000_000 });
    expect(held?.held).to.be.greaterThan(0);
    expect(held?.available).to.equal(1_000_000 - (held?.held ?? 0));
    expect(ended, 'after what was held').to.deep.equal({ balance: 999_999, held: 0, available: 999_999 });
    expect(device.transcript.heard, 'of a session that was not joined').to.deep.equal([]);
    // What comes over the same connection to the broker has come after what was published before it.
    const own = await stranger.at(here).newSession();
    await other.until('its own event', () => other.userEvents.length > 0);
    expect(other.userEvents).to.deep.equal([{ event: 'session:new', payload: own }]);
    device.cut();
    other.cut();
  });
});
