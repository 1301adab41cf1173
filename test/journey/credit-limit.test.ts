import { expect } from 'chai';
import { countTokens } from '../../src/services/count-tokens.ts';
import { ChatClient } from '../support/chat-client.ts';
import { useCluster } from '../support/cluster.ts';
import { EventStreamClient } from '../support/event-stream-client.ts';
import { expectInvariants, expectSameEverywhere } from '../support/invariants.ts';
import { describeWithRedis } from '../support/redis.ts';
import { signUp } from '../support/test-user.ts';
import { words } from '../support/words.ts';

/** `echo` costs a credit for a hundred tokens: the question alone takes 8.58 of these. */
const CREDITS = 14;
const LONG = words(400);

describeWithRedis('a reply that uses up the credits of its user', function () {
  this.timeout(30_000);
  const cluster = useCluster({
    webs: 2,
    workers: 1,
    env: { CREDIT_OVERDRAFT: '0', WELCOME_CREDITS: String(CREDITS) },
  });

  it('ends as credit_limit on every wire, with the same text, which costs exactly what there was', async () => {
    const { database } = cluster();
    const [here, there] = [cluster().web(0), cluster().web(1)];
    const user = await signUp(here);
    const session = await user.at(here).newSession();
    const socket = await ChatClient.joined(user, there, session.id);
    const stream = new EventStreamClient(user);
    await stream.open(here, session.id);
    const { replies } = await user.at(here).say(session.id, LONG);
    const reply = replies[0]?.id ?? '';
    const clients = [socket, stream];
    await Promise.all(clients.map((client) => client.done([reply])));
    await expectSameEverywhere(database, clients, [reply]);

    const inputTokens = await countTokens(LONG);
    for (const { transcript } of clients) {
      const { text = '', message, done } = transcript.copies.get(reply) ?? {};
      expect(LONG.startsWith(text), 'the text is the beginning of the answer').to.equal(true);
      expect(text.length).to.be.within(1, LONG.length - 1);
      const outputTokens = await countTokens(text);
      expect(message).to.deep.include({ status: 'completed', finishReason: 'credit_limit', error: null });
      expect(message?.usage).to.deep.include({ inputTokens, outputTokens, estimated: true });
      expect(done).to.deep.include({ status: 'completed', finishReason: 'credit_limit' });
      // All of it, but for a character that would have taken more tokens than were left.
      expect(message?.credits).to.equal((inputTokens + outputTokens) / 100);
      expect(message?.credits).to.be.within(CREDITS - 0.02, CREDITS);
    }
    await socket.until('the balance', () => socket.userEvents.some(isSettled));
    const balances = socket.userEvents.flatMap(({ event, payload }) =>
      event === 'balance:update' ? [payload] : [],
    );
    const told = balances.map(({ held }) => held);
    expect(told.length, 'the growth was told').to.be.greaterThan(3);
    expect(told).to.deep.equal([...told.slice(0, -1).toSorted((a, b) => a - b), 0]);
    expect(balances.at(-1)?.balance).to.be.within(0, 0.02);
    await user
      .at(there)
      .refused('insufficient_credits', ['POST', '/messages', { sessionId: session.id, content: 'And?' }]);
    await expectInvariants(database);
    for (const client of clients) client.cut();
  });
});

/** The last word about the balance: nothing is set aside any more. */
function isSettled({ event, payload }: ChatClient['userEvents'][number]): boolean {
  return event === 'balance:update' && payload.held === 0;
}
