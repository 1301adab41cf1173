import http from 'node:http';
import net from 'node:net';
import { networkInterfaces } from 'node:os';
import { expect } from 'chai';
import { createMetrics } from '../../src/base/metrics.ts';
import type { Message } from '../../src/contracts/message.ts';
import { startMetricsListener } from '../../src/http/metrics-listener.ts';
import { ChatClient } from '../support/chat-client.ts';
import { useTestDatabase } from '../support/database.ts';
import { EventStreamClient } from '../support/event-stream-client.ts';
import { expectProblem } from '../support/expect-problem.ts';
import { silentLog } from '../support/global.ts';
import { type MetricsReading, parseMetrics } from '../support/metrics-text.ts';
import { describeWithRedis, redisUrl } from '../support/redis.ts';
import type { Listed } from '../support/rest-client.ts';
import { signUp, type TestUser } from '../support/test-user.ts';
import { until } from '../support/until.ts';
import { startWholeApp, type WholeApp } from '../support/whole-app.ts';

const TOKEN = 'a-token-of-the-tests';

async function read(app: { url: string }): Promise<MetricsReading> {
  const answer = await fetch(`${app.url}/metrics`);
  expect(answer.status).to.equal(200);
  expect(answer.headers.get('content-type')).to.equal('text/plain; version=0.0.4; charset=utf-8');
  return parseMetrics(await answer.text());
}

describe('the metrics', () => {
  suite({});
});
describeWithRedis('the metrics, with Redis', () => {
  suite({ redis: true });
});

