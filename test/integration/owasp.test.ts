import { generateKeyPairSync } from 'node:crypto';
import { readdir } from 'node:fs/promises';
import http from 'node:http';
import { expect } from 'chai';
import jwt from 'jsonwebtoken';
import { loadConfig } from '../../src/base/config.ts';
import { newId } from '../../src/base/ids.ts';
import type { Problem } from '../../src/contracts/errors.ts';
import type { RouteContract } from '../../src/contracts/route.ts';
import type { SignedIn } from '../../src/contracts/routes/auth.ts';
import { rows } from '../../src/data/database.ts';
import { ChatClient } from '../support/chat-client.ts';
import { useTestDatabase } from '../support/database.ts';
import { expectProblem } from '../support/expect-problem.ts';
import { TEST_JWT_SECRET } from '../support/http-app.ts';
import { RestClient } from '../support/rest-client.ts';
import { makeKey, withToken } from '../support/test-keys.ts';
import { signInAgain, signUp, type TestUser } from '../support/test-user.ts';
import { startWebApp, type WebApp } from '../support/web-app.ts';

const MAX_BODY_BYTES = 4_096;
const seconds = () => Math.floor(Date.now() / 1000);

/**
 * The OWASP API Security Top 10 of 2023, where it applies. API1 (records of others) and the whole of API5 (functions of
 * others) are walked in access-matrix.test.ts; API9 (inventory) is its table. API6 and API10 are what holds, rate limits and the
 * contract suite of the providers are for. API7 (server side request forgery) does not apply: see the test that keeps it so.
 */
