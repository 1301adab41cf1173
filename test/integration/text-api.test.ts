import { expect } from 'chai';
import type { GeneratedText } from '../../src/contracts/routes/text.ts';
import { rows } from '../../src/data/database.ts';
import { expectProblem } from '../support/expect-problem.ts';
import { saying, useOneShotWorld } from '../support/one-shot-world.ts';
import { openAiWire } from '../support/provider-wires.ts';
import type { RestClient } from '../support/rest-client.ts';
import { type EventRequest, openEvents } from '../support/server-sent-events.ts';
import { signUp } from '../support/test-user.ts';

const { begin, text, reasoning } = openAiWire;
const asked = { model: 'gpt-4', prompt: 'Hello' };

describe('the text API', () => {
  const world = useOneShotWorld();
  let client: RestClient;
  before(() => {
    const { user, app } = world();
    client = user.at(app);
  });
  afterEach(() => world().settled());

  const balance = async () => (await client.get<{ balance: number }>('/v1/balance')).balance;
  const generations = async () => (await rows(world().database.db, 'SELECT id FROM generations')).length;
  /** Asks for a stream by its URL, as an EventSource does. */
  const stream = (query: Record<string, string>, request: EventRequest = {}) => {
    const { app, apiKey } = world();
    const headers = { authorization: `Bearer ${apiKey}`, ...request.headers };
    return openEvents(`${app.url}/v1/stream?${new URLSearchParams(query)}`, { ...request, headers });
  };

  it('refuses in problems, also where the client of another API asks, other methods and what is no URL', async () => {
    const { app } = world();
    const headers = { 'anthropic-version': '2023-06-01' };
    for (const [method, path] of [
      ['GET', '/v1/generate'],
      ['PATCH', '/v1/balance'],
      ['DELETE', '/v1/stream'],
      ['DELETE', '/api/v1/stream/'],
    ] as const) {
      await expectProblem(await fetch(app.url + path, { method, headers }), 'method_not_allowed');
    }
    await expectProblem(await fetch(`${app.url}/v1/balance?x=%zz`, { headers }), 'validation_failed', [
      'query',
    ]);
    const elsewhere = await fetch(`${app.url}/v1/generate/more`);
    expect(elsewhere.status).to.equal(404);
    expect(await elsewhere.json()).to.have.nested.property('error.code', 'not_found');
  });

  it('answers with the text, what it cost and what is left', async () => {
    world().script(...saying('Hi ', 'there'));
    const before = await balance();
    const sent = world().nextRequest();
    const answer = await client.post<GeneratedText>('/v1/generate', {
      ...asked,
      systemPrompt: 'Be brief.',
      temperature: 0.5,
      topP: 0.9,
      maxTokens: 50,
    });
    expect(answer).to.deep.include({
      model: 'openai/gpt-4',
      text: 'Hi there',
      finishReason: 'stop',
      // 10 tokens; 20 credits for 100.
      credits: 2,
      balance: before - 2,
      error: null,
    });
    expect(answer.usage).to.deep.include({ inputTokens: 7, outputTokens: 3, totalTokens: 10 });
    expect(await balance()).to.equal(answer.balance);
    const { body } = await sent;
    expect(body.messages).to.deep.equal([
      { role: 'system', content: 'Be brief.' },
      { role: 'user', content: 'Hello' },
    ]);
    expect(body).to.deep.include({ temperature: 0.5, top_p: 0.9 });
  });

  it('is in no list of sessions', async () => {
    world().script(...saying('Hi'));
    await client.post('/v1/generate', asked);
    expect(await client.get('/sessions')).to.deep.equal({ data: [], nextCursor: null });
  });

  it('refuses what is wrong by name, in its own words, and charges nothing', async () => {
    const before = [await balance(), await generations()];
    const refused = (body: object, fields: string[]) =>
      client.refused('validation_failed', ['POST', '/v1/generate', body], fields);
    await refused({ ...asked, prompt: ' ' }, ['body.prompt']);
    await refused({ ...asked, wat: 1 }, ['body.wat']);
    await refused({ ...asked, maxTokens: 100_000 }, ['body.maxTokens']);
    await refused({ prompt: 'Hello' }, ['body.model']);
    await client.refused(
      'model_not_available',
      ['POST', '/v1/generate', { ...asked, model: 'none' }],
      ['body.model'],
    );
    await client.refused('validation_failed', ['GET', '/v1/stream?model=echo'], ['query.prompt']);
    const many = '/v1/stream?model=gpt-4&prompt=Hi&maxTokens=100000';
    await client.refused('validation_failed', ['GET', many], ['query.maxTokens']);
    await client.refused('model_not_available', ['GET', '/v1/stream?model=none&prompt=Hi'], ['query.model']);
    const numbers = ['temperature=', 'temperature=%201', 'topP=1e-1', 'maxTokens=0x10', 'maxTokens=%2B5'];
    for (const number of numbers) {
      const target = `/v1/stream?model=gpt-4&prompt=Hi&${number}`;
      await client.refused('validation_failed', ['GET', target], [`query.${number.split('=')[0]}`]);
    }
    expect([await balance(), await generations()]).to.deep.equal(before);
  });

  it('refuses who has no credits', async () => {
    const { app, database } = world();
    const poor = await signUp(app);
    await rows(database.db, 'DELETE FROM ledger_entries WHERE user_id = $1', [poor.id]);
    await rows(database.db, 'UPDATE accounts SET balance = 0 WHERE user_id = $1', [poor.id]);
    for (const path of ['/v1/generate', '/v1/stream']) {
      await poor.at(app).refused('insufficient_credits', ['POST', path, asked]);
    }
    await poor.at(app).refused('insufficient_credits', ['GET', '/v1/stream?model=gpt-4&prompt=Hi']);
  });

  it('tells a failure as one, and charges nothing for it', async () => {
    const before = await balance();
    for (let calls = 0; calls < 2; calls++) world().provider.answer({ status: 500, steps: [] });
    await client.refused('provider_failed', ['POST', '/v1/generate', asked]);
    expect(await balance()).to.equal(before);
  });

  it('gives what it charges for of a text that breaks off', async () => {
    const before = await balance();
    world().script(begin, text('Hi there'), 'reset');
    const answer = await client.post<GeneratedText>('/v1/generate', asked);
    expect(answer).to.deep.include({ text: 'Hi there', finishReason: 'error' });
    expect(answer.error?.code).to.equal('interrupted');
    expect(answer.credits).to.be.above(0);
    expect(answer.balance).to.equal(before - (answer.credits ?? 0));
  });

  it('streams to whoever posts', async () => {
    world().script(begin, reasoning('Hm.'), text('Hi '), text('there'), openAiWire.end());
    const { app, apiKey } = world();
    const reader = await openEvents(`${app.url}/v1/stream`, {
      method: 'POST',
      headers: { 'x-api-key': apiKey },
      body: asked,
    });
    expect(reader.headers['content-type']).to.match(/^text\/event-stream/);
    const events = await reader.rest();
    expect(events[0]).to.deep.include({ event: 'start' });
    expect(events[0]?.data.model).to.equal('openai/gpt-4');
    const deltas = events.slice(1, -1);
    expect(new Set(deltas.map(({ event }) => event))).to.deep.equal(new Set(['delta']));
    expect(deltas.map(({ data }) => data.text).join('')).to.equal('Hi there');
    const done = events.at(-1);
    expect(done?.event).to.equal('done');
    expect(done?.data).to.deep.include({ status: 'completed', finishReason: 'stop', credits: 2 });
    expect(done?.data.balance).to.equal(await balance());
    expect(events.map(({ id }) => id?.split(':')[0])).to.deep.equal(events.map(() => events[0]?.data.id));
  });

  it('tells in the stream that nothing comes of it', async () => {
    for (let calls = 0; calls < 2; calls++) world().provider.answer({ status: 500, steps: [] });
    const events = await (await stream(asked)).rest();
    expect(events.map(({ event }) => event)).to.deep.equal(['start', 'error']);
    const { status, problem } = events[1]?.data ?? {};
    expect([status, problem.code, problem.status]).to.deep.equal(['failed', 'provider_failed', 502]);
  });

  it('streams to an EventSource with a ticket, once', async () => {
    const { app } = world();
    const { ticket } = await client.post<{ ticket: string }>('/auth/stream-ticket');
    world().script(...saying('Hi'));
    const parameters = new URLSearchParams({ ...asked, ticket });
    const reader = await openEvents(`${app.url}/v1/stream?${parameters}`);
    expect((await reader.rest()).at(-1)?.event).to.equal('done');
    expect((await openEvents(`${app.url}/v1/stream?${parameters}`)).status).to.equal(401);
  });

  it('takes numbers in the query', async () => {
    world().script(...saying('Hi'));
    const sent = world().nextRequest();
    await (await stream({ ...asked, temperature: '0.5', topP: '1', maxTokens: '16' })).rest();
    expect((await sent).body).to.deep.include({ temperature: 0.5, top_p: 1, max_tokens: 16 });
  });

  it('takes a key for one way of asking', async () => {
    world().script(...saying('Hi'));
    const key = crypto.randomUUID();
    await (await stream({ ...asked, clientMessageId: key })).rest();
    const { app, apiKey } = world();
    const answer = await fetch(`${app.url}/v1/stream`, {
      method: 'POST',
      headers: { 'x-api-key': apiKey, 'content-type': 'application/json', 'idempotency-key': key },
      body: JSON.stringify(asked),
    });
    expect(answer.status).to.equal(422);
    expect(await answer.json()).to.include({ code: 'idempotency_key_reused' });
  });

  it('starts nothing for a HEAD', async () => {
    const before = await generations();
    const answer = await stream(asked, { method: 'HEAD' });
    expect(answer.status).to.equal(200);
    expect(await generations()).to.equal(before);
  });

  it('is stopped for an EventSource that leaves, which then gets the rest, and no second text', async () => {
    world().script(begin, text('Hi '), 'stall');
    const sent = world().nextRequest();
    const first = await stream(asked);
    await first.next();
    const delta = await first.next();
    expect(delta?.data.text).to.equal('Hi ');
    first.cut();
    expect(await (await sent).closed).to.deep.equal({ abortedByClient: true });

    const before = await generations();
    const second = await stream(asked, { headers: { 'last-event-id': delta?.id ?? '' } });
    const [done] = await second.rest();
    expect(done?.event).to.equal('done');
    expect(done?.data).to.deep.include({ status: 'cancelled', finishReason: 'cancelled' });
    expect(done?.data.credits).to.be.above(0);
    const third = await stream(asked, { headers: { 'last-event-id': done?.id ?? '' } });
    expect([third.status, await third.text()]).to.deep.equal([204, '']);
    expect(await generations()).to.equal(before);
  });

  it('goes on for an EventSource that can come back with its key, and is resumed exactly', async () => {
    let go = () => {};
    const gone = new Promise<void>((resolve) => {
      go = resolve;
    });
    world().script(begin, text('Hi '), gone, text('there'), openAiWire.end());
    const query = { ...asked, clientMessageId: crypto.randomUUID() };
    const before = await generations();
    const first = await stream(query);
    await first.next();
    const delta = await first.next();
    first.cut();
    const second = await stream(query, { headers: { 'last-event-id': delta?.id ?? '' } });
    go();
    const rest = await second.rest();
    expect(
      rest
        .slice(0, -1)
        .map(({ data }) => data.text)
        .join(''),
    ).to.equal('there');
    expect(rest.at(-1)?.data).to.deep.include({ status: 'completed', credits: 2 });
    // Without having heard anything: by the key alone.
    const third = await (await stream(query)).rest();
    expect(third.map(({ event }) => event)).to.deep.equal(['start', 'delta', 'done']);
    expect(third[1]?.data.text).to.equal('Hi there');
    expect(await generations()).to.equal(before + 1);
  });

  it('tells nobody else, and refuses positions that are none', async () => {
    world().script(...saying('Hi'));
    const [start] = await (await stream(asked)).rest();
    const { app } = world();
    const other = await signUp(app);
    const target = `${app.url}/v1/stream?${new URLSearchParams(asked)}`;
    const ask = (id: string) =>
      openEvents(target, { headers: { authorization: `Bearer ${other.token}`, 'last-event-id': id } });
    expect((await ask(start?.id ?? '')).status).to.equal(404);
    expect((await ask('x')).status).to.equal(400);
    // A message of a chat is no call.
    const own = other.at(app);
    const { replies } = await own.say((await own.newSession({ model: 'echo' })).id, 'Hi');
    expect((await ask(`${replies[0]?.id}:0:0`)).status).to.equal(404);
  });
});
