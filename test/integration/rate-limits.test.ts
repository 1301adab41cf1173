import { once } from 'node:events';
import { expect } from 'chai';
import WebSocket from 'ws';
import type { Problem } from '../../src/contracts/errors.ts';
import { rows } from '../../src/data/database.ts';
import { ChatClient } from '../support/chat-client.ts';
import { useTestDatabase } from '../support/database.ts';
import { expectProblem } from '../support/expect-problem.ts';
import { RawChatSocket } from '../support/raw-chat-socket.ts';
import { signUp, type TestUser } from '../support/test-user.ts';
import { until } from '../support/until.ts';
import { startWebApp, type WebApp } from '../support/web-app.ts';

/** So that only rate limits refuse. */
const NO_OTHER_LIMITS = { MAX_CONCURRENT_GENERATIONS: '1000', WELCOME_CREDITS: '1000000' };

/** What an answer tells of its limits, by name: what is left, and of how much. */
function limitsOf(
  answer: Response,
): Record<string, { left: number; resets: number; of: number; window: number }> {
  const items = (header: string) => (answer.headers.get(header) ?? '').split(', ').filter(Boolean);
  const policies = new Map(
    items('ratelimit-policy').map((item) => {
      const [, name, q, w] = /^"(\w+)";q=(\d+);w=(\d+)$/.exec(item) ?? [];
      return [name, { of: Number(q), window: Number(w) }];
    }),
  );
  return Object.fromEntries(
    items('ratelimit').map((item) => {
      const [, name = '', r, t] = /^"(\w+)";r=(\d+);t=(\d+)$/.exec(item) ?? [];
      const policy = policies.get(name);
      if (!policy) throw new Error(`no policy for ${item}`);
      return [name, { left: Number(r), resets: Number(t), ...policy }];
    }),
  );
}

