import { expect } from 'chai';
import { newId } from '../../src/base/ids.ts';
import { SCOPES, type Scope } from '../../src/contracts/permissions.ts';
import { useTestDatabase } from '../support/database.ts';
import { codeInWords, refusalCode } from '../support/refusal-code.ts';
import { makeKey } from '../support/test-keys.ts';
import { signUp, type TestUser } from '../support/test-user.ts';
import { startWebApp, type WebApp } from '../support/web-app.ts';

/** A route that is mounted, as the document tells of it. */
interface Route {
  method: string;
  path: string;
  isPublic: boolean;
  /** Any of these is enough; empty: no key is. */
  scopes: Scope[];
}

interface Operation {
  security: { apiKey?: [Scope] }[];
}

/** What keys of each scope are for. No key does anything else. */
const FOR: [paths: RegExp, ...scopes: Scope[]][] = [
  [/^\/admin\//, 'admin'],
  [/^\/models\/sync$/, 'admin'],
  [/^\/(models(\/|$)|user\/favorites$)/, 'models'],
  [/^\/(groups|sessions|messages|sse)(\/|$)/, 'chat'],
  [/^\/(playground\/|chat(\/(sessions|messages)|$))/, 'chat'],
  [/^\/auth\/stream-ticket$/, 'chat', 'text', 'ai'],
  [/^\/ai\/(enhance|stream|session|entities)(\/|$)/, 'ai'],
  [/^\/(user\/(stats|ledger)|chat\/stats|ai\/usage|v1\/balance)$/, 'usage'],
  [/^\/v1\//, 'text'],
];

describe('the scopes of API keys', () => {
  const database = useTestDatabase();
  let app: WebApp;
  let routes: Route[];

  before(async () => {
    app = await startWebApp(database(), { ADMIN_EMAIL: 'admin@example.com' });
    const { paths } = (await (await fetch(`${app.url}/openapi.json`)).json()) as {
      paths: Record<string, Record<string, Operation>>;
    };
    routes = Object.entries(paths).flatMap(([path, operations]) =>
      Object.entries(operations).map(([method, { security }]) => ({
        method: method.toUpperCase(),
        path,
        isPublic: security.length === 0,
        scopes: security.flatMap((way) => way.apiKey ?? []),
      })),
    );
  });
  after(() => app.close());

  const keysOf = async (user: TestUser) => {
    const keys = new Map<Scope, string>();
    for (const scope of SCOPES) keys.set(scope, (await makeKey(app, user, { scopes: [scope] })).key);
    return keys;
  };
  /** A request that nothing comes of: what it names is not there, and it has no body. */
  const ask = async ({ method, path }: Route, key: string) => {
    const target = app.url + path.replace(/\{\w+\}/g, newId());
    const answer = await fetch(target, { method, headers: { 'x-api-key': key }, redirect: 'manual' });
    const text = await answer.text();
    return { status: answer.status, code: refusalCode(answer, text) ?? 'ok' };
  };

  it('are what each route is for', () => {
    expect(routes).to.have.lengthOf.above(40);
    for (const { method, path, scopes } of routes) {
      const expected = FOR.find(([paths]) => paths.test(path))?.slice(1) ?? [];
      // Who sets balances needs more than to read them.
      if (method === 'PUT' && path === '/v1/balance') expect(scopes).to.deep.equal(['admin']);
      else expect(scopes, `${method} ${path}`).to.deep.equal(expected);
    }
  });

  it('open the routes that name them to the keys of an admin, and no other route', async () => {
    const admin = await signUp(app, 'admin@example.com');
    const keys = await keysOf(admin);
    for (const route of routes.filter(({ isPublic }) => !isPublic)) {
      for (const [scope, key] of keys) {
        const { status, code } = await ask(route, key);
        const what = `${route.method} ${route.path} with ${scope}: ${status} ${code}`;
        if (route.scopes.includes(scope)) expect(status, what).to.not.be.oneOf([401, 403, 500]);
        else {
          expect(status, what).to.equal(403);
          expect(code, what).to.be.oneOf([
            'forbidden',
            codeInWords('forbidden', 'openai'),
            codeInWords('forbidden', 'anthropic'),
          ]);
        }
      }
    }
  });

  it('open to the keys of a user nothing that only admins may do, and to those of a viewer no chat', async () => {
    const [user, viewer] = [await signUp(app), await signUp(app)];
    await database().db.query(`UPDATE users SET role = 'viewer' WHERE id = $1`, [viewer.id]);
    await app.feed.control.publish('access-changed', { userId: viewer.id });
    const keys = { user: '', viewer: '' };
    keys.user = (await makeKey(app, user, { scopes: [...SCOPES] })).key;
    keys.viewer = (await makeKey(app, viewer, { scopes: [...SCOPES] })).key;
    for (const route of routes.filter(({ scopes }) => scopes.includes('admin'))) {
      expect(await ask(route, keys.user), route.path).to.deep.equal({ status: 403, code: 'forbidden' });
    }
    for (const path of ['/groups', '/sessions']) {
      const route: Route = { method: 'GET', path, isPublic: false, scopes: ['chat'] };
      expect((await ask(route, keys.user)).status).to.equal(200);
      expect((await ask(route, keys.viewer)).status).to.equal(403);
    }
  });
});
