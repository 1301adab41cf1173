import { expect } from 'chai';
import jwt from 'jsonwebtoken';
import { io, type Socket } from 'socket.io-client';
import { newId } from '../../src/base/ids.ts';
import { type Problem, problemSchema } from '../../src/contracts/errors.ts';
import { CHAT_NAMESPACE, sessionRoom } from '../../src/contracts/events.ts';
import { rows } from '../../src/data/database.ts';
import { useTestDatabase } from '../support/database.ts';
import { EventStreamClient } from '../support/event-stream-client.ts';
import { expectProblem } from '../support/expect-problem.ts';
import { bearer, TEST_JWT_SECRET } from '../support/http-app.ts';
import { type RawAnswer, RawChatSocket } from '../support/raw-chat-socket.ts';
import { signUp, type TestUser } from '../support/test-user.ts';
import { until } from '../support/until.ts';
import { startWebApp, type WebApp } from '../support/web-app.ts';

/** What stands for a text of the client's, as JSON: nothing that any field takes. */
const BAD_VALUES: Record<string, string> = {
  null: 'null',
  'a number': '1',
  'a list': '[]',
  'an object': '{}',
  'a boolean': 'true',
  'an empty text': '""',
  NUL: '"a\\u0000b"',
  'a lone surrogate': '"a\\ud800b"',
  '1 MB of text': `"${'x'.repeat(1_000_000)}"`,
  '50,000 lists in each other': `${'['.repeat(50_000)}${']'.repeat(50_000)}`,
  '50,000 objects in each other': `${'{"a":'.repeat(50_000)}1${'}'.repeat(50_000)}`,
};

/** Every event of a client, with the fields that it requires. */
const EVENTS: Record<string, string[]> = {
  join: ['sessionId'],
  leave: ['sessionId'],
  'message:send': ['sessionId', 'content'],
  'message:stop': ['messageId'],
  auth: ['token'],
};

const PLACEHOLDER = '{"_placeholder":true,"num":0}';