describe('rate limits', () => {
  const database = useTestDatabase();
  let app: WebApp;

  const start = async (env: Record<string, string>) => {
    app = await startWebApp(database(), { ...NO_OTHER_LIMITS, ...env });
  };
  afterEach(() => app.close());

  /** A refusal, with everything that a client needs. */
  async function expectRefused(answer: Response, detail: RegExp): Promise<Problem> {
    const problem = await expectProblem(answer, 'rate_limited');
    expect(problem.detail).to.match(detail);
    const seconds = Number(answer.headers.get('retry-after'));
    expect(seconds).to.be.at.least(1);
    expect(problem.retryAfterSeconds).to.equal(seconds);
    return problem;
  }

  const login = (password = 'wrong') =>
    fetch(`${app.url}/auth/login`, {
      method: 'POST',
      body: JSON.stringify({ email: 'nobody@example.com', password }),
      headers: { 'content-type': 'application/json' },
    });

  describe('of all requests', () => {
    it('count them by address, whatever becomes of them, and refuse those beyond', async () => {
      await start({ RATE_LIMIT_GLOBAL_REQUESTS: '4' });
      const answers = [];
      for (const path of ['/models', '/auth/me', '/nowhere', '/api/groups', '/models']) {
        answers.push(await fetch(app.url + path));
      }
      expect(answers.map(({ status }) => status)).to.deep.equal([401, 401, 404, 401, 429]);
      expect(answers.map((each) => limitsOf(each).global?.left)).to.deep.equal([3, 2, 1, 0, 0]);
      const [first, , , , last] = answers;
      expect(first && limitsOf(first)).to.deep.equal({
        global: { left: 3, resets: 900, of: 4, window: 900 },
      });
      if (last) {
        await expectRefused(
          last,
          /^Your network address may send 4 requests in 15 minutes\. Try again in 15 minutes\.$/,
        );
      }
    });

    it('leave out what the server is, how it is, and its documents', async () => {
      await start({ RATE_LIMIT_GLOBAL_REQUESTS: '1' });
      await fetch(`${app.url}/models`);
      for (const path of ['/', '/health', '/health/ready', '/api/health', '/api-docs', '/openapi.json']) {
        for (let n = 0; n < 3; n += 1) {
          const answer = await fetch(app.url + path);
          expect(answer.status, path).to.equal(200);
          expect(answer.headers.has('ratelimit'), path).to.equal(false);
          await answer.arrayBuffer();
        }
      }
      expect((await fetch(`${app.url}/models`)).status).to.equal(429);
    });

    it('begin anew when their window ends', async () => {
      await start({ RATE_LIMIT_GLOBAL_REQUESTS: '1', RATE_LIMIT_GLOBAL_MINUTES: '0.01' });
      const statuses = new Set<number>();
      await until('refused', async () => {
        const { status } = await fetch(`${app.url}/models`);
        statuses.add(status);
        return status === 429;
      });
      await until('a new window', async () => (await fetch(`${app.url}/models`)).status === 401);
      expect([...statuses]).to.have.members([401, 429]);
    });

    it('are told to browsers of other origins; their preflights do not count', async () => {
      await start({ RATE_LIMIT_GLOBAL_REQUESTS: '1', CORS_ORIGINS: 'https://chat.example' });
      const headers = { origin: 'https://chat.example', 'access-control-request-method': 'GET' };
      for (let n = 0; n < 3; n += 1) {
        const preflight = await fetch(`${app.url}/models`, { method: 'OPTIONS', headers });
        expect(preflight.status).to.equal(204);
      }
      for (const status of [401, 429]) {
        const answer = await fetch(`${app.url}/models`, { headers: { origin: 'https://chat.example' } });
        expect(answer.status).to.equal(status);
        const exposed = answer.headers.get('access-control-expose-headers')?.toLowerCase();
        for (const name of ['ratelimit', 'ratelimit-policy', 'retry-after']) {
          expect(exposed?.split(',').map((each) => each.trim())).to.include(name);
        }
        expect(answer.headers.get('access-control-allow-origin')).to.equal('https://chat.example');
      }
    });

    it('count a connection of Socket.IO, and tell it why it is refused', async () => {
      await start({ RATE_LIMIT_GLOBAL_REQUESTS: '3' });
      const user = await signUp(app);
      const client = new ChatClient(user);
      await client.connect(app);
      await client.connect(app);
      const refusal = await client.connect(app).catch((error: unknown) => error as { data?: Problem });
      client.cut();
      expect(refusal?.data).to.deep.include({ code: 'rate_limited', status: 429 });
      expect(refusal?.data?.retryAfterSeconds).to.be.within(1, 900);
      expect((await fetch(`${app.url}/models`)).status).to.equal(429);
    });

    it('count each message that is sent over it, also one that is only stored', async () => {
      await start({ RATE_LIMIT_GLOBAL_REQUESTS: '5' });
      const user = await signUp(app);
      const session = await user.at(app).newSession();
      const client = await ChatClient.joined(user, app, session.id);
      const note = { sessionId: session.id, role: 'assistant' as const, content: 'A note' };
      await client.send(note);
      await client.send(note);
      const refusal = await client.send(note).catch((error: unknown) => error);
      client.cut();
      expect(String(refusal)).to.match(/rate_limited/);
    });

    it('count a connection once, however it is made', async () => {
      await start({ RATE_LIMIT_GLOBAL_REQUESTS: '4' });
      const user = await signUp(app);
      for (const transports of [['websocket'], ['polling'], ['polling', 'websocket']] as const) {
        const client = new ChatClient(user);
        await client.connect(app, { transports: [...transports] });
        client.cut();
      }
      expect((await fetch(`${app.url}/models`)).status).to.equal(429);
    });

    it('count who asks again over a connection that there is', async () => {
      await start({ RATE_LIMIT_GLOBAL_REQUESTS: '3' });
      const user = await signUp(app);
      const socket = await RawChatSocket.knock(app, 'none');
      const token = JSON.stringify({ token: user.token });
      socket.say(`40/chat,${token}`);
      await until('it is let in', () => socket.open);
      socket.close();
      expect((await fetch(`${app.url}/models`)).status).to.equal(429);
    });

    it('count handshakes of long polling by which nobody is let in, and none of its other requests', async () => {
      await start({ RATE_LIMIT_GLOBAL_REQUESTS: '2' });
      const ask = (query = '', init?: RequestInit) =>
        fetch(`${app.url}/socket.io/?EIO=4&transport=polling${query}`, init);
      const opened = await (await ask()).text();
      const { sid } = JSON.parse(opened.slice(1)) as { sid: string };
      for (let n = 0; n < 5; n += 1) {
        expect((await ask(`&sid=${sid}`, { method: 'POST', body: '3' })).status).to.equal(200);
      }
      expect((await ask('&sid=none&sid=')).status, 'the last one counts').to.equal(200);
      await expectRefused(await ask(), /^Your network address may send 2 requests in 15 minutes\./);
      expect((await ask(`&sid=${sid}`, { method: 'POST', body: '3' })).status).to.equal(200);
    });

    it('cut a WebSocket off that is refused and does not ask why', async () => {
      await start({ RATE_LIMIT_GLOBAL_REQUESTS: '1' });
      const open = async () => {
        const socket = new WebSocket(`${app.url.replace('http', 'ws')}/socket.io/?EIO=4&transport=websocket`);
        await once(socket, 'open');
        return socket;
      };
      const [good, refused] = [await open(), await open()];
      await once(refused, 'close');
      expect(good.readyState).to.equal(WebSocket.OPEN);
      good.terminate();
    });

    it('count also connections without a good token', async () => {
      await start({ RATE_LIMIT_GLOBAL_REQUESTS: '2' });
      const stranger = new ChatClient({ token: 'none' } as TestUser);
      const codes = [];
      for (let n = 0; n < 3; n += 1) {
        const refusal = await stranger.connect(app).catch((error: unknown) => error as { data?: Problem });
        codes.push(refusal?.data?.code);
      }
      stranger.cut();
      expect(codes).to.deep.equal(['unauthenticated', 'unauthenticated', 'rate_limited']);
    });
  });

  describe('of signing in', () => {
    it('count by address, good tries and bad ones of every kind, beside all requests', async () => {
      await start({ RATE_LIMIT_AUTH_REQUESTS: '4', RATE_LIMIT_GLOBAL_REQUESTS: '20' });
      const user = await signUp(app);
      const first = await login();
      expect(first.status).to.equal(401);
      expect(limitsOf(first)).to.deep.equal({
        global: { left: 18, resets: 900, of: 20, window: 900 },
        auth: { left: 2, resets: 900, of: 4, window: 900 },
      });
      expect((await fetch(`${app.url}/auth/refresh`, { method: 'POST' })).status).to.equal(401);
      expect((await fetch(`${app.url}/auth/register`, { method: 'POST' })).status).to.equal(400);
      const refused = await login(user.password);
      expect(limitsOf(refused).auth?.left).to.equal(0);
      await expectRefused(
        refused,
        /^Your network address may try to sign in 4 times in 15 minutes\. Try again in 15 minutes\.$/,
      );
      const me = await user.at(app).send('GET', '/auth/me');
      expect(me.status, 'who is signed in goes on').to.equal(200);
      expect(limitsOf(me)).to.have.all.keys('global');
    });
  });

  describe('of generations', () => {
    const LIMIT = 3;
    let ann: TestUser;
    let bob: TestUser;
    let session: string;

    beforeEach(async () => {
      await start({ RATE_LIMIT_GENERATION_REQUESTS: String(LIMIT) });
      [ann, bob] = [await signUp(app), await signUp(app)];
      session = (await ann.at(app).newSession()).id;
    });

    const post = (body: object = {}, headers: Record<string, string> = {}) =>
      ann.at(app).send('POST', '/messages', { sessionId: session, content: 'Why?', ...body }, { headers });
    const generations = async () => {
      const sql = 'SELECT count(*)::int AS n FROM generations WHERE user_id = $1';
      return (await rows<{ n: number }>(database().db, sql, [ann.id]))[0]?.n;
    };
    const left = (answer: Response) => limitsOf(answer).generation?.left;

    it('count each user alone', async () => {
      const first = await post();
      expect(first.status).to.equal(201);
      expect(limitsOf(first).generation).to.deep.equal({ left: 2, resets: 3_600, of: 3, window: 3_600 });
      expect(left(await post())).to.equal(1);
      expect(left(await post())).to.equal(0);
      const refused = await post();
      expect(left(refused)).to.equal(0);
      await expectRefused(
        refused,
        /^You may ask for replies 3 times in an hour\. Try again in (an hour|60 minutes)\.$/,
      );
      expect(await generations()).to.equal(3);
      const other = (await bob.at(app).newSession()).id;
      expect((await bob.at(app).say(other, 'hello')).replies).to.have.lengthOf(1);
    });

    it('let exactly as many of parallel requests through as are left', async () => {
      const statuses = await Promise.all(Array.from({ length: 20 }, async () => (await post()).status));
      expect(statuses.filter((status) => status === 201)).to.have.lengthOf(LIMIT);
      expect(statuses.filter((status) => status === 429)).to.have.lengthOf(20 - LIMIT);
      expect(await generations()).to.equal(LIMIT);
    });

    it('do not count a repeated request, also when its first is under way', async () => {
      const key = { 'idempotency-key': 'one' };
      const answers = await Promise.all(Array.from({ length: 20 }, () => post({}, key)));
      const bodies = await Promise.all(answers.map((answer) => answer.text()));
      expect(new Set(bodies)).to.have.lengthOf(1);
      expect(answers.filter((answer) => answer.status === 201)).to.have.lengthOf(20);
      expect(left(await post())).to.equal(1);
      expect(left(await post())).to.equal(0);
      expect((await post()).status).to.equal(429);
      const again = await post({}, key);
      expect(again.status, 'a repetition is answered beyond the limit').to.equal(201);
      expect(await again.text()).to.equal(bodies[0]);
      expect(limitsOf(again)).to.have.all.keys('global');
    });

    it('use up no key: a request that was refused may be repeated with it', async () => {
      for (let n = 0; n < LIMIT; n += 1) await post();
      const key = { 'idempotency-key': 'late' };
      expect((await post({}, key)).status).to.equal(429);
      expect((await post({}, key)).status).to.equal(429);
      const sql = 'SELECT count(*)::int AS n FROM idempotency_keys WHERE user_id = $1';
      expect((await rows<{ n: number }>(database().db, sql, [ann.id]))[0]?.n).to.equal(0);
    });

    it('do not count what is refused for another reason, nor what starts nothing', async () => {
      expect((await post({ content: '' })).status).to.equal(400);
      expect((await post({ model: 'no/such' })).status).to.equal(422);
      expect((await post({ sessionId: crypto.randomUUID() })).status).to.equal(404);
      expect((await post({ role: 'assistant' })).status).to.equal(201);
      await rows(database().db, 'UPDATE accounts SET held = balance WHERE user_id = $1', [ann.id]);
      const poor = await post();
      expect(poor.status).to.equal(402);
      expect(left(poor)).to.equal(LIMIT);
      await rows(database().db, 'UPDATE accounts SET held = 0 WHERE user_id = $1', [ann.id]);
      expect(left(await post())).to.equal(LIMIT - 1);
    });

    it('count together what is posted, asked again, streamed, and sent over a socket', async () => {
      const posted = await post();
      const { replies } = (await posted.json()) as { replies: { id: string }[] };
      await rows(database().db, `UPDATE generations SET status = 'completed' WHERE user_id = $1`, [ann.id]);
      const regenerate = `/messages/${replies[0]?.id}/regenerate`;
      const again = await ann.at(app).send('POST', regenerate, {});
      expect(again.status).to.equal(201);
      expect(left(again)).to.equal(1);

      const stream = `/sse/sessions/${session}/stream`;
      const abort = new AbortController();
      const { signal } = abort;
      const watched = await ann.at(app).send('GET', stream, undefined, { signal });
      expect(watched.status).to.equal(200);
      expect(limitsOf(watched), 'nothing is started').to.have.all.keys('global');
      const prompted = await ann.at(app).send('GET', `${stream}?prompt=Why`, undefined, { signal });
      expect(prompted.status).to.equal(200);
      expect(left(prompted)).to.equal(0);
      abort.abort();

      await expectRefused(await ann.at(app).send('GET', `${stream}?prompt=Why`), /You may ask for replies/);
      await expectRefused(await ann.at(app).send('POST', regenerate, {}), /You may ask for replies/);
      const client = await ChatClient.joined(ann, app, session);
      const refusal = await client
        .send({ sessionId: session, content: 'Why?' })
        .catch((error: unknown) => String(error));
      client.cut();
      expect(refusal).to.match(/rate_limited/);
    });

    it('tell a socket when to try again', async () => {
      for (let n = 0; n < LIMIT; n += 1) await post();
      const client = await ChatClient.joined(ann, app, session);
      const refusal = await client
        .send({ sessionId: session, content: 'Why?' })
        .catch((error: unknown) => error as { data?: Problem });
      client.cut();
      const problem = 'data' in refusal ? refusal.data : undefined;
      expect(problem).to.deep.include({ code: 'rate_limited', status: 429 });
      expect(problem?.retryAfterSeconds).to.be.within(3_500, 3_600);
    });
  });

  it('are all off with RATE_LIMITS=off', async () => {
    await start({
      RATE_LIMITS: 'off',
      RATE_LIMIT_GLOBAL_REQUESTS: '1',
      RATE_LIMIT_AUTH_REQUESTS: '1',
      RATE_LIMIT_GENERATION_REQUESTS: '1',
    });
    const user = (await signUp(app)) && (await signUp(app));
    const { id } = await user.at(app).newSession();
    for (let n = 0; n < 3; n += 1) {
      const answer = await user.at(app).send('POST', '/messages', { sessionId: id, content: 'Why?' });
      expect(answer.status).to.equal(201);
      expect(answer.headers.has('ratelimit')).to.equal(false);
      expect(answer.headers.has('ratelimit-policy')).to.equal(false);
    }
    expect((await login()).status).to.equal(401);
  });
});

