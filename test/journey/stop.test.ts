import { expect } from 'chai';
import type { Message } from '../../src/contracts/message.ts';
import { requestStop } from '../../src/data/repositories/stop-requests.ts';
import { ChatClient } from '../support/chat-client.ts';
import { useSharedCluster } from '../support/cluster.ts';
import { EventStreamClient } from '../support/event-stream-client.ts';
import { expectInvariants, expectSameEverywhere } from '../support/invariants.ts';
import { describeWithRedis } from '../support/redis.ts';
import { signUp } from '../support/test-user.ts';
import { words } from '../support/words.ts';

/** Runs for 10 seconds unless it is stopped. */
const LONG = words(4_000);
/** Enough of it to be sure that it is being written. */
const SOME = 300;

describeWithRedis('a reply that is stopped from the other web process', function () {
  this.timeout(30_000);
  const cluster = useSharedCluster();

  /** A user with a device on either wire in a session, and a long reply that is being written. */
  async function followed() {
    const [here, there] = [cluster().web(0), cluster().web(1)];
    const user = await signUp(here);
    const session = await user.at(here).newSession();
    const socket = await ChatClient.joined(user, there, session.id);
    const stream = new EventStreamClient(user);
    await stream.open(here, session.id);
    const { replies } = await user.at(here).say(session.id, LONG);
    const reply = replies[0]?.id ?? '';
    await Promise.all([socket.has(reply, SOME), stream.has(reply, SOME)]);
    return { user, socket, stream, reply, clients: [socket, stream] };
  }

  /** It ended by the stop: what there was is kept, and charged once. */
  async function expectStopped({ socket, clients, reply }: Awaited<ReturnType<typeof followed>>) {
    await Promise.all(clients.map((client) => client.done([reply])));
    await expectSameEverywhere(cluster().database, clients, [reply]);
    const { text = '', message, done } = socket.transcript.copies.get(reply) ?? {};
    expect(LONG.startsWith(text), 'the text is what was written so far').to.equal(true);
    expect(text.length).to.be.within(SOME, LONG.length - 1);
    expect(message).to.deep.include({
      status: 'cancelled',
      finishReason: 'cancelled',
      attempt: 1,
      error: null,
    });
    expect(done).to.deep.include({ status: 'cancelled', finishReason: 'cancelled', usage: message?.usage });
    expect(message?.usage?.outputTokens).to.be.greaterThan(0);
    expect(message?.credits).to.equal((message?.usage?.totalTokens ?? 0) / 100);
    await expectInvariants(cluster().database);
    for (const client of clients) client.cut();
  }

  const stopOverHttp = async ({ user, reply }: Awaited<ReturnType<typeof followed>>, web: number) =>
    (await user.at(cluster().web(web)).post<{ status: Message['status'] }>(`/messages/${reply}/stop`)).status;

  it('keeps its text and is charged once for it, also when it is stopped twice and once more after the end', async () => {
    const running = await followed();
    const answers = await Promise.all([stopOverHttp(running, 1), stopOverHttp(running, 0)]);
    for (const status of answers) expect(status).to.be.oneOf(['streaming', 'cancelled']);
    await expectStopped(running);
    expect(await stopOverHttp(running, 1)).to.equal('cancelled');
    await expectInvariants(cluster().database);
  });

  it('is stopped over a socket as well', async () => {
    const running = await followed();
    expect(await running.socket.stop(running.reply)).to.equal('streaming');
    await expectStopped(running);
  });

  it('finds the mark in the database when the broadcast was lost', async () => {
    const running = await followed();
    const { user, reply } = running;
    await requestStop(cluster().database.db, { userId: user.id, messageId: reply });
    await expectStopped(running);
  });

  it('ends without text and without a charge before the first token, and lets go of the provider', async () => {
    const { database, provider } = cluster();
    const [here, there] = [cluster().web(0), cluster().web(1)];
    const user = await signUp(here);
    const session = await user.at(here).newSession({ model: 'openai/gpt-4.1' });
    const client = await ChatClient.joined(user, here, session.id);
    provider.answer({ steps: ['stall'] });
    const asked = provider.nextRequest();
    const { replies } = await user.at(here).say(session.id, 'Are you there?');
    const reply = replies[0]?.id ?? '';
    const { closed } = await asked;
    await user.at(there).post(`/messages/${reply}/stop`);
    await client.done([reply]);
    expect(await closed).to.deep.equal({ abortedByClient: true });
    await expectSameEverywhere(database, [client], [reply]);
    expect(client.transcript.copies.get(reply)?.message).to.deep.include({
      status: 'cancelled',
      content: '',
      credits: 0,
      usage: null,
    });
    await expectInvariants(database);
    client.cut();
  });

  it('stays completed when it was complete before', async () => {
    const user = await signUp(cluster().web(0));
    const session = await user.at(cluster().web(0)).newSession();
    const client = await ChatClient.joined(user, cluster().web(1), session.id);
    const { replies } = await user.at(cluster().web(0)).say(session.id, 'short');
    const reply = replies[0]?.id ?? '';
    await client.done([reply]);
    expect(await client.stop(reply)).to.equal('completed');
    await expectInvariants(cluster().database);
    client.cut();
  });
});
