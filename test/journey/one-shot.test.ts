import { expect } from 'chai';
import OpenAI from 'openai';
import { rows } from '../../src/data/database.ts';
import { useCluster } from '../support/cluster.ts';
import { defer } from '../support/deferred.ts';
import { expectInvariants } from '../support/invariants.ts';
import { rejection, saying } from '../support/one-shot-world.ts';
import type { RecordedRequest, Step } from '../support/provider-wire-server.ts';
import { openAiWire } from '../support/provider-wires.ts';
import { describeWithRedis } from '../support/redis.ts';
import { makeKey } from '../support/test-keys.ts';
import { signUp } from '../support/test-user.ts';
import { until } from '../support/until.ts';

const MODEL = 'openai/gpt-4.1-mini';
const { begin, text, end } = openAiWire;
const hello = { model: MODEL, messages: [{ role: 'user' as const, content: 'Hello' }] };

describeWithRedis('a one-shot call whose worker is another process', function () {
  this.timeout(60_000);
  const cluster = useCluster({ webs: 1, workers: 1 });
  let client: OpenAI;

  before(async () => {
    const web = cluster().web(0);
    const { key: apiKey } = await makeKey(web, await signUp(web), { scopes: ['text'] });
    client = new OpenAI({ baseURL: `${web.url}/v1`, apiKey, maxRetries: 0 });
  });
  afterEach(async () => {
    const { database, provider } = cluster();
    const open = 'SELECT id FROM generations WHERE completed_at IS NULL';
    await until('all have ended', async () => (await rows(database.db, open)).length === 0, 10_000);
    await expectInvariants(database);
    provider.clear();
  });

  /** A stream that has begun, and the request that it is read from. */
  async function streaming(): Promise<{
    words: AsyncIterator<string>;
    upstream: RecordedRequest;
    leave: () => void;
  }> {
    cluster().provider.answer({ steps: [begin, text('Hi '), 'stall'] });
    const sent = cluster().provider.nextRequest();
    const stream = await client.chat.completions.create({ ...hello, stream: true });
    const read = async function* () {
      for await (const { choices } of stream) yield choices[0]?.delta.content ?? '';
    };
    const words = read();
    expect((await words.next()).value).to.equal('');
    expect((await words.next()).value).to.equal('Hi ');
    return { words, upstream: await sent, leave: () => stream.controller.abort() };
  }

  it('is streamed whole', async () => {
    cluster().provider.answer({ steps: saying('Hi ', 'there') });
    expect(await client.chat.completions.stream(hello).finalContent()).to.equal('Hi there');
  });

  it('is stopped at its provider when its client leaves', async () => {
    const { upstream, leave } = await streaming();
    leave();
    expect(await upstream.closed).to.deep.equal({ abortedByClient: true });
  });

  it('is stopped when the web process dies that it would be answered by, one with a key is not', async () => {
    const dying = await cluster().addWeb();
    const { provider, database } = cluster();
    const { key: apiKey } = await makeKey(dying, await signUp(dying), { scopes: ['text'] });
    const lost = new OpenAI({ baseURL: `${dying.url}/v1`, apiKey, maxRetries: 0 });
    const ask = async (headers: Record<string, string>, rest: Step[]) => {
      provider.answer({ steps: [begin, text('Hi '), ...rest] });
      const sent = provider.nextRequest();
      rejection(lost.chat.completions.create(hello, { headers })).catch(() => {});
      return sent;
    };
    const upstream = await ask({}, ['stall']);
    const over = defer();
    await ask({ 'idempotency-key': 'kept' }, [over.promise, text('there'), end()]);
    await dying.kill();
    expect(await upstream.closed).to.deep.equal({ abortedByClient: true });
    over.resolve();
    const states = async () => {
      const sql = 'SELECT status FROM generations ORDER BY id DESC LIMIT 2';
      return (await rows<{ status: string }>(database.db, sql)).map(({ status }) => status);
    };
    await until('both have ended', async () => !(await states()).includes('streaming'));
    expect(await states()).to.deep.equal(['completed', 'cancelled']);
  });
});