describe('the address that is counted', () => {
  const database = useTestDatabase();
  const LIMIT = 1_000;

  /** Whether requests with these values of `X-Forwarded-For` are counted as one client. */
  function behind(
    hops: number,
    tests: (same: (one: string, other: string) => Promise<boolean>) => void,
  ): void {
    let app: WebApp;
    before(async () => {
      app = await startWebApp(database(), {
        TRUST_PROXY_HOPS: String(hops),
        RATE_LIMIT_GLOBAL_REQUESTS: String(LIMIT),
      });
    });
    after(() => app.close());
    const leftAfter = async (forwarded: string) => {
      const headers: Record<string, string> = forwarded === '' ? {} : { 'x-forwarded-for': forwarded };
      return limitsOf(await fetch(`${app.url}/models`, { headers })).global?.left ?? 0;
    };
    tests(async (one, other) => {
      const left = await leftAfter(one);
      return (await leftAfter(other)) === left - 1;
    });
  }

  describe('without a proxy', () => {
    behind(0, (same) => {
      it('is that of the connection, whatever the header says', async () => {
        expect(await same('', '6.6.6.6')).to.equal(true);
        expect(await same('6.6.6.7', '2001:db8::1')).to.equal(true);
      });
    });
  });

  describe('behind one proxy', () => {
    behind(1, (same) => {
      it('is the last, which our proxy wrote', async () => {
        expect(await same('1.1.1.1', '1.1.1.2')).to.equal(false);
        expect(await same('6.6.6.6, 1.1.1.3', '6.6.6.7, 6.6.6.8, 1.1.1.3')).to.equal(true);
        expect(await same('1.1.1.4, 1.1.1.5', '1.1.1.4, 1.1.1.6')).to.equal(false);
      });

      it('is that of the proxy, where that wrote no address', async () => {
        expect(await same('garbage-1', '')).to.equal(true);
        expect(await same('1.1.1.7, garbage-2', '1.1.1.8, garbage-3')).to.equal(true);
      });

      it('is a /64 of IPv6, and IPv4 is IPv4 however it is written', async () => {
        expect(await same('2001:db8:1:1::1', '2001:DB8:1:1:ffff::2')).to.equal(true);
        expect(await same('2001:db8:1:3::1', '2001:db8:1:4::1')).to.equal(false);
        expect(await same('2.2.2.2', '::ffff:2.2.2.2')).to.equal(true);
        expect(await same('::ffff:2.2.2.3', '::ffff:2.2.2.4')).to.equal(false);
      });
    });
  });

  describe('behind two proxies', () => {
    behind(2, (same) => {
      it('is the last but one', async () => {
        expect(await same('6.6.6.6, 1.1.1.1, 10.0.0.1', '6.6.6.7, 1.1.1.1, 10.0.0.2')).to.equal(true);
        expect(await same('6.6.6.6, 1.1.1.2, 10.0.0.1', '6.6.6.6, 1.1.1.3, 10.0.0.1')).to.equal(false);
      });

      it('is the only one, where there are not two', async () => {
        expect(await same('1.1.1.4', '1.1.1.4, 10.0.0.1')).to.equal(true);
      });
    });
  });

  it('is the same for a connection of Socket.IO', async () => {
    const app = await startWebApp(database(), { TRUST_PROXY_HOPS: '1', RATE_LIMIT_GLOBAL_REQUESTS: '2' });
    try {
      const user = await signUp(app);
      const from = async (forwarded: string) => {
        const client = new ChatClient(user);
        const headers = { 'x-forwarded-for': forwarded };
        const refusal = await client
          .connect(app, { headers })
          .then(() => undefined)
          .catch((error: unknown) => error as { data?: Problem });
        client.cut();
        return refusal?.data?.code ?? 'accepted';
      };
      expect(await from('6.6.6.1, 3.3.3.3')).to.equal('accepted');
      expect(await from('6.6.6.2, ::ffff:3.3.3.3')).to.equal('accepted');
      expect(await from('6.6.6.3, 3.3.3.3')).to.equal('rate_limited');
      expect(await from('3.3.3.3, 4.4.4.4')).to.equal('accepted');
      const answer = await fetch(`${app.url}/models`, { headers: { 'x-forwarded-for': '3.3.3.3' } });
      expect(answer.status).to.equal(429);
    } finally {
      await app.close();
    }
  });
});
