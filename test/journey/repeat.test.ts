import { expect } from 'chai';
import { rows } from '../../src/data/database.ts';
import { ChatClient } from '../support/chat-client.ts';
import { useSharedCluster } from '../support/cluster.ts';
import { expectInvariants, expectSameEverywhere } from '../support/invariants.ts';
import { describeWithRedis } from '../support/redis.ts';
import { signUp } from '../support/test-user.ts';
import { words } from '../support/words.ts';

const TIMES = 50;

describeWithRedis('a message that is posted again and again', function () {
  this.timeout(30_000);
  const cluster = useSharedCluster();

  async function newConversation() {
    const user = await signUp(cluster().web(0));
    const session = await user.at(cluster().web(0)).newSession();
    const client = await ChatClient.joined(user, cluster().web(1), session.id);
    return { user, session, client };
  }

  /** One generation, one charge, one pair of messages, whatever was repeated. */
  async function expectOne({ user, client }: Awaited<ReturnType<typeof newConversation>>, reply: string) {
    const { database } = cluster();
    const [counted] = await rows(
      database.db,
      `SELECT (SELECT count(*)::int FROM generations WHERE user_id = $1) AS generations,
              (SELECT count(*)::int FROM messages WHERE user_id = $1) AS messages,
              (SELECT count(*)::int FROM ledger_entries WHERE user_id = $1 AND kind = 'charge') AS charges`,
      [user.id],
    );
    expect(counted).to.deep.equal({ generations: 1, messages: 2, charges: 1 });
    expect(client.transcript.copies.size).to.equal(2);
    await expectSameEverywhere(database, [client], [reply]);
    await expectInvariants(database);
    client.cut();
  }

  it('with one Idempotency-Key, over both web processes at once, is one message with one answer to the byte', async () => {
    const conversation = await newConversation();
    const { user, session, client } = conversation;
    const body = { sessionId: session.id, content: words(100) };
    const headers = { 'idempotency-key': crypto.randomUUID() };
    const post = async (n: number) => {
      const answer = await user.at(cluster().web(n % 2)).send('POST', '/messages', body, { headers });
      return `${answer.status} ${await answer.text()}`;
    };
    const answers = await Promise.all(Array.from({ length: TIMES }, (_, n) => post(n)));
    const [first = ''] = answers;
    expect([...new Set(answers)]).to.deep.equal([first]);
    expect(first).to.match(/^201 /);
    const reply = (JSON.parse(first.slice(4)) as { replies: { id: string }[] }).replies[0]?.id ?? '';
    await client.done([reply]);
    expect(await post(0), 'after the end').to.equal(first);
    expect(await post(1), 'after the end').to.equal(first);
    await expectOne(conversation, reply);
  });

  it('with one clientMessageId, over sockets to both web processes and over HTTP, is one message', async () => {
    const conversation = await newConversation();
    const { user, session, client } = conversation;
    const other = await ChatClient.joined(user, cluster().web(0), session.id);
    const body = { sessionId: session.id, content: words(100), clientMessageId: crypto.randomUUID() };
    const answers = await Promise.all(
      Array.from({ length: TIMES }, (_, n) => (n % 2 === 0 ? client : other).send({ ...body })),
    );
    const { ok: _, ...first } = { ok: true, ...answers[0] };
    for (const answer of answers) expect(answer).to.deep.equal(answers[0]);
    const reply = answers[0]?.replies[0]?.id ?? '';
    await Promise.all([client.done([reply]), other.done([reply])]);
    expect(await other.send({ ...body }), 'after the end').to.deep.equal(answers[0]);
    expect(await user.at(cluster().web(0)).post('/messages', body)).to.deep.equal(first);
    await expectOne(conversation, reply);
    other.cut();
  });
});
