import { expect } from 'chai';
import OpenAI, { type APIError } from 'openai';
import { rows } from '../../src/data/database.ts';
import { useCluster } from '../support/cluster.ts';
import { askFor, EnhancementClient } from '../support/enhancement-client.ts';
import { expectInvariants } from '../support/invariants.ts';
import { rejection } from '../support/one-shot-world.ts';
import { openAiWire } from '../support/provider-wires.ts';
import { describeWithRedis } from '../support/redis.ts';
import { makeKey } from '../support/test-keys.ts';
import { signUp } from '../support/test-user.ts';
import { until } from '../support/until.ts';
import { words } from '../support/words.ts';

const MODEL = 'openai/gpt-4.1-mini';
const { begin, text } = openAiWire;
/** Runs for 10 seconds on the worker that is killed. */
const LONG = words(4_000);

/** One death for all of them: another worker takes seconds to notice. */
describeWithRedis('the worker of everything that is no reply of a session is killed', function () {
  this.timeout(60_000);
  const cluster = useCluster({ webs: 1, workers: 1 });
  let enhancement: EnhancementClient;
  let streamed: AsyncIterator<OpenAI.ChatCompletionChunk>;
  let awaited: Promise<OpenAI.ChatCompletion>;

  const statuses = async (where: string) => {
    const sql = `SELECT status, attempt FROM generations WHERE ${where}`;
    return rows<{ status: string; attempt: number }>(cluster().database.db, sql);
  };

  before(async function () {
    this.timeout(60_000);
    const [web, { provider }] = [cluster().web(0), cluster()];
    const user = await signUp(web);
    const { key: apiKey } = await makeKey(web, user, { scopes: ['text'] });
    const { completions } = new OpenAI({ baseURL: `${web.url}/v1`, apiKey, maxRetries: 0 }).chat;
    const ask = (model: string, content: string) => ({
      model,
      messages: [{ role: 'user' as const, content }],
    });

    const { sessionId } = await askFor(user.at(web), { text: LONG, action: 'improve' });
    enhancement = await new EnhancementClient(user.at(web)).open(sessionId);
    awaited = completions.create(ask('echo', LONG));
    provider.answer({ steps: [begin, text('Hi '), 'stall'] });
    const stream = await completions.create({ ...ask(MODEL, 'Hello'), stream: true });
    streamed = stream[Symbol.asyncIterator]();
    await streamed.next();
    expect((await streamed.next()).value?.choices[0].delta.content).to.equal('Hi ');
    await enhancement.has(300);
    await until('all are being written', async () => (await statuses("status = 'streaming'")).length === 3);

    // For the next worker, which may be stopped before it asks.
    provider.answer({ steps: [begin, text('Once more'), 'stall'] });
    await cluster().worker(0).kill();
    await cluster().addWorker({ ECHO_TOKENS_PER_SECOND: '100000' });
  });

  it('an enhancement is written anew, and its stream says so', async () => {
    await enhancement.until('the restart', () => enhancement.names.includes('restart'));
    expect((await enhancement.end('done')).text).to.equal(LONG);
    expect(enhancement.text).to.equal(LONG);
    expect(enhancement.of('restart')).to.deep.equal([{ attempt: 2 }]);
  });

  it('a one-shot call ends with an error for who has read of it, and is stopped', async () => {
    const error = (await rejection(streamed.next())) as APIError;
    expect(error).to.be.instanceOf(OpenAI.APIError);
    expect(error).to.deep.include({ code: 'provider_failed', type: 'server_error' });
    const ofModel = `model = '${MODEL}'`;
    await until('it is stopped', async () => (await statuses(ofModel))[0]?.status === 'cancelled');
    expect(await statuses(ofModel)).to.deep.equal([{ status: 'cancelled', attempt: 2 }]);
  });

  it('a one-shot call is answered whole to who waits for it', async () => {
    const [choice] = (await awaited).choices;
    expect(choice).to.deep.include({ finish_reason: 'stop' });
    expect(choice?.message.content).to.equal(LONG);
  });

  it('and nothing of it was paid for twice', async () => {
    await until('all have ended', async () => (await statuses('completed_at IS NULL')).length === 0);
    const completed = { status: 'completed', attempt: 2 };
    expect(await statuses("model = 'echo'")).to.deep.equal([completed, completed]);
    await expectInvariants(cluster().database);
  });
});
