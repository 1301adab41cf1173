import { once } from 'node:events';
import { request } from 'node:http';
import { Writable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import { createLogger } from '../../src/base/logger.ts';
import type { Problem } from '../../src/contracts/errors.ts';
import { useTestDatabase } from '../support/database.ts';
import { expectProblem } from '../support/expect-problem.ts';
import { bearer, startTestApp, type TestApp } from '../support/http-app.ts';
import { testRoutes } from '../support/test-routes.ts';

const ID = '0190a0a0-0000-7000-8000-000000000000';
const MAX_BODY_BYTES = 20_000;

describe('HTTP', () => {
  const database = useTestDatabase();
  const lines: Record<string, unknown>[] = [];
  let app: TestApp;

  before(async () => {
    const destination = new Writable({
      write(line, _encoding, done) {
        lines.push(JSON.parse(String(line)));
        done();
      },
    });
    app = await startTestApp({
      database: database(),
      env: { MAX_BODY_BYTES: String(MAX_BODY_BYTES), TRUST_PROXY_HOPS: '1' },
      routes: [testRoutes],
      log: createLogger({ level: 'debug', pretty: false, destination }),
    });
  });
  after(() => app.close());

  /** The log line of the next request that ends, after `run`. */
  const logged = async (run: () => Promise<Response>): Promise<Record<string, unknown>> => {
    const from = lines.length;
    const answer = await run();
    await answer.arrayBuffer().catch(() => undefined);
    for (;;) {
      const line = lines.slice(from).find((each) => each.msg === 'request');
      if (line) return line;
      await new Promise(setImmediate);
    }
  };
  const echo = (body: unknown, at = `/test/${ID}/name`) => app.send('PATCH', at, body);
  const raw = (body: string | Uint8Array, headers: Record<string, string> = {}, path = '/test/optional') =>
    app.fetch(path, { method: 'POST', body, headers: { 'content-type': 'application/json', ...headers } });

  describe('routing', () => {
    it('answers every route with and without /api', async () => {
      for (const { method, path } of app.contracts) {
        const at = path.replace(/:\w+/g, ID);
        const [bare, prefixed] = await Promise.all(
          ['', '/api'].map((prefix) => app.fetch(prefix + at, { method: method.toUpperCase() })),
        );
        // `/api` itself is Swagger UI, and so is `/api/`.
        if (path !== '/') expect(prefixed?.status, `${method} ${path}`).to.equal(bare?.status);
        expect(bare?.status, `${method} ${path}`).to.not.equal(404);
      }
      expect((await app.fetch('/api/api/health')).status).to.equal(404);
      expect((await app.fetch('/apihealth')).status).to.equal(404);
    });

    it('refuses what is not there, and methods that are not', async () => {
      await expectProblem(await app.fetch('/nowhere'), 'not_found');
      await expectProblem(await app.fetch('/nowhere', { method: 'OPTIONS' }), 'not_found');
      const answer = await app.fetch('/auth/login', { method: 'PUT', body: '{}' });
      expect(answer.headers.get('allow')).to.equal('OPTIONS, POST');
      await expectProblem(answer, 'method_not_allowed');
      await expectProblem(await app.fetch('/auth/login', { method: 'PROPFIND' }), 'method_not_allowed');
    });

    it('answers OPTIONS and HEAD', async () => {
      const options = await app.fetch('/health', { method: 'OPTIONS' });
      expect(options.status).to.equal(204);
      expect(options.headers.get('allow')).to.equal('GET, HEAD, OPTIONS');
      const head = await app.fetch('/health', { method: 'HEAD' });
      expect(head.status).to.equal(200);
      expect(Number(head.headers.get('content-length'))).to.be.greaterThan(10);
      expect((await app.fetch('/nowhere', { method: 'HEAD' })).status).to.equal(404);
    });

    it('refuses URLs that are not UTF-8', async () => {
      for (const path of ['/sessions/%zz', '/%ff', '/api/%ed%a0%80', `/test/${ID}/%c3%28`]) {
        await expectProblem(await app.fetch(path, { method: 'PATCH' }), 'validation_failed', ['path']);
      }
      for (const query of ['limit=%zz', 'limit=%ff', '%ff=1']) {
        await expectProblem(await app.fetch(`/health?${query}`), 'validation_failed', ['query']);
      }
    });
  });

  describe('input', () => {
    it('reaches the handler checked and converted', async () => {
      const answer = await echo(
        { settings: { temperature: 0.5 }, anything: { deep: ['ä', 1, null] } },
        `/test/${ID.toUpperCase()}/a%20b%2Fc?limit=5&flag=true`,
      );
      expect(await answer.json()).to.deep.equal({
        params: { id: ID, name: 'a b/c' },
        query: { limit: 5, flag: true },
        body: { settings: { temperature: 0.5 }, anything: { deep: ['ä', 1, null] } },
      });
    });

    it('is refused as a whole, naming every field', async () => {
      const body = {
        settings: { temperature: 3, topP: '1', maxTokens: 0.5, wrong: 1, systemPrompt: null },
        tags: ['a', 'c'],
        where: 'nowhere',
        more: true,
      };
      const answer = await echo(body, '/test/7/name?limit=0&flag=maybe&extra=1');
      const { errors = [], detail } = await expectProblem(answer, 'validation_failed');
      expect(Object.fromEntries(errors.map(({ path, message }) => [path, message]))).to.deep.equal({
        'params.id': 'must be a UUID',
        'query.limit': 'must be at least 1',
        'query.flag': 'must be one of "true", "false"',
        'query.extra': 'is not a known field',
        'body.settings.temperature': 'must be at most 2',
        'body.settings.topP': 'must be a number',
        'body.settings.maxTokens': 'must be a whole number',
        'body.settings.systemPrompt': 'must be a string',
        'body.settings.wrong': 'is not a known field',
        'body.tags.1': 'must be one of "a", "b"',
        'body.where': 'must be a number, or must be "none"',
        'body.more': 'is not a known field',
      });
      expect(detail).to.equal('params.id: must be a UUID, and 11 more');
    });

    it('is refused when it is missing, or not what it should be', async () => {
      const { errors } = await expectProblem(await echo({}), 'validation_failed');
      expect(errors).to.deep.equal([{ path: 'body.settings', message: 'is required' }]);
      for (const body of [null, [], 'text', 7, true]) {
        await expectProblem(await echo(body), 'validation_failed', ['body']);
      }
      await expectProblem(await raw('', {}, '/auth/login'), 'validation_failed', ['body']);
    });

    it('names at most 50 fields, and no field at length', async () => {
      const many = Object.fromEntries(Array.from({ length: 400 }, (_, index) => [`k${index}`, 1]));
      const { errors = [] } = await expectProblem(await echo({ settings: {}, ...many }), 'validation_failed');
      expect(errors).to.have.lengthOf(50);
      const long = await expectProblem(
        await echo({ settings: {}, ['k'.repeat(9_000)]: 1 }),
        'validation_failed',
      );
      expect(JSON.stringify(long)).to.have.length.below(1_000);
    });

    it('is refused with a query parameter that is repeated', async () => {
      const answer = await echo({ settings: {} }, `/test/${ID}/name?limit=5&limit=5`);
      await expectProblem(answer, 'validation_failed', ['query.limit']);
    });

    it('is refused with __proto__, wherever it stands', async () => {
      const settings = '"settings":{}';
      for (const [body, path] of [
        [`{${settings},"__proto__":{"admin":true}}`, 'body.__proto__'],
        [`{${settings},"anything":{"a":[{"__proto__":1}]}}`, 'body.anything.a.0.__proto__'],
      ] as const) {
        const answer = await app.fetch(`/test/${ID}/name`, {
          method: 'PATCH',
          body,
          headers: { 'content-type': 'application/json' },
        });
        await expectProblem(answer, 'validation_failed', [path]);
      }
      const inQuery = await echo({ settings: {} }, `/test/${ID}/name?__proto__=1`);
      await expectProblem(inQuery, 'validation_failed', ['query.__proto__']);
    });

    it('is refused with NUL and lone surrogates, wherever they stand', async () => {
      for (const harm of ['a\0', 'a\ud800', '\udc00a']) {
        for (const [body, path] of [
          [{ settings: { systemPrompt: harm } }, 'body.settings.systemPrompt'],
          [{ settings: {}, anything: [[{ deep: harm }]] }, 'body.anything.0.0.deep'],
        ] as const) {
          await expectProblem(await echo(body), 'validation_failed', [path]);
        }
        const asKey = await expectProblem(
          await echo({ settings: {}, anything: { [harm]: 1 } }),
          'validation_failed',
        );
        expect(asKey.errors?.[0]?.path).to.match(/^body\.anything\./);
      }
      await expectProblem(await echo({ settings: {} }, `/test/${ID}/%00`), 'validation_failed', [
        'params.name',
      ]);
      await expectProblem(await echo({ settings: {} }, `/test/${ID}/a?cursor=%00`), 'validation_failed', [
        'query.cursor',
      ]);
    });

    it('is refused when it has too many values, wherever they stand', async () => {
      const large = await startTestApp({ database: database(), routes: [testRoutes] });
      const zeros = (count: number) => Array.from({ length: count }, () => 0);
      const take = (anything: unknown) =>
        large.send('PATCH', `/test/${ID}/name`, { settings: {}, anything: { deep: anything } });
      expect((await take(zeros(49_990))).status).to.equal(200);
      for (const many of [zeros(50_001), zeros(30_000).map(() => ({})), [zeros(30_000), zeros(30_000)]]) {
        const { detail } = await expectProblem(await take(many), 'validation_failed', ['body']);
        expect(detail).to.equal('body: must have at most 50000 values');
      }
      await large.close();
    });

    it('is refused when it nests 50,000 deep', async () => {
      const deep = await startTestApp({ database: database(), routes: [testRoutes] });
      for (const [open, close, top] of [
        ['[', ']', 'body'],
        ['{"a":', '}', 'body.a'],
      ] as const) {
        const nested = `${open.repeat(50_000)}1${close.repeat(50_000)}`;
        const inside = `{"settings":{},"anything":${nested}}`;
        for (const [body, path] of [
          [nested, top],
          // Too many values in all.
          [inside, 'body'],
        ] as const) {
          const answer = await deep.fetch(`/test/${ID}/name`, {
            method: 'PATCH',
            body,
            headers: { 'content-type': 'application/json' },
          });
          await expectProblem(answer, 'validation_failed', [path]);
        }
      }
      await deep.close();
    });
  });

  describe('bodies', () => {
    it('may be left out where the contract says so', async () => {
      for (const answer of [
        await app.fetch('/test/optional', { method: 'POST' }),
        await raw(''),
        await raw('', { 'content-type': 'text/plain' }),
      ]) {
        expect(answer.status).to.equal(201);
        expect(await answer.json()).to.deep.equal({ got: null });
      }
    });

    it('are JSON, in UTF-8', async () => {
      for (const body of ['{', '{"a":1,}', 'undefined', '{"a":1}x', "{'a':1}", ' ']) {
        await expectProblem(await raw(body), 'malformed_json', ['body']);
      }
      const invalid = Buffer.concat([Buffer.from('{"a":"'), Buffer.from([0xc3, 0x28]), Buffer.from('"}')]);
      await expectProblem(await raw(invalid), 'malformed_json', ['body']);
      const utf16 = Buffer.from('{"a":1}', 'utf16le');
      await expectProblem(
        await raw(utf16, { 'content-type': 'application/json; charset=utf-16' }),
        'malformed_json',
      );
      const marked = await raw('\ufeff{"a":1}');
      expect(await marked.json()).to.deep.equal({ got: { a: 1 } });
    });

    it('are not taken in other types or encodings', async () => {
      for (const type of [
        'text/plain',
        'application/x-www-form-urlencoded',
        'multipart/form-data',
        'nonsense',
        '',
      ]) {
        const answer = await raw('{"a":1}', { 'content-type': type });
        await expectProblem(answer, 'unsupported_media_type', ['headers.content-type']);
      }
      const zipped = await raw('{"a":1}', { 'content-encoding': 'gzip' });
      await expectProblem(zipped, 'unsupported_media_type', ['headers.content-encoding']);
    });

    it('are bounded in bytes, also when they do not say how many', async () => {
      const big = JSON.stringify({ a: 'ä'.repeat(MAX_BODY_BYTES / 2) });
      await expectProblem(await raw(big), 'payload_too_large', ['body']);
      const chunks = new Blob([big.repeat(50)]).stream();
      const headers = { 'content-type': 'application/json' };
      const init: RequestInit = { method: 'POST', body: chunks, duplex: 'half', headers };
      await expectProblem(await app.fetch('/test/optional', init), 'payload_too_large', ['body']);
      const fits = JSON.stringify({ b: 'x'.repeat(MAX_BODY_BYTES - 8) });
      expect(fits).to.have.lengthOf(MAX_BODY_BYTES);
      await expectProblem(await raw(fits), 'validation_failed', ['body.a', 'body.b']);
    });

    it('are ignored by routes that take none, unless they are malformed', async () => {
      const { accessToken } = await app.signUp();
      const post = (body?: string) => raw(body ?? '', bearer(accessToken), '/auth/stream-ticket');
      for (const body of [undefined, '{}', '{"any":["thing"]}', 'null']) {
        expect((await post(body)).status).to.equal(201);
      }
      await expectProblem(await post('{'), 'malformed_json', ['body']);
    });

    it('are not read of those who are not signed in', async () => {
      await expectProblem(await raw('{', {}, '/auth/logout'), 'unauthenticated');
    });

    it('that are cut off are no failure of ours', async () => {
      const from = lines.length;
      const line = await logged(async () => {
        const cut = request(`${app.url}/test/optional`, {
          method: 'POST',
          headers: { 'content-type': 'application/json', 'content-length': '100', expect: '100-continue' },
        });
        cut.on('error', () => {});
        cut.flushHeaders();
        // From here on the server is waiting for the body.
        await once(cut, 'continue');
        cut.destroy();
        return Response.error();
      });
      expect(line).to.include({ route: '/test/optional', aborted: true }).and.not.have.property('status');
      await new Promise(setImmediate);
      expect(lines.slice(from).filter(({ level }) => Number(level) >= 50)).to.be.empty;
    });
  });

  describe('failures', () => {
    it('of the unknown kind say nothing of the inside, and are logged without what was in it', async () => {
      const from = lines.length;
      const answer = await app.fetch('/test/fail/bug', { headers: { 'x-request-id': 'find-me' } });
      const problem = await expectProblem(answer, 'internal');
      expect(JSON.stringify(problem)).to.not.match(/secret/);
      expect(problem.requestId).to.equal('find-me');
      const line = lines.slice(from).find((each) => each.level === 50);
      expect(line).to.include({ requestId: 'find-me', code: 'internal' });
      expect(line?.err).to.have.property('message', 'inner secret');
      expect(JSON.stringify(line)).to.not.include('a secret parameter');
    });

    it('of every kind are answered', async () => {
      await expectProblem(await app.fetch('/test/fail/null'), 'internal');
      await expectProblem(await app.fetch('/test/fail/no-json'), 'internal');
      const later = await app.fetch('/test/fail/later');
      expect(later.headers.get('retry-after')).to.equal('2');
      await expectProblem(later, 'rate_limited');
    });

    it('in the middle of an answer break it off', async () => {
      for (const how of ['half', 'half-stream']) {
        const answer = await app.fetch(`/test/fail/${how}`);
        expect(answer.status).to.equal(200);
        const read = await answer.text().catch((error: unknown) => error);
        expect(read).to.be.an('error');
      }
    });
  });

  describe('answers', () => {
    it('may be files and streams', async () => {
      const file = await app.fetch('/test/file');
      expect(file.headers.get('content-type')).to.equal('text/markdown; charset=utf-8');
      expect(file.headers.get('content-disposition')).to.equal('attachment; filename="notes.txt"');
      const stream = await app.fetch('/test/stream');
      expect(stream.headers.get('content-type')).to.equal('text/event-stream');
      expect(await stream.text()).to.equal('data: 1\n\ndata: 2\n\n');
    });

    it('carry the headers of a careful API', async () => {
      for (const path of ['/health', '/nowhere']) {
        const { headers } = await app.fetch(path);
        expect(headers.get('content-security-policy')).to.match(/default-src 'none'/);
        expect(headers.get('x-content-type-options')).to.equal('nosniff');
        expect(headers.get('cache-control')).to.equal('no-store');
        expect(headers.get('strict-transport-security')).to.not.include('includeSubDomains');
        expect(headers.has('x-powered-by')).to.equal(false);
      }
    });

    it('carry a request id: the one that was sent, if it is sane', async () => {
      const idFor = async (given?: string) => {
        const { headers } = await app.fetch('/health', given ? { headers: { 'x-request-id': given } } : {});
        return headers.get('x-request-id');
      };
      expect(await idFor('trace-7:a.B_c')).to.equal('trace-7:a.B_c');
      for (const insane of ['a b', 'x'.repeat(101), '"quoted"', 'é', undefined]) {
        expect(await idFor(insane)).to.match(/^[0-9a-f-]{36}$/);
      }
    });
  });

  describe('the access log', () => {
    it('names the route, the user and the result, and nothing of the contents', async () => {
      const { accessToken, user } = await app.signUp();
      const line = await logged(() =>
        app.fetch('/api/auth/me?prompt=hidden', {
          headers: { ...bearer(accessToken), 'x-request-id': 'r1' },
        }),
      );
      expect(line).to.include({
        requestId: 'r1',
        userId: user.id,
        method: 'GET',
        route: '/auth/me',
        status: 200,
      });
      expect(line.ms).to.be.a('number');
      expect(JSON.stringify(line))
        .to.not.match(/hidden|aborted/)
        .and.not.include(accessToken);
      const secret = await logged(() => app.send('PATCH', `/test/${ID}/hidden`, { settings: {} }));
      expect(secret).to.include({ route: '/test/:id/:name' });
      expect(JSON.stringify(secret)).to.not.include('hidden');
    });

    it('names the path where there is no route', async () => {
      const line = await logged(() => app.fetch(`/nowhere${'/x'.repeat(500)}?hidden=1`));
      expect(line).to.include({ status: 404, method: 'GET' });
      expect(line.path)
        .to.match(/^\/nowhere[/x]+$/)
        .and.to.have.lengthOf(200);
    });

    it('names no part of such a path that may be a secret', async () => {
      const line = await logged(() =>
        app.fetch(`/nowhere/${'x'.repeat(43)}/0190a0a0-0000-7000-8000-000000000000`),
      );
      expect(line.path).to.equal('/nowhere/[secret]/0190a0a0-0000-7000-8000-000000000000');
    });

    it('says when the answer did not get through', async () => {
      expect(await logged(() => app.fetch('/test/fail/half'))).to.include({ aborted: true });
    });

    it('believes of X-Forwarded-For what our own proxies wrote', async () => {
      const headers = { 'x-forwarded-for': '6.6.6.6, 7.7.7.7' };
      expect(await logged(() => app.fetch('/health', { headers }))).to.include({ ip: '7.7.7.7' });
    });
  });

  describe('readiness', () => {
    it('is given when every check passes', async () => {
      const ready = await startTestApp({
        database: database(),
        checks: { database: () => database().ping() },
      });
      const answer = await ready.fetch('/api/health/ready');
      await ready.close();
      expect(answer.status).to.equal(200);
      expect(await answer.json()).to.deep.equal({ status: 'ready', checks: { database: 'ok' } });
    });

    it('is refused, naming the checks that fail or do not answer in time', async () => {
      const limping = await startTestApp({
        database: database(),
        checkTimeoutMs: 20,
        checks: {
          good: async () => {},
          bad: () => Promise.reject(new Error('a password')),
          stuck: () => new Promise(() => {}),
          broken: () => {
            throw new Error('at once');
          },
        },
      });
      const answer = await limping.fetch('/health/ready');
      await limping.close();
      expect(answer.headers.get('retry-after')).to.equal('2');
      const problem = await expectProblem(answer, 'not_ready', ['bad', 'stuck', 'broken']);
      expect(JSON.stringify(problem)).to.not.include('password');
      expect((await app.fetch('/health')).status).to.equal(200);
    });

    it('is asked for once a second, however often that is, and tells of a change after that', async () => {
      let asked = 0;
      let isAway = false;
      const server = await startTestApp({
        database: database(),
        checks: {
          database: async () => {
            asked += 1;
            if (isAway) throw new Error('away');
          },
        },
      });
      const statuses = async () => {
        const answers = await Promise.all(Array.from({ length: 5 }, () => server.fetch('/health/ready')));
        return new Set(answers.map(({ status }) => status));
      };
      expect(await statuses()).to.have.all.keys([200]);
      expect(asked).to.equal(1);
      for (const [away, status] of [
        [true, 503],
        [false, 200],
      ] as const) {
        isAway = away;
        await sleep(1_010);
        expect(await statuses()).to.have.all.keys([status]);
      }
      expect(asked).to.equal(3);
      await server.close();
    });
  });

  describe('CORS', () => {
    const ask = async (origins: string, origin: string, method = 'GET'): Promise<Response> => {
      const server = await startTestApp({ database: database(), env: { CORS_ORIGINS: origins } });
      const preflight = {
        'access-control-request-method': 'PATCH',
        'access-control-request-headers': 'authorization',
      };
      const path = method === 'OPTIONS' ? '/auth/login' : '/nowhere';
      const answer = await server.fetch(path, {
        method,
        headers: { origin, ...(method === 'OPTIONS' ? preflight : {}) },
      });
      await server.close();
      return answer;
    };
    const cors = ({ headers }: Response) =>
      Object.fromEntries([...headers].filter(([name]) => name.startsWith('access-control-allow')));
    const listed = 'https://a.example, https://B.example/';

    it('is for the origins that are configured, with credentials', async () => {
      for (const origin of ['https://a.example', 'https://b.example']) {
        const answer = await ask(listed, origin);
        expect(cors(answer)).to.deep.equal({
          'access-control-allow-origin': origin,
          'access-control-allow-credentials': 'true',
        });
        expect(answer.headers.get('access-control-expose-headers')).to.include('X-Request-Id');
        expect(answer.headers.get('vary')).to.match(/origin/i);
        const preflight = await ask(listed, origin, 'OPTIONS');
        expect(preflight.status).to.equal(204);
        expect(cors(preflight)).to.deep.equal({
          'access-control-allow-origin': origin,
          'access-control-allow-credentials': 'true',
          'access-control-allow-methods': 'GET,HEAD,PUT,POST,DELETE,PATCH',
          'access-control-allow-headers': 'authorization',
        });
      }
    });

    it('is for no others', async () => {
      for (const origin of ['https://c.example', 'https://a.example.evil', 'http://a.example', 'null']) {
        expect(cors(await ask(listed, origin))).to.deep.equal({});
        expect(cors(await ask(listed, origin, 'OPTIONS'))).to.deep.equal({});
      }
    });

    it('is for all with *, without credentials', async () => {
      expect(cors(await ask('*', 'https://c.example'))).to.deep.equal({ 'access-control-allow-origin': '*' });
      expect(cors(await ask('*', 'https://c.example', 'OPTIONS'))).to.not.have.property(
        'access-control-allow-credentials',
      );
    });

    it('is for nobody unless configured', async () => {
      expect(cors(await ask('', 'https://c.example'))).to.deep.equal({});
    });
  });

  it('has answers that are problems for every error of the contract', async () => {
    const problem = (await (await app.fetch('/nowhere')).json()) as Problem;
    expect(problem).to.have.all.keys('type', 'title', 'status', 'code', 'detail', 'requestId');
    expect(problem.type).to.equal('urn:parley:error:not_found');
  });
});