describe('realtime, at its edges', () => {
  const database = useTestDatabase();
  let app: WebApp;
  let user: TestUser;
  let stranger: TestUser;
  let sessionId: string;
  let strangersSession: string;
  let strangersReply: string;

  before(async () => {
    app = await startWebApp(database(), { SSE_HEARTBEAT_MS: '100' });
    [user, stranger] = await Promise.all([signUp(app), signUp(app)]);
    sessionId = (await user.at(app).newSession()).id;
    strangersSession = (await stranger.at(app).newSession()).id;
    const { replies } = await stranger.at(app).say(strangersSession, 'hello');
    strangersReply = replies[0]?.id ?? '';
  });
  after(() => app.close());

  /** How many rows every table has. */
  async function countRows(): Promise<Record<string, number>> {
    const tables = await rows<{ name: string }>(
      database().db,
      `SELECT format('%I.%I', schemaname, tablename) AS name FROM pg_tables
       WHERE schemaname NOT IN ('pg_catalog', 'information_schema') ORDER BY 1`,
    );
    const counts: Record<string, number> = {};
    for (const { name } of tables) {
      const [found] = await rows<{ n: number }>(database().db, `SELECT count(*)::int AS n FROM ${name}`);
      counts[name] = found?.n ?? 0;
    }
    return counts;
  }

  const messagesIn = async (id: string): Promise<number> =>
    (await user.at(app).all(`/messages/${id}`)).length;

  describe('an event of a socket', () => {
    let socket: RawChatSocket;
    let before: Record<string, number>;

    beforeEach(async () => {
      socket = await RawChatSocket.connect(app, user.token);
      before = await countRows();
    });
    afterEach(async () => {
      // Whatever it was sent: it is there, it answers, and nothing has come of it.
      expect(socket.open).to.equal(true);
      const answer = await socket.ask('join', JSON.stringify({ sessionId }));
      expect(answer).to.deep.equal({ ok: true, live: [] });
      expect(await countRows()).to.deep.equal(before);
      socket.close();
    });

    function expectRefused(what: string, answer: RawAnswer, paths: string[]): void {
      const told = `${what}: ${JSON.stringify(answer).slice(0, 2_000)}`;
      expect(answer.ok, told).to.equal(false);
      const problem = problemSchema.strict().parse(answer.error);
      expect(problem, told).to.include({ code: 'validation_failed', status: 400 });
      const named = new Set(problem.errors?.map(({ path }) => path));
      expect([...named], told).to.have.members(paths);
      expect(problem.detail.startsWith('payload'), told).to.equal(true);
    }

    const validJson: Record<string, () => string> = {
      sessionId: () => JSON.stringify(sessionId),
      messageId: () => JSON.stringify(newId()),
      content: () => '"hello"',
      token: () => JSON.stringify(user.token),
    };
    const payloadOf = (fields: string[], replaced: Record<string, string> = {}): string =>
      `{${[...new Set([...fields, ...Object.keys(replaced)])]
        .map((field) => `"${field}":${replaced[field] ?? validJson[field]?.()}`)
        .join(',')}}`;

    for (const [event, fields] of Object.entries(EVENTS)) {
      const required = fields.map((field) => `payload.${field}`);

      describe(event, () => {
        it('without a payload, or with one that is no object, names the payload', async () => {
          expectRefused('missing', await socket.ask(event), ['payload']);
          for (const what of [
            'null',
            '1',
            '"text"',
            'true',
            '[]',
            BAD_VALUES['50,000 lists in each other'] ?? '',
          ]) {
            expectRefused(what.slice(0, 20), await socket.ask(event, what), ['payload']);
          }
          expectRefused('empty', await socket.ask(event, '{}'), required);
        });

        it('with a value that is none names its field', async () => {
          for (const field of fields) {
            for (const [what, json] of Object.entries(BAD_VALUES)) {
              const answer = await socket.ask(event, payloadOf(fields, { [field]: json }));
              // Any text may be a token until it is looked at.
              expectRefused(`${field}: ${what}`, answer, [`payload.${field}`]);
            }
          }
        });

        it('with a field that is not known names it', async () => {
          for (const [what, json] of Object.entries({ ...BAD_VALUES, 'a text': '"x"' })) {
            expectRefused(what, await socket.ask(event, payloadOf(fields, { other: json })), [
              'payload.other',
            ]);
          }
          for (const key of ['__proto__', 'constructor', 'toString']) {
            expectRefused(key, await socket.ask(event, payloadOf(fields, { [key]: '{"a":1}' })), [
              `payload.${key}`,
            ]);
          }
        });

        it('with bytes instead of values names them', async () => {
          const bytes = Buffer.from('bytes');
          expectRefused('payload', await socket.askBinary(event, [PLACEHOLDER], [bytes]), ['payload']);
          for (const field of fields) {
            const payload = payloadOf(fields, { [field]: PLACEHOLDER });
            expectRefused(field, await socket.askBinary(event, [payload], [bytes]), [`payload.${field}`]);
          }
          const since = performance.now();
          expectRefused('3 MB', await socket.askBinary(event, [PLACEHOLDER], [Buffer.alloc(3_000_000)]), [
            'payload',
          ]);
          expect(performance.now() - since).to.be.below(1_000);
        });

        it('that wants no acknowledgement gets none, and does nothing', () => {
          socket.tell(event);
          socket.tell(event, '{}');
          socket.tell(event, 'null', '{}', '[]');
          socket.tell(event, payloadOf(fields, { other: '1' }));
        });
      });
    }

    it('with something wrong in a field that may be left out names it', async () => {
      const cases: [event: string, payload: object, path: string][] = [
        ['join', { sessionId, have: 'all' }, 'payload.have'],
        [
          'join',
          { sessionId, have: [{ messageId: 'x', attempt: 1, offset: 1 }] },
          'payload.have.0.messageId',
        ],
        [
          'join',
          { sessionId, have: [{ messageId: newId(), attempt: -1, offset: 1 }] },
          'payload.have.0.attempt',
        ],
        [
          'join',
          { sessionId, have: [{ messageId: newId(), attempt: 1, offset: 0.5 }] },
          'payload.have.0.offset',
        ],
        [
          'join',
          { sessionId, have: [{ messageId: newId(), attempt: 1, offset: 1e300 }] },
          'payload.have.0.offset',
        ],
        [
          'join',
          { sessionId, have: [{ messageId: newId(), attempt: 1, offset: 1, reasoning: -1 }] },
          'payload.have.0.reasoning',
        ],
        [
          'join',
          { sessionId, have: [{ messageId: newId(), attempt: 1, offset: 1, reasoning: null }] },
          'payload.have.0.reasoning',
        ],
        [
          'join',
          { sessionId, have: Array(101).fill({ messageId: newId(), attempt: 1, offset: 1 }) },
          'payload.have',
        ],
        ['message:send', { sessionId, content: ' \n ' }, 'payload.content'],
        ['message:send', { sessionId, content: 'x'.repeat(100_001) }, 'payload.content'],
        ['message:send', { sessionId, content: 'x', role: 'system' }, 'payload.role'],
        ['message:send', { sessionId, content: 'x', models: [] }, 'payload.models'],
        ['message:send', { sessionId, content: 'x', model: 'echo', models: ['echo'] }, 'payload.models'],
        ['message:send', { sessionId, content: 'x', role: 'assistant', model: 'echo' }, 'payload.model'],
        ['message:send', { sessionId, content: 'x', clientMessageId: '' }, 'payload.clientMessageId'],
        ['message:send', { sessionId, content: 'x', clientMessageId: '\0' }, 'payload.clientMessageId'],
      ];
      for (const [event, payload, path] of cases) {
        const json = JSON.stringify(payload);
        expectRefused(json.slice(0, 200), await socket.ask(event, json), [path]);
      }
    });

    it('about what is somebody else’s is about nothing that there is', async () => {
      const cases: [event: string, payload: object][] = [
        ['join', { sessionId: strangersSession }],
        ['join', { sessionId: newId() }],
        ['message:send', { sessionId: strangersSession, content: 'hello' }],
        ['message:stop', { messageId: strangersReply }],
        ['message:stop', { messageId: newId() }],
      ];
      for (const [event, payload] of cases) {
        const { ok, error } = await socket.ask(event, JSON.stringify(payload));
        expect({ ok, code: error?.code }, event).to.deep.equal({ ok: false, code: 'not_found' });
      }
      // Nothing was joined, so nothing of it is heard, whatever it leaves.
      await socket.ask('leave', JSON.stringify({ sessionId: strangersSession }));
      await app.feed.rooms.publish(sessionRoom(strangersSession), 'session:delete', {
        sessionId: strangersSession,
      });
      const { error } = await socket.ask('auth', JSON.stringify({ token: stranger.token }));
      expect(error?.code).to.equal('forbidden');
      expect(socket.events).to.deep.equal([]);
    });

    it('that nobody knows is not found', async () => {
      for (const event of [
        'nothing',
        'constructor',
        '__proto__',
        'toString',
        'message:new',
        '',
        '\ud800',
        '\0',
      ]) {
        const { ok, error } = await socket.ask(event, '{}');
        expect({ ok, code: error?.code }, event).to.deep.equal({ ok: false, code: 'not_found' });
      }
      const { error } = await socket.ask('x'.repeat(1_000_000), '{}');
      expect(error?.code).to.equal('not_found');
      expect(error?.detail.length).to.be.below(1_000);
      socket.tell('nothing', '{}');
    });
  });

  describe('a connection', () => {
    const sockets: Socket[] = [];
    afterEach(() => {
      for (const socket of sockets.splice(0)) socket.disconnect();
    });

    /** Tries to connect; answers what stands in the refusal. */
    async function refusalOf(auth: object, namespace = CHAT_NAMESPACE): Promise<Problem> {
      const options = { auth, transports: ['websocket'], forceNew: true, reconnection: false };
      const socket = io(app.url + namespace, options);
      sockets.push(socket);
      const error = await new Promise<Error & { data?: unknown }>((resolve, reject) => {
        socket.once('connect_error', resolve);
        socket.once('connect', () => reject(new Error('it was accepted')));
      });
      const problem = problemSchema.strict().parse(error.data);
      expect(error.message).to.equal(problem.code);
      return problem;
    }

    it('without a good token is refused with the problem', async () => {
      const missing = await refusalOf({});
      expect(missing).to.include({ code: 'unauthenticated', status: 401 });
      const forged = jwt.sign(jwt.decode(user.token) as object, 'another secret, as long as the right one');
      for (const token of ['nonsense', forged]) {
        expect(await refusalOf({ token })).to.include({ code: 'unauthenticated', status: 401 });
      }
      for (const token of [1, null, {}, [], '', 'a\0b', '\ud800', 'x'.repeat(5_000)]) {
        const problem = await refusalOf({ token });
        expect(problem).to.include({ code: 'unauthenticated', status: 401 });
        expect(new Set(problem.errors?.map(({ path }) => path))).to.deep.equal(new Set(['auth.token']));
      }
    });

    it('with an expired token is told so', async () => {
      const claims = jwt.decode(user.token) as jwt.JwtPayload;
      const expired = jwt.sign({ ...claims, iat: 1_000, exp: 2_000 }, TEST_JWT_SECRET);
      expect(await refusalOf({ token: expired })).to.include({ code: 'token_expired', status: 401 });
    });

    it('is made to /chat, and nowhere else', async () => {
      expect(await refusalOf({ token: user.token }, '/')).to.include({ code: 'not_found', status: 404 });
    });
  });

  it('a session that was left is not heard of any more', async () => {
    const own = (await user.at(app).newSession()).id;
    const [leaving, staying] = await Promise.all([
      RawChatSocket.connect(app, user.token),
      RawChatSocket.connect(app, user.token),
    ]);
    for (const socket of [leaving, staying]) await socket.ask('join', JSON.stringify({ sessionId: own }));
    await user.at(app).say(own, 'first');
    const news = (socket: RawChatSocket) => socket.events.filter(([event]) => event === 'message:new').length;
    await until('both heard of it', () => news(leaving) === 2 && news(staying) === 2);

    expect(await leaving.ask('leave', JSON.stringify({ sessionId: own }))).to.deep.equal({ ok: true });
    await user.at(app).say(own, 'second');
    await until('the other heard of it', () => news(staying) === 4);
    // An answer comes behind whatever was sent before it.
    await leaving.ask('leave', JSON.stringify({ sessionId: own }));
    expect(news(leaving)).to.equal(2);

    await leaving.ask('join', JSON.stringify({ sessionId: own }));
    await user.at(app).say(own, 'third');
    await until('both hear again', () => news(staying) === 6 && news(leaving) >= 4);
    for (const socket of [leaving, staying]) socket.close();
  });

  describe('an event stream', () => {
    const clients: EventStreamClient[] = [];
    afterEach(() => {
      for (const client of clients.splice(0)) client.cut();
    });

    function newClient(): EventStreamClient {
      const client = new EventStreamClient(user);
      clients.push(client);
      return client;
    }

    const get = (id: string, query = '', headers: Record<string, string> = {}): Promise<Response> =>
      fetch(`${app.url}/sse/sessions/${id}/stream${query}`, {
        headers: { ...bearer(user.token), ...headers },
      });

    const newTicket = async (): Promise<string> =>
      (await user.at(app).post<{ ticket: string }>('/auth/stream-ticket')).ticket;

    it('is refused with a position that is none', async () => {
      const id = newId();
      const bad = [
        'x',
        ',',
        id,
        `${id}:1`,
        `${id}:1:x`,
        `${id}:-1:0`,
        `${id}:1:2:end`,
        `${id}:1:2:r`,
        `${id}:1:2:r-1`,
        `${id}:1:2:done:r3`,
        `x:1:2`,
        `${id}:1:2,`,
      ];
      for (const position of [...bad, Array(101).fill(`${id}:1:2`).join(','), `${id}:1:${'9'.repeat(30)}`]) {
        const header = await get(sessionId, '', { 'last-event-id': position });
        await expectProblem(header, 'validation_failed', ['headers.last-event-id']);
        const query = await get(sessionId, `?after=${encodeURIComponent(position)}`);
        await expectProblem(query, 'validation_failed', ['query.after']);
      }
    });

    it('is refused for what is not there, or somebody else’s', async () => {
      await expectProblem(await get(strangersSession), 'not_found');
      await expectProblem(await get(newId()), 'not_found');
      await expectProblem(await get('x'), 'validation_failed', ['params.id']);
      await expectProblem(await get(sessionId, '?other=1'), 'validation_failed', ['query.other']);
      await expectProblem(await get(strangersSession, '?prompt=hello'), 'not_found');
    });

    it('is refused without a token, and with a ticket that is none or was used', async () => {
      const open = (query: string) => fetch(`${app.url}/sse/sessions/${sessionId}/stream${query}`);
      await expectProblem(await open(''), 'unauthenticated');
      await expectProblem(await open('?ticket=nonsense'), 'unauthenticated');
      const ticket = await newTicket();
      const first = await open(`?ticket=${ticket}`);
      expect(first.status).to.equal(200);
      expect(first.headers.get('content-type')).to.equal('text/event-stream; charset=utf-8');
      await first.body?.cancel();
      await expectProblem(await open(`?ticket=${ticket}`), 'unauthenticated');
    });

    it('posts its prompt once, and never when it comes back', async () => {
      const own = (await user.at(app).newSession()).id;
      const query = { prompt: 'Hello there', clientMessageId: newId() };
      const first = newClient();
      await first.open(app, own, { query });
      await first.until('the prompt and its reply', () => first.transcript.copies.size === 2);
      const texts = [...first.transcript.copies.values()].map(({ message }) => [
        message.role,
        message.content,
      ]);
      expect(texts).to.deep.equal([
        ['user', 'Hello there'],
        ['assistant', ''],
      ]);
      expect(await messagesIn(own)).to.equal(2);

      // It comes back with what it had.
      expect(first.lastEventId).to.be.a('string');
      for (const resume of ['header', 'query'] as const) {
        await first.open(app, own, { query, resume });
        await first.open(app, own, { query: { prompt: 'Hello there' }, resume });
      }
      expect(await messagesIn(own)).to.equal(2);

      // It had nothing yet when it was cut off: the same key is the same prompt.
      const again = newClient();
      await again.open(app, own, { query });
      await again.until('the prompt and its reply', () => again.transcript.copies.size === 2);
      expect(await messagesIn(own)).to.equal(2);
      await expectProblem(
        await get(own, `?prompt=Other&clientMessageId=${query.clientMessageId}`),
        'idempotency_key_reused',
      );
      expect(await messagesIn(own)).to.equal(2);
    });

    it('posts nothing that is asked for with HEAD, or that is refused', async () => {
      const own = (await user.at(app).newSession()).id;
      const path = `${app.url}/sse/sessions/${own}/stream`;
      const head = await fetch(`${path}?prompt=hello`, { method: 'HEAD', headers: bearer(user.token) });
      expect(head.status).to.equal(200);
      expect(head.headers.get('content-type')).to.match(/^text\/event-stream/);
      const refused: [query: string, field: string][] = [
        ['?prompt=%20', 'prompt'],
        ['?prompt=a%00b', 'prompt'],
        ['?prompt=', 'prompt'],
        ['?prompt=x&clientMessageId=', 'clientMessageId'],
      ];
      for (const [query, field] of refused) {
        const { errors } = await expectProblem(await get(own, query), 'validation_failed');
        expect(new Set(errors?.map((error) => error.path)), query).to.deep.equal(new Set([`query.${field}`]));
      }
      await expectProblem(await get(own, '?prompt=x&model=nonsense'), 'model_not_available', ['query.model']);
      await expectProblem(await get(own, '?prompt=x', { 'last-event-id': 'x' }), 'validation_failed');
      expect(await messagesIn(own)).to.equal(0);
    });

    it('ends with its session, and does not begin again', async () => {
      const own = (await user.at(app).newSession()).id;
      const [client, elsewhere] = [newClient(), newClient()];
      await client.open(app, own);
      await elsewhere.open(app, sessionId);
      await user.at(app).delete(`/sessions/${own}`);
      await client.until('the end of the stream', () => client.ended);
      expect(client.transcript.heard.map(({ event }) => event)).to.deep.equal(['session:delete']);
      await expectProblem(await get(own), 'not_found');
      expect(elsewhere.ended).to.equal(false);
    });

    it('has a heartbeat', async () => {
      const client = newClient();
      await client.open(app, sessionId);
      await until('three of them', () => client.heartbeats >= 3);
      expect(client.ended).to.equal(false);
    });
  });
});