describe('OWASP API Top 10', () => {
  const database = useTestDatabase();
  let app: WebApp;
  let contracts: RouteContract[];
  let ann: TestUser;
  let admin: TestUser;

  before(async () => {
    app = await startWebApp(database(), {
      ADMIN_EMAIL: 'admin@example.com',
      MAX_BODY_BYTES: `${MAX_BODY_BYTES}`,
    });
    [ann, admin] = await Promise.all([signUp(app), signUp(app, 'admin@example.com')]);
    const folder = new URL('../../src/contracts/routes/', import.meta.url);
    const modules = await Promise.all(
      (await readdir(folder)).map((name) => import(new URL(name, folder).href)),
    );
    contracts = modules.flatMap((module) =>
      (Object.values(module) as RouteContract[]).filter((each) => each?.method && each.path && each.answer),
    );
  });
  after(() => app.close());

  const send = (method: string, path: string, body?: unknown, headers: Record<string, string> = {}) =>
    fetch(app.url + path, {
      method,
      headers: { ...headers, ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
  const bearer = (token: string) => ({ authorization: `Bearer ${token}` });
  const me = (token: string) => send('GET', '/auth/me', undefined, bearer(token));

  describe('API2, broken authentication', () => {
    const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
    const forgeries = () => {
      const claims = jwt.decode(ann.token, { json: true }) ?? {};
      const [, body = '', signature = ''] = ann.token.split('.');
      const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2_048 });
      const pem = publicKey.export({ type: 'spki', format: 'pem' }).toString();
      const sign = (changes: object, options: jwt.SignOptions = {}, secret: jwt.Secret = TEST_JWT_SECRET) => {
        const left = Object.entries({ ...claims, ...changes }).filter(([, value]) => value !== undefined);
        return jwt.sign(Object.fromEntries(left), secret, options);
      };
      return {
        'alg none': `${encode({ alg: 'none', typ: 'JWT' })}.${body}.`,
        'alg none with the signature of another': `${encode({ alg: 'none' })}.${body}.${signature}`,
        RS256: sign({}, { algorithm: 'RS256' }, privateKey),
        'HS256 with a public key for its secret': sign({}, { algorithm: 'HS256' }, pem),
        'a key that it brings along': sign(
          {},
          { algorithm: 'HS256', header: { alg: 'HS256', jwk: 'x' } as never },
          'x'.repeat(40),
        ),
        HS512: sign({}, { algorithm: 'HS512' }),
        'another secret': sign({}, {}, 'another secret, also long enough for it'),
        'another audience': sign({ aud: 'elsewhere' }),
        'another issuer': sign({ iss: 'elsewhere' }),
        'no family, so that it could not be revoked': sign({ fam: undefined }),
        'no end': sign({ exp: undefined }),
        'not yet': sign({ nbf: seconds() + 60 }),
      };
    };

    it('no forged token is taken, over HTTP or a socket', async () => {
      expect((await me(ann.token)).status).to.equal(200);
      for (const [what, token] of Object.entries(forgeries())) {
        const answer = await me(token);
        expect(answer.status, what).to.equal(401);
        await expectProblem(answer, 'unauthenticated');
        const client = new ChatClient(withToken(ann, token));
        const refused = await client.connect(app).then(
          () => 'connected',
          (error: Error & { data?: Problem }) => error.data?.code,
        );
        client.cut();
        expect(refused, what).to.equal('unauthenticated');
      }
    });

    it('nor one that is expired or revoked', async () => {
      const claims = { ...jwt.decode(ann.token, { json: true }), exp: seconds() - 1 };
      await expectProblem(await me(jwt.sign(claims, TEST_JWT_SECRET)), 'token_expired');
      const { token } = await signInAgain(app, ann);
      expect((await send('POST', '/auth/logout', undefined, bearer(token))).status).to.equal(204);
      await expectProblem(await me(token), 'token_revoked');
    });

    it('nor another secret in the place of an access token', async () => {
      const { email, password } = ann;
      const { refreshToken } = (await (
        await send('POST', '/auth/login', { email, password })
      ).json()) as SignedIn;
      const { ticket } = await ann.at(app).post<{ ticket: string }>('/auth/stream-ticket');
      for (const other of [refreshToken, ticket, TEST_JWT_SECRET, ann.id, password]) {
        expect((await me(other)).status).to.equal(401);
      }
      for (const name of ['ticket', 'token', 'access_token', 'accessToken', 'apiKey', 'api_key']) {
        expect((await send('GET', `/auth/me?${name}=${ann.token}`)).status, name).to.equal(401);
      }
      for (const cookie of ['parley_refresh', 'token', 'accessToken', 'parley_board']) {
        const answer = await send('GET', '/auth/me', undefined, { cookie: `${cookie}=${refreshToken}` });
        expect(answer.status, cookie).to.equal(401);
      }
    });

    it('nor an API key that was revoked, or is of a deactivated account', async () => {
      const [mine, owner] = [await makeKey(app, ann), await signUp(app)];
      const theirs = await makeKey(app, owner);
      const groups = (key: string) => send('GET', '/groups', undefined, { 'x-api-key': key });
      for (const { key } of [mine, theirs]) expect((await groups(key)).status).to.equal(200);
      await ann.at(app).delete(`/user/api-keys/${mine.id}`);
      await admin.at(app).patch(`/admin/users/${owner.id}`, { isActive: false });
      for (const { key } of [mine, theirs]) expect((await groups(key)).status).to.equal(401);
      expect((await me(owner.token)).status).to.equal(401);
    });
  });

  describe('API3, mass assignment', () => {
    const MORE: Record<string, unknown> = {
      id: newId(),
      userId: newId(),
      role: 'admin',
      permissions: ['user.manage'],
      isActive: true,
      isAdmin: true,
      balance: 1_000_000,
      credits: 1_000_000,
      usageLimits: { dailyRequests: null },
      emailVerified: true,
      googleId: '1',
      passwordHash: 'x',
      loginCount: 7,
      kind: 'title',
      messageCount: 7,
      totalCredits: 0,
      expiresAt: '2030-01-01T00:00:00Z',
      createdAt: '2020-01-01T00:00:00Z',
    };
    /** Everything of accounts, groups and sessions, as it is kept. */
    const everything = () =>
      Promise.all(
        ['users', 'groups', 'sessions', 'messages', 'api_keys', 'ledger_entries', 'roles'].map((table) =>
          rows(database().db, `SELECT * FROM ${table} ORDER BY 1`),
        ),
      );

    it('what a route does not name is refused by name, and changes nothing', async () => {
      const client = ann.at(app);
      const session = await client.newSession();
      const group = await client.newGroup();
      const routes: [method: string, path: string, body: object][] = [
        ['POST', '/auth/register', { email: 'eve@example.com', password: 'correct horse' }],
        ['PATCH', '/user/profile', { name: 'Ann' }],
        ['POST', '/user/api-keys', { name: 'Key', scopes: ['chat'] }],
        ['POST', '/groups', { name: 'Group' }],
        ['PATCH', `/groups/${group.id}`, { name: 'Group 2' }],
        ['POST', '/sessions', { title: 'Session' }],
        ['PATCH', `/sessions/${session.id}`, { title: 'Session 2' }],
        ['PATCH', `/sessions/${session.id}/favorite`, { isFavorite: true }],
        ['POST', '/messages', { sessionId: session.id, content: 'Hello' }],
      ];
      const before = await everything();
      for (const [method, path, body] of routes) {
        for (const [key, value] of Object.entries(MORE)) {
          // What a message may name: that it only stores; when a key ends.
          if (path === '/messages' && key === 'role') continue;
          if (path === '/user/api-keys' && key === 'expiresAt') continue;
          const answer = await client.send(method, path, { ...body, [key]: value });
          expect(answer.status, `${method} ${path} with ${key}`).to.equal(400);
          await expectProblem(answer, 'validation_failed', [`body.${key}`]);
        }
      }
      expect(await everything()).to.deep.equal(before);
      await client.refused('validation_failed', [
        'POST',
        '/messages',
        { sessionId: session.id, content: 'Hi', role: 'system' },
      ]);
    });

    it('no more of an account is shown than its owner may see', async () => {
      const text = JSON.stringify([
        await ann.at(app).get('/auth/me'),
        await ann.at(app).get('/user/profile'),
        await admin.at(app).get(`/admin/users/${ann.id}`),
        await admin.at(app).get('/admin/users'),
      ]);
      expect(text).to.not.match(/hash|argon2|google_?id|refresh_?token/i);
    });
  });

  describe('API4, unrestricted resource consumption', () => {
    it('bodies are bounded on every route that takes one', async () => {
      const big = { text: 'x'.repeat(MAX_BODY_BYTES) };
      for (const { method, path, body } of contracts.filter((each) => each.body)) {
        const target = path.replace(/[:*]\w+/g, newId());
        const answer = await send(method.toUpperCase(), target, big, bearer(admin.token));
        expect(answer.status, `${method} ${path} ${body}`).to.equal(413);
      }
    });

    it('lists are bounded on every route that has one', async () => {
      const lists = contracts.filter(({ method, query }) => method === 'get' && query?.shape.limit);
      expect(lists).to.have.lengthOf.above(12);
      const { id } = await admin.at(app).newSession();
      const group = await admin.at(app).newGroup();
      for (const { path } of lists) {
        const target = path.replace(':category', 'text').replace(':sessionId', id).replace(':id', group.id);
        for (const limit of ['101', '0', '-1', '1e9', 'all']) {
          const answer = await send('GET', `${target}?limit=${limit}`, undefined, bearer(admin.token));
          await expectProblem(answer, 'validation_failed');
        }
      }
    });

    it('signing in and asking for replies have limits of their own', () => {
      const limited = (by: string) =>
        contracts.filter(({ rateLimit }) => rateLimit === by).map(({ method, path }) => `${method} ${path}`);
      expect(new Set(limited('auth'))).to.deep.equal(
        new Set([
          'post /auth/register',
          'post /auth/login',
          'post /auth/refresh',
          'post /auth/forgot-password',
          'patch /auth/reset-password/:token',
          'get /auth/google',
          'patch /auth/password',
          'delete /user/account',
        ]),
      );
      expect(limited('generation')).to.have.members([
        'post /messages',
        'post /messages/:id/regenerate',
        'get /sse/sessions/:id/stream',
        'post /chat',
        'post /playground/sessions',
        'get /playground/stream',
        'post /v1/generate',
        'post /v1/stream',
        'get /v1/stream',
        'post /v1/chat/completions',
        'post /v1/responses',
        'post /v1/messages',
        'post /ai/enhance',
      ]);
      expect(limited('none')).to.have.members(['get /', 'get /health', 'get /health/ready', 'get /metrics']);
    });

    it('and answers tell of them', async () => {
      const policies = (answer: Response) => answer.headers.get('ratelimit-policy') ?? '';
      expect(policies(await send('POST', '/auth/login', {}))).to.match(/"global";.*"auth";/);
      const { id: sessionId } = await ann.at(app).newSession();
      const answer = await ann.at(app).send('POST', '/messages', { sessionId, content: 'Hello' });
      expect(policies(answer)).to.match(/"global";.*"generation";/);
    });
  });

  describe('API5, functions of others', () => {
    const USERS = [
      '/admin/users',
      '/api/admin/users',
      '//admin/users',
      '/ADMIN/users',
      '/admin/users/',
      '/admin%2fusers',
      '/groups/../admin/users',
      '/admin/users;x',
      '/api/api/admin/users',
    ];

    it('are not reached by another spelling, method or header', async () => {
      for (const path of USERS) {
        for (const method of ['GET', 'HEAD']) {
          const { status } = await raw(method, path, bearer(ann.token));
          expect(status, `${method} ${path}`).to.be.oneOf([400, 403, 404]);
        }
      }
      const headers = {
        ...bearer(ann.token),
        'x-http-method-override': 'DELETE',
        'x-original-url': '/admin/users',
      };
      expect((await raw('POST', '/user/profile?_method=DELETE', headers)).status).to.be.oneOf([404, 405]);
      expect((await raw('GET', '/auth/me', headers)).text).to.include(ann.id);
    });

    it('are not given by what a token says of its role', async () => {
      const user = await signUp(app);
      await admin.at(app).patch(`/admin/users/${user.id}`, { role: 'admin' });
      const { token } = await signInAgain(app, user);
      const client = new RestClient({ url: app.url, userId: user.id, token });
      await client.get('/admin/users');
      await admin.at(app).patch(`/admin/users/${user.id}`, { role: 'user' });
      expect(jwt.decode(token)).to.include({ role: 'admin' });
      await client.refused('forbidden', ['GET', '/admin/users']);
      await client.refused('forbidden', ['PATCH', `/admin/users/${user.id}`, { role: 'admin' }]);
    });
  });

  describe('API7, server side request forgery', () => {
    it('does not apply: no request names an address for the server to call', () => {
      // What the server calls (providers, Google, the mail server) stands in its configuration alone.
      const names = contracts.flatMap(({ path, query, body }) => [
        ...(path.match(/[:*]\w+/g) ?? []),
        ...Object.keys(query?.shape ?? {}),
        ...JSON.stringify(body ? fieldsOf(body) : []).split(/\W+/),
      ]);
      expect(names).to.include('sessionId');
      expect(
        names.filter((name) =>
          /^(ur[li]|href|host)|(Ur[li]|Href|Host)s?$|webhook|callback|redirect|endpoint/.test(name),
        ),
      ).to.deep.equal([]);
    });
  });

  describe('API8, misconfiguration', () => {
    it('answers of every kind have the headers, and tell nothing of the inside', async () => {
      await database().db.query('ALTER TABLE groups RENAME TO groups_away');
      const failed = await send('GET', '/groups', undefined, bearer(ann.token)).finally(() =>
        database().db.query('ALTER TABLE groups_away RENAME TO groups'),
      );
      const answers: [number, Response][] = [
        [200, await send('GET', '/health')],
        [200, await send('GET', '/api-docs')],
        [400, await send('POST', '/auth/login', { email: 1 })],
        [401, await send('GET', '/auth/me')],
        [403, await send('GET', '/admin/users', undefined, bearer(ann.token))],
        [404, await send('GET', '/nowhere')],
        [500, failed],
      ];
      for (const [status, answer] of answers) {
        const { headers } = answer;
        expect(answer.status).to.equal(status);
        expect(headers.get('content-security-policy'), `${status}`).to.match(
          /default-src 'none'|default-src 'self'/,
        );
        expect(headers.get('x-content-type-options')).to.equal('nosniff');
        expect(headers.get('strict-transport-security')).to.match(/max-age=\d{7,}/);
        expect(headers.get('x-frame-options') ?? headers.get('content-security-policy')).to.match(
          /SAMEORIGIN|DENY|frame-ancestors/,
        );
        expect(headers.get('access-control-allow-origin')).to.equal(null);
        for (const name of ['x-powered-by', 'server', 'x-response-time'])
          expect(headers.has(name), name).to.equal(false);
        const text = await answer.text();
        if (status >= 400)
          expect(text).to.not.match(/\bat .+:\d+|node_modules|\.ts\b|relation|SELECT|Error:/);
      }
    });

    it('production does not start without a secret, nor without rate limits', () => {
      const env = { NODE_ENV: 'production', JWT_SECRET: TEST_JWT_SECRET };
      loadConfig(env);
      expect(() => loadConfig({ ...env, RATE_LIMITS: 'off' })).to.throw('RATE_LIMITS');
      expect(() => loadConfig({ ...env, JWT_SECRET: undefined })).to.throw('JWT_SECRET');
    });
  });

  describe('requests that a browser is made to send', () => {
    it('do not refresh by the cookie, which is good for nothing else', async () => {
      const { email, password } = ann;
      const signedIn = await send('POST', '/auth/login', { email, password });
      const { refreshToken } = (await signedIn.json()) as SignedIn;
      const set = signedIn.headers.getSetCookie();
      for (const each of set) expect(each).to.include('HttpOnly').and.to.include('SameSite=Strict');
      const cookie = `parley_refresh=${refreshToken}`;
      const foreign: Record<string, string>[] = [
        { origin: 'https://evil.example' },
        { origin: 'null' },
        { origin: `${app.url}.evil.example` },
        { 'sec-fetch-site': 'cross-site' },
        { 'sec-fetch-site': 'same-site' },
      ];
      for (const headers of foreign) {
        await expectProblem(
          await send('POST', '/auth/refresh', undefined, { cookie, ...headers }),
          'forbidden',
        );
        await expectProblem(
          await send('POST', '/auth/logout', undefined, { cookie, ...headers }),
          'forbidden',
        );
      }
      for (const [method, path] of [
        ['GET', '/auth/me'],
        ['DELETE', '/user/account'],
        ['POST', '/groups'],
      ] as const) {
        expect((await send(method, path, undefined, { cookie })).status, path).to.equal(401);
      }
      // It is good, and has not been used: a page of our own gets it changed.
      expect((await send('POST', '/auth/refresh', undefined, { cookie, origin: app.url })).status).to.equal(
        200,
      );
    });
  });

  describe('forged addresses of clients', () => {
    const LIMIT = 5;
    const overLimit = async (hops: string, forwarded: (n: number) => string) => {
      const other = await startWebApp(database(), {
        TRUST_PROXY_HOPS: hops,
        RATE_LIMIT_GLOBAL_REQUESTS: `${LIMIT}`,
      });
      try {
        const statuses: number[] = [];
        for (let n = 0; n <= LIMIT; n += 1) {
          const headers = {
            'x-forwarded-for': forwarded(n),
            'x-real-ip': `10.2.0.${n}`,
            forwarded: `for=10.3.0.${n}`,
            'x-client-ip': `10.4.0.${n}`,
          };
          statuses.push((await fetch(`${other.url}/models`, { headers })).status);
        }
        return statuses.at(-1);
      } finally {
        await other.close();
      }
    };

    it('do not dodge the limit without a proxy', async () => {
      expect(await overLimit('0', (n) => `10.1.0.${n}`)).to.equal(429);
    });

    it('do not dodge it behind one: what our proxy wrote counts', async () => {
      expect(await overLimit('1', (n) => `10.1.0.${n}, 192.0.2.1`)).to.equal(429);
      expect(await overLimit('1', (n) => `192.0.2.1, 10.1.0.${n}`)).to.equal(401);
    });
  });

  describe('names of exported files', () => {
    const TITLES = [
      'x\r\nSet-Cookie: evil=1\r\n\r\n<html>',
      'a"; filename="evil.exe',
      'Maß 日本語 🎉',
      '\u202Egnp.exe',
      "a'%0d%0aX-Evil: 1",
    ];

    it('add no header, whatever the title', async () => {
      const { id } = await ann.at(app).newSession();
      for (const title of TITLES) {
        await database().db.query('UPDATE sessions SET title = $2 WHERE id = $1', [id, title]);
        for (const kind of ['json', 'md']) {
          const { status, headers } = await raw('GET', `/sessions/${id}/export.${kind}`, bearer(ann.token));
          expect(status, title).to.equal(200);
          const named = headers.filter(([name]) => name.toLowerCase() === 'content-disposition');
          expect(named).to.have.lengthOf(1);
          expect(named[0]?.[1]).to.match(
            /^attachment; filename="[^"\\]*"(; filename\*=UTF-8''[\w.~%!#$&+^`|'-]*)?$/,
          );
          expect(named[0]?.[1]).to.match(new RegExp(`\\.${kind}"?(;|$)`));
          expect(headers.some(([name]) => /set-cookie|x-evil/i.test(name))).to.equal(false);
        }
      }
      // By the front door they are refused: a title is one line.
      await ann
        .at(app)
        .refused('validation_failed', ['POST', '/sessions', { title: TITLES[0] }], ['body.title']);
    });
  });

  /** A request as it stands, with nothing put in order by the client. */
  function raw(method: string, path: string, headers: Record<string, string>) {
    const { hostname, port } = new URL(app.url);
    return new Promise<{ status: number | undefined; headers: [string, string][]; text: string }>(
      (resolve, reject) => {
        const request = http.request(
          { hostname, port, method, path, headers, agent: false },
          async (answer) => {
            const { rawHeaders, statusCode: status } = answer;
            const pairs = rawHeaders.flatMap((name, n): [string, string][] =>
              n % 2 ? [] : [[name, rawHeaders[n + 1] ?? '']],
            );
            const text = (await answer.setEncoding('utf8').toArray()).join('');
            resolve({ status, headers: pairs, text });
          },
        );
        request.once('error', reject);
        request.end();
      },
    );
  }
});

/** The names of all fields of a schema, however deep. */
function fieldsOf(schema: unknown): string[] {
  const { def, shape } = schema as { def?: Record<string, unknown>; shape?: Record<string, unknown> };
  const inner = [def?.innerType, def?.element, def?.in, def?.valueType].filter(Boolean).flatMap(fieldsOf);
  const own = Object.entries(shape ?? {}).flatMap(([name, field]) => [name, ...fieldsOf(field)]);
  return [...own, ...inner];
}