function suite({ redis }: { redis?: boolean }) {
  const database = useTestDatabase();
  let app: WholeApp;
  let ann: TestUser;

  before(async () => {
    app = await startWholeApp(database(), { env: redis ? { REDIS_URL: await redisUrl() } : {} });
    await app.admin.patch('/admin/models/echo', { price: { creditsPer100Tokens: 2 } });
    ann = await signUp(app);
  });
  after(() => app.close());

  it('move with a reply as it was: its end, tokens, credits, deltas, frames, calls and requests', async () => {
    const client = ann.at(app);
    const { id: sessionId } = await client.newSession({ model: 'echo' });
    const device = await ChatClient.joined(ann, app, sessionId);
    const before = await read(app);
    const { replies } = await client.say(sessionId, 'These are some words to be said again, one by one.');
    const id = replies[0]?.id ?? '';
    await device.until('the end', () => device.transcript.copies.get(id)?.done?.status === 'completed');
    const { data } = await client.get<Listed<Message>>(`/messages/${sessionId}`);
    const usage = data.find((message) => message.id === id)?.usage ?? { inputTokens: -1, outputTokens: -1 };
    let after = before;
    const moved = (name: string, labels?: Record<string, string>) =>
      after.sum(name, labels) - before.sum(name, labels);
    // What is told comes before it is counted.
    await until('it was counted', async () => {
      after = await read(app);
      return moved('parley_generations_ended_total', { provider: 'echo', status: 'completed' }) === 1;
    });
    expect(moved('parley_generations_ended_total')).to.equal(1);
    expect(moved('parley_generation_seconds_count', { provider: 'echo' })).to.equal(1);
    expect(moved('parley_generation_first_token_seconds_count', { provider: 'echo' })).to.equal(1);
    const [first, whole] = ['first_token_seconds_sum', 'seconds_sum'].map((name) =>
      moved(`parley_generation_${name}`),
    ) as [number, number];
    expect(first).to.be.above(0).and.below(whole);
    expect(moved('parley_tokens_total', { direction: 'input' })).to.equal(usage.inputTokens);
    expect(moved('parley_tokens_total', { direction: 'output' })).to.equal(usage.outputTokens);
    expect(moved('parley_credits_charged_total')).to.be.closeTo(
      ((usage.inputTokens + usage.outputTokens) * 2) / 100,
      1e-9,
    );
    expect(moved('parley_provider_calls_total', { provider: 'echo', outcome: 'ok' })).to.equal(1);
    expect(moved('parley_deltas_published_total')).to.be.within(1, 100);
    expect(moved('parley_frames_sent_total')).to.be.at.least(moved('parley_deltas_published_total'));
    expect(moved('parley_frames_dropped_total')).to.equal(0);
    const posted = { method: 'POST', route: '/messages', status: '201' };
    expect(moved('parley_http_request_seconds_count', posted)).to.equal(1);
    expect(moved('parley_http_request_seconds_bucket', { ...posted, le: '+Inf' })).to.equal(1);
    device.cut();
  });

  it('know a stopped reply from one that went to its end', async () => {
    const client = ann.at(app);
    const { id: sessionId } = await client.newSession({ model: 'echo' });
    const device = await ChatClient.joined(ann, app, sessionId);
    const before = await read(app);
    const { replies } = await client.say(sessionId, 'many words '.repeat(2000));
    const id = replies[0]?.id ?? '';
    await device.until('a text', () => (device.transcript.copies.get(id)?.text.length ?? 0) > 0);
    await client.post(`/messages/${id}/stop`);
    await until('it was counted', async () => {
      const after = await read(app);
      const name = 'parley_generations_ended_total';
      return after.sum(name, { status: 'cancelled' }) - before.sum(name, { status: 'cancelled' }) === 1;
    });
    device.cut();
  });

  it('count who is connected', async () => {
    const { id: sessionId } = await ann.at(app).newSession();
    const connected = async (kind: string) => (await read(app)).sum('parley_connections', { kind });
    await until('nobody', async () => (await connected('socket')) + (await connected('stream')) === 0);
    const socket = new ChatClient(ann);
    await socket.connect(app);
    const stream = new EventStreamClient(ann);
    await stream.open(app, sessionId);
    expect(await connected('socket')).to.equal(1);
    expect(await connected('stream')).to.equal(1);
    expect(
      (await read(app)).sum('parley_http_request_seconds_count', {
        route: '/sse/sessions/:id/stream',
      }),
    ).to.be.above(0);
    socket.cut();
    stream.cut();
    await until('nobody', async () => (await connected('socket')) + (await connected('stream')) === 0);
  });

  it('show the queues, the pool and the process', async () => {
    const reading = await read(app);
    expect(reading.values('parley_queue_jobs', 'queue')).to.have.members(['generations', 'model-sync']);
    expect(reading.values('parley_queue_jobs', 'state')).to.have.members([
      ...['waiting', 'active', 'delayed', 'failed'],
    ]);
    const connections = ['used', 'idle'].map((state) =>
      reading.sum('parley_database_connections', { state }),
    ) as [number, number];
    expect(connections[0] + connections[1]).to.be.within(1, 20);
    expect(reading.sum('process_resident_memory_bytes')).to.be.above(1e7);
    expect(reading.text).to.include('nodejs_eventloop_lag_seconds');
  });

  it('hold no id, nothing that a user wrote, and few series, whatever is asked', async () => {
    const canary = 'canary-4711';
    const before = (await read(app)).text.split('\n').length;
    for (let round = 0; round < 30; round++) {
      await fetch(`${app.url}/${canary}-${round}?q=${canary}`, { headers: { 'user-agent': canary } });
      await ann.at(app).send('GET', `/sessions/${crypto.randomUUID()}`);
    }
    await ann.at(app).send('POST', '/sessions', { model: `${canary}/model`, title: canary });
    const { text, values } = await read(app);
    expect(text).to.not.include(canary);
    expect(text).to.not.include(ann.id);
    expect(text).to.not.match(/[0-9a-f]{8}-[0-9a-f]{4}-/);
    expect(values('parley_http_request_seconds_count', 'route')).to.include.members([
      'unmatched',
      '/sessions/:id',
    ]);
    // Three new pairs of a route and a status: twelve buckets, a sum and a count each.
    expect(text.split('\n').length - before).to.be.at.most(3 * 14);
  });
}

