import { expect } from 'chai';
import OpenAI from 'openai';
import { rows } from '../../src/data/database.ts';
import { deleteExpiredSessions } from '../../src/data/repositories/sessions.ts';
import { collect, MODEL, rejection, saying, useOneShotWorld } from '../support/one-shot-world.ts';
import { openAiWire } from '../support/provider-wires.ts';
import { openEvents } from '../support/server-sent-events.ts';
import { makeKey } from '../support/test-keys.ts';
import { until } from '../support/until.ts';

const { begin, text, end } = openAiWire;

/** A door, and what it is asked with. */
interface Door {
  path: string;
  body: object;
}
const HELLO = { model: MODEL, messages: [{ role: 'user' as const, content: 'Hello' }] };
const messages = [{ role: 'user', content: 'Hello' }];
const WAITING: Door[] = [
  { path: '/v1/generate', body: { model: MODEL, prompt: 'Hello' } },
  { path: '/v1/chat/completions', body: { model: MODEL, messages } },
  { path: '/v1/responses', body: { model: MODEL, input: 'Hello' } },
  { path: '/v1/messages', body: { model: MODEL, messages, max_tokens: 50 } },
];
const STREAMING: Door[] = [
  { path: '/v1/stream', body: { model: MODEL, prompt: 'Hello' } },
  ...WAITING.slice(1).map(({ path, body }) => ({ path, body: { ...body, stream: true } })),
];

