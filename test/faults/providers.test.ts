import { expect } from 'chai';
import type { Message } from '../../src/contracts/message.ts';
import { rows } from '../../src/data/database.ts';
import { ChatClient } from '../support/chat-client.ts';
import { useCluster } from '../support/cluster.ts';
import { expectInvariants } from '../support/invariants.ts';
import { describeWithRedis } from '../support/redis.ts';
import { signUp, type TestUser } from '../support/test-user.ts';

const MODEL = 'openai/gpt-4.1';
const LIMITED = 'openai/gpt-4.1-mini';

describeWithRedis('providers that fail, and two worker processes', function () {
  this.timeout(60_000);
  const cluster = useCluster({
    webs: 1,
    workers: 2,
    env: { MODEL_FALLBACKS: `${MODEL}=echo;${LIMITED}=echo`, ECHO_TOKENS_PER_SECOND: '10000' },
  });
  let user: TestUser;
  let sessionId: string;
  let socket: ChatClient;

  before(async () => {
    user = await signUp(cluster().web(0));
    sessionId = (await user.at(cluster().web(0)).newSession()).id;
    socket = await ChatClient.joined(user, cluster().web(0), sessionId);
  });
  after(() => socket.cut());

  async function ask(model: string): Promise<Message> {
    const asked = { sessionId, content: 'Is anybody there?', model };
    const { replies } = await user.at(cluster().web(0)).post<{ replies: Message[] }>('/messages', asked);
    const id = replies[0]?.id ?? '';
    await socket.done([id]);
    return socket.transcript.copies.get(id)?.message as Message;
  }

  const triesOf = ({ tries }: Message) => tries.map(({ model, error }) => [model, error]);

  it('leave a model alone, both of them, that told one of them when to come back', async () => {
    const { provider } = cluster();
    provider.clear();
    provider.answer({ status: 429, headers: { 'retry-after': '120' }, steps: ['{"error":{}}'] });
    const first = await ask(LIMITED);
    expect(first).to.deep.include({ model: LIMITED, status: 'completed', content: 'Is anybody there?' });
    expect(triesOf(first)).to.deep.equal([
      [LIMITED, 'rate_limited'],
      ['echo', null],
    ]);
    for (let n = 0; n < 12; n += 1) expect(triesOf(await ask(LIMITED))).to.deep.equal([['echo', null]]);
    expect(provider.requests).to.have.length(1);
  });

  it('leave a provider alone that failed often enough for both together', async () => {
    const { provider } = cluster();
    provider.clear();
    const errors = new Set<unknown>();
    for (let n = 0; n < 16; n += 1) {
      const message = await ask(MODEL);
      expect(message).to.deep.include({ status: 'completed', content: 'Is anybody there?' });
      if (message.tries.length > 1) errors.add(message.tries[0]?.error);
    }
    // Four here: the fifth failure of the minute was that of the first test.
    expect(provider.requests).to.have.length.within(4, 6);
    expect([...errors]).to.deep.equal(['overloaded']);
  });

  it('charge each reply once, and hold nothing back', async () => {
    await expectInvariants(cluster().database);
    const [counted] = await rows<{ replies: number; cost: string }>(
      cluster().database.db,
      `SELECT count(*)::int AS replies, sum(cost_usd)::text AS cost FROM generations WHERE status = 'completed'`,
    );
    expect(counted?.replies).to.equal(29);
    expect(Number(counted?.cost), 'echo answered, which costs nothing').to.equal(0);
  });
});
