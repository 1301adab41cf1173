import { expect } from 'chai';
import { io } from 'socket.io-client';
import { newId } from '../../src/base/ids.ts';
import type { Problem } from '../../src/contracts/errors.ts';
import { CHAT_NAMESPACE, type ClientToServerEvents } from '../../src/contracts/events.ts';
import { SCOPES, type Scope, scopesOf } from '../../src/contracts/permissions.ts';
import type { StartedRun } from '../../src/contracts/playground.ts';
import type { Device } from '../../src/contracts/routes/devices.ts';
import { useTestDatabase } from '../support/database.ts';
import { codeInWords, refusalCode } from '../support/refusal-code.ts';
import { mountedWhile, ROUTE_ACCESS, type RouteAccess } from '../support/route-access.ts';
import { makeKey, withToken } from '../support/test-keys.ts';
import { signInAgain, signUp, type TestUser } from '../support/test-user.ts';
import { startWebApp, type WebApp } from '../support/web-app.ts';

/** Who asks. */
type Caller =
  | 'anonymous'
  | 'deactivated'
  | 'viewer'
  | 'user'
  | 'admin'
  | 'key with the scope'
  | 'key without it';
const CALLERS: Caller[] = [
  'anonymous',
  'deactivated',
  'viewer',
  'user',
  'key with the scope',
  'key without it',
  'admin',
];

/** Who is refused where, and how; undefined: admitted. */
function refusalOf(caller: Caller, route: RouteAccess): Problem['code'] | undefined {
  if (route.for === 'everybody') return undefined;
  if (caller === 'anonymous') return 'unauthenticated';
  if (caller === 'deactivated') return 'token_revoked';
  if (caller === 'key without it') return 'forbidden';
  if (caller === 'key with the scope' && !route.scope) return 'forbidden';
  if (caller === 'viewer' && route.for !== 'account') return 'forbidden';
  if (caller === 'user' && route.for === 'admin') return 'forbidden';
  return undefined;
}