describe('whoever leaves a one-shot call', () => {
  const world = useOneShotWorld({ WORKER_CONCURRENCY: '2' });
  afterEach(() => world().settled());

  const headers = (key?: string) => ({
    authorization: `Bearer ${world().apiKey}`,
    'content-type': 'application/json',
    ...(key && { 'idempotency-key': key }),
  });
  const ask = ({ path, body }: Door, signal: AbortSignal, key?: string) =>
    fetch(world().app.url + path, {
      method: 'POST',
      headers: headers(key),
      body: JSON.stringify(body),
      signal,
    });
  const stored = () =>
    rows<{ status: string; credits: string | null; input: unknown }>(
      world().database.db,
      'SELECT status, credits, input FROM generations ORDER BY created_at DESC, id DESC',
    );

  for (const door of WAITING) {
    it(`stops it while it is written: ${door.path}`, async () => {
      world().script(begin, text('Hi there'), 'stall');
      const sent = world().nextRequest();
      const leaving = new AbortController();
      const asking = rejection(ask(door, leaving.signal));
      const { closed } = await sent;
      leaving.abort();
      await asking;
      expect(await closed).to.deep.equal({ abortedByClient: true });
      await world().settled();
      expect((await stored())[0]).to.deep.include({ status: 'cancelled', input: null });
    });
  }

  it('is not whoever asks a process whose clock is behind', async () => {
    const right = Date.now;
    Date.now = () => right() - 60_000;
    try {
      world().script(begin, text('Hi there'), end());
      const answer = await ask(WAITING[1] as Door, new AbortController().signal);
      expect(await answer.json()).to.have.nested.property('choices[0].message.content', 'Hi there');
    } finally {
      Date.now = right;
    }
  });

  it('is noticed though nobody says so: who stays gives a sign of that', async () => {
    world().script(begin, text('Hi there'), 'stall');
    const sent = world().nextRequest();
    const leaving = new AbortController();
    const asking = rejection(ask(WAITING[0] as Door, leaving.signal));
    await sent;
    const watchedUntil = async () => {
      const sql = 'SELECT watched_until AS until FROM generations ORDER BY id DESC LIMIT 1';
      return (await rows<{ until: Date }>(world().database.db, sql))[0]?.until.getTime() ?? 0;
    };
    const first = await watchedUntil();
    await until('a sign', async () => (await watchedUntil()) > first);
    leaving.abort();
    await asking;
  });

  for (const door of STREAMING) {
    it(`stops what is streamed: ${door.path}`, async () => {
      world().script(begin, text('Hi there'), 'stall');
      const sent = world().nextRequest();
      const reader = await openEvents(world().app.url + door.path, {
        method: 'POST',
        headers: headers(),
        body: door.body,
      });
      let heard = '';
      while (!heard.includes('Hi there')) heard += JSON.stringify((await reader.next())?.data);
      reader.cut();
      expect(await (await sent).closed).to.deep.equal({ abortedByClient: true });
      await world().settled();
      const [last] = await stored();
      expect(last?.status).to.equal('cancelled');
      // What was written is paid for.
      expect(Number(last?.credits)).to.be.above(0);
    });
  }

  for (const door of [WAITING[1] as Door, STREAMING[1] as Door]) {
    it(`stops what still waits in the queue: ${JSON.stringify(door.body).includes('stream') ? 'streamed' : 'waited for'}`, async () => {
      const held = [new AbortController(), new AbortController()];
      const holding = [];
      for (const { signal } of held) {
        world().script(begin, text('Hi'), 'stall');
        const sent = world().nextRequest();
        holding.push(rejection(ask(WAITING[0] as Door, signal)));
        await sent;
      }
      const before = world().provider.requests.length;
      const leaving = new AbortController();
      const asking = rejection(ask(door, leaving.signal));
      await until('it waits', async () => (await stored())[0]?.status === 'queued');
      leaving.abort();
      await asking;
      await until('it is cancelled', async () => (await stored())[0]?.status === 'cancelled');
      expect(Number((await stored())[0]?.credits)).to.equal(0);
      for (const one of held) one.abort();
      await Promise.all(holding);
      await world().settled();
      expect(world().provider.requests).to.have.lengthOf(before);
    });
  }

  it('by losing the right to it, stops it too: a key that is revoked', async () => {
    const { app, user } = world();
    const { id, key } = await makeKey(app, user, { scopes: ['text'] });
    world().script(begin, text('Hi there'), 'stall');
    const sent = world().nextRequest();
    const { path, body } = STREAMING[1] as Door;
    const reader = await openEvents(app.url + path, { method: 'POST', headers: { 'x-api-key': key }, body });
    await reader.next();
    await user.at(app).delete(`/user/api-keys/${id}`);
    const rest = await reader.rest();
    expect(rest.map(({ data }) => data)).to.not.include('[DONE]');
    expect(await (await sent).closed).to.deep.equal({ abortedByClient: true });
  });

  it('stops nothing when the request has a key, and gets it all with that key', async () => {
    let go = () => {};
    const gone = new Promise<void>((resolve) => {
      go = resolve;
    });
    const before = await world().charges();
    world().script(begin, text('Hi '), gone, text('there'), end());
    const sent = world().nextRequest();
    const leaving = new AbortController();
    const key = crypto.randomUUID();
    const door = WAITING[1] as Door;
    const asking = rejection(ask(door, leaving.signal, key));
    const { closed } = await sent;
    leaving.abort();
    await asking;
    go();
    expect(await closed).to.deep.equal({ abortedByClient: false });
    // Also as a stream, and also when it has ended.
    const streamed = await openEvents(world().app.url + door.path, {
      method: 'POST',
      headers: headers(key),
      body: { ...door.body, stream: true },
    });
    const chunks = (await streamed.rest()).map(({ data }) => data.choices?.[0].delta.content ?? '');
    expect(chunks.join('')).to.equal('Hi there');
    const again = (await (await ask(door, AbortSignal.timeout(10_000), key)).json()) as OpenAI.ChatCompletion;
    expect(again.choices[0]?.message.content).to.equal('Hi there');
    expect(await world().charges()).to.equal(before + 1);
  });
});