describe('who may read the metrics', () => {
  const database = useTestDatabase();
  let app: WholeApp;

  describe('without a token', () => {
    before(async () => {
      app = await startWholeApp(database(), { without: 'worker', env: { TRUST_PROXY_HOPS: '1' } });
    });
    after(() => app.close());

    it('is this machine, also under /api', async () => {
      for (const path of ['/metrics', '/api/metrics'])
        expect((await fetch(app.url + path)).status).to.equal(200);
    });

    it('is nobody who comes through a proxy, whatever address that tells', async () => {
      for (const headers of [
        { 'x-forwarded-for': '203.0.113.7' },
        { 'x-forwarded-for': '127.0.0.1' },
        { forwarded: 'for=127.0.0.1' },
        { 'x-real-ip': '127.0.0.1' },
        { via: '1.1 proxy' },
      ]) {
        await expectProblem(
          await fetch(`${app.url}/metrics`, { headers: headers as Record<string, string> }),
          'forbidden',
        );
      }
    });
  });

  describe('with a token', () => {
    before(async () => {
      app = await startWholeApp(database(), { without: 'worker', env: { METRICS_TOKEN: TOKEN } });
    });
    after(() => app.close());

    it('is who sends it, and nobody else, an admin neither', async () => {
      const get = (authorization?: string) =>
        fetch(`${app.url}/metrics`, { headers: authorization ? { authorization } : {} });
      expect((await get(`Bearer ${TOKEN}`)).status).to.equal(200);
      for (const wrong of [
        undefined,
        'Bearer wrong',
        `Bearer ${TOKEN}x`,
        `Basic ${TOKEN}`,
        app.admin.authorization,
      ]) {
        await expectProblem(await get(wrong), 'unauthenticated');
      }
      const { length } =
        (await fetch(`${app.url}/metrics?token=${TOKEN}`)).headers.get('www-authenticate') ?? '';
      expect(length).to.be.above(0);
    });
  });
});

describe('the metrics of a worker process', () => {
  const listen = (token?: string, host = '127.0.0.1') =>
    startMetricsListener({ metrics: createMetrics(), token, host, port: 0, log: silentLog });
  const portOf = (server: http.Server) => (server.address() as { port: number }).port;

  it('are served at a port of their own, and nothing else is', async () => {
    const server = await listen();
    const url = `http://127.0.0.1:${portOf(server)}`;
    try {
      const { sum } = await read({ url });
      expect(sum('process_resident_memory_bytes')).to.be.above(1e7);
      expect((await fetch(`${url}/`)).status).to.equal(404);
      expect((await fetch(`${url}/health`)).status).to.equal(404);
      expect((await fetch(`${url}/metrics`, { method: 'POST' })).status).to.equal(405);
      const answer = await fetch(`${url}/metrics`, { headers: { 'x-forwarded-for': '127.0.0.1' } });
      expect(answer.status).to.equal(403);
    } finally {
      server.closeAllConnections();
      server.close();
    }
  });

  it('take what is no request for what it is', async () => {
    const server = await listen();
    try {
      for (const request of [
        'GET http://[/ HTTP/1.1',
        'HELLO',
        'CONNECT here:1 HTTP/1.1',
        'GET /x HTTP/1.0',
      ]) {
        const socket = net.connect(portOf(server), '127.0.0.1');
        socket.end(`${request}\r\nConnection: close\r\n\r\n`);
        const answer = (await socket.toArray()).join('');
        expect(answer, request).to.match(/^HTTP\/1\.1 40[04] /);
        expect(answer, request).to.include('application/problem+json');
      }
    } finally {
      server.closeAllConnections();
      server.close();
    }
  });

  it('ask for the token where there is one', async () => {
    const server = await listen(TOKEN);
    const url = `http://127.0.0.1:${portOf(server)}/metrics`;
    try {
      expect((await fetch(url)).status).to.equal(401);
      const answer = await fetch(url, { headers: { authorization: `Bearer ${TOKEN}` } });
      expect(answer.status).to.equal(200);
    } finally {
      server.closeAllConnections();
      server.close();
    }
  });

  it('are for this machine alone where there is none', async function () {
    const address = Object.values(networkInterfaces())
      .flatMap((each) => each ?? [])
      .find(({ internal, family }) => !internal && family === 'IPv4')?.address;
    if (!address) return this.skip();
    const server = await listen(undefined, '0.0.0.0');
    try {
      const status = await new Promise((resolve, reject) => {
        http
          .get({ host: address, port: portOf(server), path: '/metrics' }, (answer) => {
            answer.resume();
            resolve(answer.statusCode);
          })
          .once('error', reject);
      });
      expect(status).to.equal(403);
    } finally {
      server.closeAllConnections();
      server.close();
    }
  });
});