describe('who may do what', () => {
  const database = useTestDatabase();
  let app: WebApp;
  let mounted: string[];
  let ann: TestUser;
  let bob: TestUser;
  let viewer: TestUser;
  let admin: TestUser;
  let deactivated: TestUser;
  /** By the scopes of which any is enough. */
  const keys = new Map<string, { only: string; allBut: string }>();

  before(async () => {
    const start = async () => {
      app = await startWebApp(database(), { ADMIN_EMAIL: 'admin@example.com', RATE_LIMITS: 'off' });
    };
    mounted = await mountedWhile(start);
    [ann, bob, viewer, deactivated] = await Promise.all([signUp(app), signUp(app), signUp(app), signUp(app)]);
    admin = await signUp(app, 'admin@example.com');
    await admin.at(app).patch(`/admin/users/${viewer.id}`, { role: 'viewer' });
    // Not by the route, which also signs out: what is left is the account's own refusal.
    await change(deactivated, 'is_active = false');
    const demands = [['chat' as const], ...Object.values(ROUTE_ACCESS).map(({ scope }) => scopesOf(scope))];
    for (const scopes of new Map(demands.map((each) => [each.join(), each])).values()) {
      // Every other one is as good: api-key-scopes.test.ts asks with each.
      const [scope] = scopes;
      if (!scope) continue;
      const without = SCOPES.filter((other) => !scopes.includes(other));
      const [only, allBut] = await Promise.all([
        makeKey(app, admin, { scopes: [scope] }),
        makeKey(app, admin, { scopes: without }),
      ]);
      keys.set(scopes.join(), { only: only.key, allBut: allBut.key });
    }
  });
  after(() => app.close());

  /** Changes an account, and tells every process as the services do. */
  async function change(user: TestUser, assignment: string): Promise<void> {
    await database().db.query(`UPDATE users SET ${assignment} WHERE id = $1`, [user.id]);
    await app.feed.control.publish('access-changed', { userId: user.id });
  }

  /** What a caller sends with a request. */
  function tokenOf(caller: Caller, scope: RouteAccess['scope'] = 'chat'): string | undefined {
    const key = keys.get(scopesOf(scope).join());
    if (caller === 'anonymous') return undefined;
    if (caller === 'key with the scope') return key?.only;
    if (caller === 'key without it') return key?.allBut;
    return { deactivated, viewer, user: bob, admin }[caller].token;
  }

  interface Question {
    route: string;
    token?: string | undefined;
    id?: string;
    body?: object | undefined;
  }
  /** Asks a route; what it names is not there unless an id is given. */
  async function ask({ route, token, id = newId(), body }: Question) {
    const [method = '', pattern = ''] = route.split(' ');
    const path = pattern.replace('{/*path}', '').replace(/[:*]\w+/g, id);
    const abort = new AbortController();
    const answer = await fetch(app.url + path, {
      method,
      redirect: 'manual',
      signal: abort.signal,
      headers: {
        ...(token ? { authorization: `Bearer ${token}` } : {}),
        ...(body ? { 'content-type': 'application/json' } : {}),
      },
      ...(body ? { body: JSON.stringify(body) } : {}),
    });
    const { status, headers } = answer;
    const type = headers.get('content-type') ?? '';
    const isStream = type.startsWith('text/event-stream');
    const text = isStream ? '' : await answer.text();
    abort.abort();
    return { status, code: refusalCode(answer, text) };
  }

  it('is written down for every route, and for no other', () => {
    expect(mounted).to.have.lengthOf.above(70);
    expect(mounted).to.have.members(Object.keys(ROUTE_ACCESS));
    expect(mounted).to.have.lengthOf(new Set(mounted).size);
  });

  it('is what the document tells, route by route', async () => {
    const document = (await (await fetch(`${app.url}/openapi.json`)).json()) as {
      paths: Record<string, Record<string, { security: { apiKey?: Scope[] }[] }>>;
    };
    for (const [path, operations] of Object.entries(document.paths)) {
      for (const [method, { security }] of Object.entries(operations)) {
        // The document has one name for the parameters of all routes with one path.
        const unnamed = (each: string) => each.replace(/[:*]\w+/g, ':').replace(/\{\w+\}/g, ':');
        const route = `${method.toUpperCase()} ${path}`;
        const [, access] =
          Object.entries(ROUTE_ACCESS).find(
            ([each]) => unnamed(each.replace('{/*path}', '')) === unnamed(route),
          ) ?? [];
        expect(access, route).to.not.equal(undefined);
        expect(security.length === 0, route).to.equal(access?.for === 'everybody');
        expect(
          security.flatMap((way) => way.apiKey ?? []),
          route,
        ).to.deep.equal(scopesOf(access?.scope));
      }
    }
  });

  for (const caller of CALLERS) {
    it(`holds on every route for: ${caller}`, async () => {
      // Whoever signs out can ask nothing more.
      const routes = Object.entries(ROUTE_ACCESS).filter(([route]) => route !== 'POST /auth/logout');
      for (const [route, access] of [...routes, ['POST /auth/logout', { for: 'account' }] as const]) {
        const { status, code } = await ask({ route, token: tokenOf(caller, access.scope) });
        const expected = refusalOf(caller, access);
        const what = `${route} as ${caller}: ${status} ${code ?? ''}`;
        if (expected) expect(code, what).to.equal(codeInWords(expected, access.words));
        else if (access.refusal) expect(status, what).to.equal(access.refusal);
        else expect(status, what).to.not.be.oneOf([401, 403, 405, 500]);
      }
    });
  }

  describe('with what is of somebody else', () => {
    let owner: TestUser;
    let other: TestUser;
    let boss: TestUser;
    before(async () => {
      const again = (user: TestUser) => signInAgain(app, user);
      [owner, other, boss] = await Promise.all([again(ann), again(bob), again(admin)]);
    });

    const session = async () => (await owner.at(app).newSession()).id;
    const RECORDS: Record<NonNullable<RouteAccess['record']>, () => Promise<string>> = {
      group: async () => (await owner.at(app).newGroup()).id,
      session,
      // A reply: it can be stopped, asked for again, and deleted.
      message: async () => {
        const { replies } = await owner.at(app).say(await session(), 'Hello');
        const id = replies[0]?.id ?? '';
        await owner.at(app).post(`/messages/${id}/stop`);
        return id;
      },
      run: async () => {
        const asked = { prompt: 'Hello', models: ['echo'] };
        const { session: run, lanes } = await owner.at(app).post<StartedRun>('/playground/sessions', asked);
        await owner.at(app).post(`/messages/${lanes[0]?.messageId}/stop`);
        return run.id;
      },
      key: async () => (await makeKey(app, owner)).id,
      enhancement: async () => {
        const asked = { text: 'Hello', action: 'improve' };
        return (await owner.at(app).post<{ sessionId: string }>('/ai/enhance', asked)).sessionId;
      },
      // Its type and its id are the same: both are in the path.
      async entity() {
        const name = `e${newId().replaceAll('-', '')}`;
        await owner.at(app).json('PUT', `/ai/entities/${name}/${name}`, { title: 'A record' });
        return name;
      },
      async device() {
        const known = new Set((await devices()).map(({ id }) => id));
        await signInAgain(app, owner);
        return (await devices()).find(({ id }) => !known.has(id))?.id ?? '';
      },
    };
    const devices = () => owner.at(app).all<Device>('/auth/devices');

    it('is nothing, for users and admins: it is not there', async () => {
      for (const [route, { record, body, for: whom }] of Object.entries(ROUTE_ACCESS)) {
        // What is put is one's own, whoever has something of that name.
        const named = /^(?!PUT ).*:(id|sessionId|keyId)\b/.test(route) && whom !== 'admin';
        expect(record !== undefined, `${route} names a record`).to.equal(named);
        if (!record) continue;
        const id = await RECORDS[record]();
        for (const { token } of [other, boss]) {
          const answer = await ask({ route, token, id, body });
          expect(answer, route).to.deep.equal({ status: 404, code: 'not_found' });
        }
        // It was theirs to ask, and it is still there: for its owner.
        const { status, code } = await ask({ route, token: owner.token, id, body });
        expect(status, `${route} as its owner: ${code}`).to.be.oneOf([200, 201, 204]);
      }
    });

    it('is nothing where a body or a query names it, either', async () => {
      const [theirs, own] = [await session(), (await other.at(app).newSession()).id];
      const groupId = await RECORDS.group();
      const client = other.at(app);
      await client.refused('not_found', ['POST', '/messages', { sessionId: theirs, content: 'Hi' }]);
      await client.refused('not_found', ['POST', '/sessions', { groupId }]);
      await client.refused('not_found', ['PATCH', `/sessions/${own}`, { groupId }]);
      await client.refused('not_found', ['PATCH', `/sessions/${own}/group`, { groupId }]);
      await owner.at(app).patch(`/sessions/${theirs}`, { groupId });
      const found = await client.send('GET', `/sessions?group=${groupId}`);
      expect(found.status).to.be.oneOf([200, 404]);
      expect(await found.text()).to.not.include(theirs);
      expect(await owner.at(app).all(`/messages/${theirs}`)).to.deep.equal([]);
    });
  });

  describe('over a socket', () => {
    /** What each event takes; the type names them all. */
    type Events = {
      [E in keyof ClientToServerEvents]: (of: {
        sessionId: string;
        messageId: string;
        token: string;
      }) => object;
    };
    const EVENTS: Events = {
      join: ({ sessionId }) => ({ sessionId }),
      leave: ({ sessionId }) => ({ sessionId }),
      'message:send': ({ sessionId }) => ({ sessionId, content: 'Hello' }),
      'message:stop': ({ messageId }) => ({ messageId }),
      auth: ({ token }) => ({ token }),
    };
    const names = Object.keys(EVENTS) as (keyof Events)[];

    const connect = async (token: string | undefined) => {
      const socket = io(app.url + CHAT_NAMESPACE, {
        auth: token === undefined ? {} : { token },
        transports: ['websocket'],
        forceNew: true,
        reconnection: false,
      });
      const refused = await new Promise<Problem | undefined>((resolve) => {
        socket.once('connect', () => resolve(undefined));
        socket.once('connect_error', (error) => resolve((error as Error & { data?: Problem }).data));
      });
      const emit = async (event: string, payload: object) => {
        const ack = (await socket.timeout(3_000).emitWithAck(event, payload)) as {
          ok: boolean;
          error?: Problem;
        };
        return ack.ok ? 'ok' : ack.error?.code;
      };
      return { refused: refused?.code, emit, close: () => socket.disconnect() };
    };
    const own = async (user: TestUser) => {
      const { id: sessionId } = await user.at(app).newSession();
      const { replies } = await user.at(app).say(sessionId, 'Hello');
      return { sessionId, messageId: replies[0]?.id ?? '', token: user.token };
    };
    const freshUser = () => signUp(app);

    it('is asked when it connects', async () => {
      const refusals: [Caller, Problem['code'] | undefined][] = [
        ['anonymous', 'unauthenticated'],
        ['deactivated', 'token_revoked'],
        ['viewer', 'forbidden'],
        ['key without it', 'forbidden'],
        ['key with the scope', undefined],
      ];
      viewer = await signInAgain(app, viewer);
      for (const [caller, code] of refusals) {
        const socket = await connect(tokenOf(caller));
        expect(socket.refused, caller).to.equal(code);
        socket.close();
      }
    });

    it('is all events, with what is one’s own', async () => {
      const user = await freshUser();
      const { key } = await makeKey(app, user);
      for (const who of [user, withToken(user, key), await signInAgain(app, admin)]) {
        const mine = await own(who);
        const socket = await connect(who.token);
        for (const name of names) expect(await socket.emit(name, EVENTS[name](mine)), name).to.equal('ok');
        socket.close();
      }
    });

    it('is nothing with what is of others', async () => {
      const [mine, theirs] = [await own(await freshUser()), await own(await freshUser())];
      const socket = await connect(mine.token);
      const answers = Object.fromEntries(
        await Promise.all(names.map(async (name) => [name, await socket.emit(name, EVENTS[name](theirs))])),
      );
      expect(answers).to.deep.equal({
        join: 'not_found',
        // It leaves what it never was in.
        leave: 'ok',
        'message:send': 'not_found',
        'message:stop': 'not_found',
        auth: 'forbidden',
      });
      expect(await socket.emit('admin', {})).to.equal('not_found');
      socket.close();
    });

    for (const [what, assignment, code] of [
      ['may chat no more', "role = 'viewer'", 'forbidden'],
      ['is deactivated', 'is_active = false', 'token_revoked'],
    ] as const) {
      it(`is no event at all for whoever ${what} while connected, where nobody was told of it`, async () => {
        const user = await freshUser();
        const mine = await own(user);
        const socket = await connect(user.token);
        await database().db.query(`UPDATE users SET ${assignment} WHERE id = $1`, [user.id]);
        const realNow = Date.now;
        try {
          // What is remembered of an account is too old by then.
          Date.now = () => realNow() + 6_000;
          for (const name of names) expect(await socket.emit(name, EVENTS[name](mine)), name).to.equal(code);
        } finally {
          Date.now = realNow;
        }
        socket.close();
      });
    }
  });
});