describe('a one-shot call with a key', () => {
  const world = useOneShotWorld();
  let client: OpenAI;
  before(() => {
    const { baseURL, apiKey } = world();
    client = new OpenAI({ baseURL, apiKey, maxRetries: 0 });
  });
  afterEach(() => world().settled());

  for (const stream of [false, true]) {
    it(`is one call and one charge, of 50 at once${stream ? ', streamed' : ''}`, async () => {
      const before = await world().charges();
      world().script(...saying('Hi ', 'there'));
      const options = { headers: { 'idempotency-key': crypto.randomUUID() } };
      const ask = async () => {
        if (!stream) {
          const { id, choices } = await client.chat.completions.create(HELLO, options);
          return `${id} ${choices[0]?.message.content}`;
        }
        const chunks = await collect(await client.chat.completions.create({ ...HELLO, stream }, options));
        return `${chunks[0]?.id} ${chunks.map(({ choices }) => choices[0]?.delta.content ?? '').join('')}`;
      };
      const answers = await Promise.all(Array.from({ length: 50 }, ask));
      expect(new Set(answers).size).to.equal(1);
      expect(answers[0]).to.match(/ Hi there$/);
      expect(world().provider.requests).to.have.lengthOf(1);
      expect(await world().charges()).to.equal(before + 1);
    });
  }

  it('is no other call', async () => {
    world().script(...saying('Hi'));
    const options = { headers: { 'idempotency-key': crypto.randomUUID() } };
    await client.chat.completions.create(HELLO, options);
    const error = await rejection(client.chat.completions.create({ ...HELLO, temperature: 0 }, options));
    expect(error).to.deep.include({ status: 422, code: 'idempotency_key_reused' });
    const responses = await rejection(client.responses.create({ model: MODEL, input: 'Hello' }, options));
    expect(responses).to.deep.include({ status: 422, code: 'idempotency_key_reused' });
  });

  it('can be stopped by its owner, and is answered with what there is', async () => {
    world().script(begin, text('Hi there'), 'stall');
    const sent = world().nextRequest();
    const asking = client.chat.completions.create(HELLO);
    await sent;
    const { db } = world().database;
    const find = `SELECT m.id, g.status FROM generations g JOIN messages m ON m.id = g.message_id ORDER BY g.id DESC LIMIT 1`;
    let id = '';
    await until('it is written', async () => {
      const [last] = await rows<{ id: string; status: string }>(db, find);
      id = last?.id ?? '';
      return last?.status === 'streaming';
    });
    await world().user.at(world().app).post(`/messages/${id}/stop`);
    const answer = await asking;
    expect(answer.choices[0]).to.deep.include({ finish_reason: 'length' });
  });
});

describe('the sessions of one-shot calls', () => {
  const world = useOneShotWorld();

  it('go by themselves, with what was asked', async () => {
    const { db } = world().database;
    world().script(...saying('Hi'));
    const { baseURL, apiKey } = world();
    const client = new OpenAI({ baseURL, apiKey });
    await client.chat.completions.create({ model: MODEL, messages: [{ role: 'user', content: 'a canary' }] });
    await world().settled();
    const [session] = await rows<{ kind: string; minutes: number }>(
      db,
      `SELECT kind, extract(epoch FROM expires_at - now())::float8 / 60 AS minutes FROM sessions`,
    );
    expect(session?.kind).to.equal('call');
    expect(session?.minutes).to.be.within(58, 60);
    const kept = await rows(db, `SELECT g::text FROM generations g WHERE g::text LIKE '%a canary%'`);
    expect(kept).to.deep.equal([]);
  });

  it('take what was answered with them, and a key says so at once', async () => {
    world().script(...saying('Hi'));
    const { baseURL, apiKey } = world();
    const client = new OpenAI({ baseURL, apiKey, maxRetries: 0 });
    const options = { headers: { 'idempotency-key': crypto.randomUUID() } };
    await client.chat.completions.create(HELLO, options);
    await world().settled();
    const { db } = world().database;
    await db.query(`UPDATE sessions SET expires_at = now() - interval '1 second'`);
    expect(await deleteExpiredSessions(db, 100)).to.be.at.least(1);
    for (const stream of [false, true]) {
      const error = await rejection(client.chat.completions.create({ ...HELLO, stream }, options));
      expect(error).to.deep.include({ status: 409, code: 'conflict' });
    }
    expect(world().provider.requests).to.have.lengthOf(1);
  });
});
