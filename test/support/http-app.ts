import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { loadConfig } from '../../src/base/config.ts';
import { Lifecycle } from '../../src/base/lifecycle.ts';
import type { Logger } from '../../src/base/logger.ts';
import { composeSignIn } from '../../src/compose-sign-in.ts';
import type { RouteContract } from '../../src/contracts/route.ts';
import type { SignedIn } from '../../src/contracts/routes/auth.ts';
import type { Database } from '../../src/data/database.ts';
import { createMemoryFeed, type MemoryFeed } from '../../src/feed/memory.ts';
import type { ControlBus } from '../../src/feed/ports.ts';
import { createHttpApp } from '../../src/http/app.ts';
import { createHttpServer } from '../../src/http/http-server.ts';
import { createIdentifyRefresh } from '../../src/http/identify-refresh.ts';
import { createRefreshCookie } from '../../src/http/refresh-cookie.ts';
import type { RouteModule } from '../../src/http/route-table.ts';
import { apiKeyRoutes } from '../../src/http/routes/api-keys.ts';
import { docsRoutes } from '../../src/http/routes/docs.ts';
import { type ReadinessChecks, systemRoutes } from '../../src/http/routes/system.ts';
import { createAccessDirectory } from '../../src/services/access.ts';
import { createAccessTokens } from '../../src/services/access-tokens.ts';
import { createApiKeyDirectory } from '../../src/services/api-key-directory.ts';
import { createApiKeys } from '../../src/services/api-keys.ts';
import { createAuthenticate } from '../../src/services/authenticate.ts';
import { createAuthorize } from '../../src/services/authorize.ts';
import { createBackground } from '../../src/services/background.ts';
import { createIdentifyRefreshToken } from '../../src/services/identify-refresh-token.ts';
import { createRateLimits } from '../../src/services/rate-limits.ts';
import { ratePolicies } from '../../src/services/rate-policies.ts';
import { createRefreshSecrets } from '../../src/services/refresh-secrets.ts';
import { createRevocations, type Revocations } from '../../src/services/revocations.ts';
import { createStreamTickets } from '../../src/services/stream-tickets.ts';
import { silentLog } from './global.ts';

/** The secret of every test server, so that tests can forge tokens. */
export const TEST_JWT_SECRET = 'a secret of the tests, long enough to be one';

/** What a test server may be given. */
export interface TestAppOptions {
  database: Database;
  /** Shared by servers that stand for processes of one installation. */
  control?: ControlBus;
  /** Likewise, with all that processes share. */
  feed?: MemoryFeed;
  googleTimeoutMs?: number;
  /** Variables on top of the defaults. */
  env?: Record<string, string>;
  checks?: ReadinessChecks;
  checkTimeoutMs?: number;
  routes?: RouteModule[];
  log?: Logger;
}

/** A running HTTP server with the routes for signing in, the system and the docs. */
export interface TestApp {
  /** `http://127.0.0.1:<port>` */
  readonly url: string;
  readonly contracts: readonly RouteContract[];
  readonly revocations: Revocations;
  fetch(path: string, init?: RequestInit): Promise<Response>;
  /** Sends a body as JSON. */
  send(method: string, path: string, body: unknown, init?: RequestInit): Promise<Response>;
  /** A new account, signed in. */
  signUp(): Promise<SignedIn & { email: string; password: string }>;
  close(): Promise<void>;
}

/** Starts a real server on a free port. */
export async function startTestApp(options: TestAppOptions): Promise<TestApp> {
  const {
    database,
    control,
    env,
    checks = {},
    checkTimeoutMs = 2_000,
    routes = [],
    log = silentLog,
  } = options;
  const config = loadConfig({ NODE_ENV: 'test', JWT_SECRET: TEST_JWT_SECRET, ...env });
  const feed = options.feed ?? createMemoryFeed();
  const accessTokens = createAccessTokens({ secret: TEST_JWT_SECRET, minutes: config.ACCESS_TOKEN_MINUTES });
  const revocations = createRevocations({
    database,
    control: control ?? feed.control,
    log,
    accessTokenMinutes: config.ACCESS_TOKEN_MINUTES,
  });
  const apiKeys = createApiKeyDirectory({ database, revocations, log });
  const secrets = createRefreshSecrets(TEST_JWT_SECRET);
  const access = createAccessDirectory({ database, control: control ?? feed.control });
  const streamTickets = createStreamTickets({ tickets: feed.tickets, revocations });
  const rateLimits = createRateLimits(ratePolicies(config), feed.rateLimits);
  const lifecycle = new Lifecycle(log);
  const background = createBackground(log);
  lifecycle.onClose('background', () => background.stop());
  const app = createHttpApp({
    config,
    log,
    authenticate: createAuthenticate({ accessTokens, apiKeys, revocations }),
    redeemTicket: streamTickets.redeem,
    identifyRefresh: createIdentifyRefresh(createIdentifyRefreshToken(database), createRefreshCookie(config)),
    authorize: createAuthorize(access),
    rateLimits,
    routes: [
      ...composeSignIn({
        config,
        log,
        lifecycle,
        database,
        rateLimits,
        accessTokens,
        secrets,
        revocations,
        streamTickets,
        feed,
        background,
        googleTimeoutMs: options.googleTimeoutMs,
      }),
      apiKeyRoutes({ apiKeys: createApiKeys({ database, revocations }) }),
      systemRoutes({ version: '0.0.0-test', checks, log, checkTimeoutMs }),
      docsRoutes({ version: '0.0.0-test' }),
      ...routes,
    ],
  });
  await revocations.start();
  const server = createHttpServer({ upgradePath: '/socket.io/' })
    .on('request', app.listener)
    .listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

  const send: TestApp['send'] = (method, path, body, init = {}) =>
    fetch(url + path, {
      ...init,
      method,
      body: JSON.stringify(body),
      headers: { 'content-type': 'application/json', ...init.headers },
    });

  return {
    url,
    contracts: app.contracts,
    revocations,
    fetch: (path, init) => fetch(url + path, init),
    send,
    async signUp() {
      const credentials = { email: `${crypto.randomUUID()}@example.com`, password: 'correct horse' };
      const answer = await send('POST', '/auth/register', credentials);
      if (answer.status !== 201) throw new Error(`sign-up failed: ${await answer.text()}`);
      return { ...((await answer.json()) as SignedIn), ...credentials };
    },
    async close() {
      server.close();
      server.closeAllConnections();
      await revocations.stop();
      await apiKeys.stop();
      await lifecycle.close();
    },
  };
}

/** The header of a signed-in request. */
export const bearer = (token: string): { authorization: string } => ({ authorization: `Bearer ${token}` });
