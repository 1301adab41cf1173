import { expect } from 'chai';
import type { SendMessageAnswer } from '../../src/contracts/routes/messages.ts';
import { ChatClient } from '../support/chat-client.ts';
import { useCluster } from '../support/cluster.ts';
import { EventStreamClient } from '../support/event-stream-client.ts';
import { expectInvariants, expectSameEverywhere } from '../support/invariants.ts';
import { type ProviderWireServer, startProviderWireServer } from '../support/provider-wire-server.ts';
import { anthropicWire, openAiWire } from '../support/provider-wires.ts';
import { describeWithRedis } from '../support/redis.ts';
import { signUp, type TestUser } from '../support/test-user.ts';

const ASKED = 'openai/gpt-4.1-mini';
const FALLBACK = 'anthropic/claude-sonnet-4-6';

describeWithRedis('a provider that fails', function () {
  this.timeout(30_000);
  let anthropic: ProviderWireServer;
  const env: Record<string, string> = {
    ANTHROPIC_API_KEY: 'none',
    ANTHROPIC_MODEL: 'claude-sonnet-4-6',
    LLM_FALLBACK_PROVIDERS: 'claude',
  };
  before(async () => {
    anthropic = await startProviderWireServer();
    env.ANTHROPIC_BASE_URL = anthropic.url;
  });
  after(() => anthropic.close());
  const cluster = useCluster({ webs: 2, workers: 2, env });
  let user: TestUser;
  let sessionId: string;
  let devices: [ChatClient, ChatClient, EventStreamClient];

  beforeEach(async () => {
    const [here, there] = [cluster().web(0), cluster().web(1)];
    user = await signUp(here);
    sessionId = (await user.at(here).newSession()).id;
    const stream = new EventStreamClient(user);
    await stream.open(there, sessionId);
    devices = [
      await ChatClient.joined(user, here, sessionId),
      await ChatClient.joined(user, there, sessionId),
      stream,
    ];
  });
  afterEach(() => {
    for (const device of devices) device.cut();
    anthropic.clear();
    cluster().provider.clear();
  });

  const { begin, text, reasoning, end } = anthropicWire;
  const openAiIsDown = () =>
    cluster().provider.answer({ status: 503, steps: [openAiWire.errorBody('server_error', 'down')] });

  async function ask(content: string): Promise<string> {
    const body = { sessionId, content, model: ASKED };
    const { replies } = await user.at(cluster().web(0)).post<SendMessageAnswer>('/messages', body);
    return replies[0]?.id ?? '';
  }

  it('is answered for by the next one, and every device and the message tell the same story', async () => {
    openAiIsDown();
    const thought = reasoning('They want to know ') + reasoning('why.');
    anthropic.answer({
      steps: [begin, thought, text('Because '), { pauseMs: 20 }, text('of the air.'), end()],
    });
    const reply = await ask('Why is the sky blue?');
    await Promise.all(devices.map((device) => device.done([reply])));
    await expectSameEverywhere(cluster().database, devices, [reply]);
    for (const { transcript } of devices) {
      const message = transcript.copies.get(reply)?.message;
      expect(message).to.deep.include({
        status: 'completed',
        model: ASKED,
        content: 'Because of the air.',
        reasoning: 'They want to know why.',
        error: null,
      });
      expect(message?.tries.map(({ model, error }) => ({ model, error }))).to.deep.equal([
        { model: ASKED, error: 'overloaded' },
        { model: FALLBACK, error: null },
      ]);
    }
    expect(Number(devices[0].transcript.copies.get(reply)?.message.cost?.usd)).to.be.greaterThan(0);
    await expectInvariants(cluster().database);
  });

  it('is left alone by every worker once most of its calls have failed', async () => {
    const answer = () => anthropic.answer({ steps: [begin, text('Hello.'), end()] });
    for (let n = 0; n < 6; n += 1) {
      openAiIsDown();
      answer();
      const reply = await ask(`Question ${n}`);
      await devices[0].done([reply]);
    }
    const calls = cluster().provider.requests.length;
    expect(calls).to.be.within(4, 6);
    // Enough for both workers to have their turn.
    const replies: string[] = [];
    for (let n = 0; n < 6; n += 1) {
      answer();
      replies.push(await ask(`Question ${n} again`));
    }
    await Promise.all(devices.map((device) => device.done(replies)));
    expect(cluster().provider.requests).to.have.length(calls);
    for (const reply of replies) {
      const tries = devices[0].transcript.copies.get(reply)?.message.tries;
      expect(tries?.map(({ model }) => model)).to.deep.equal([FALLBACK]);
    }
    await expectInvariants(cluster().database);
  });
});
