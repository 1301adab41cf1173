import { Router } from '@koa/router';
import type { Scope } from '../../src/contracts/permissions.ts';
import { SWAGGER_ASSETS } from '../../src/http/swagger-ui.ts';

/** Who a route is for. */
export interface RouteAccess {
  /** `everybody`: without a token, too. `account`: whoever is signed in. `chat`: who may chat. `admin`: who runs the server. */
  for: 'everybody' | 'account' | 'chat' | 'admin';
  /** What API keys must be made for, any of these; left out: it takes none. */
  scope?: Scope | readonly Scope[];
  /** Its parameter names a record of one user. */
  record?: 'group' | 'session' | 'run' | 'message' | 'key' | 'device' | 'enhancement' | 'entity';
  /** A body with which an owner succeeds; needed where a record is named, unless the route needs none. */
  body?: object;
  /** In whose words it refuses; left out: our own. */
  words?: 'openai' | 'anthropic';
  /** What it answers to whoever brings nothing but a token, where that is 401 or 403 although it is open. */
  refusal?: number;
}

const everybody: RouteAccess = { for: 'everybody' };
const account: RouteAccess = { for: 'account' };
const chat: RouteAccess = { for: 'chat', scope: 'chat' };
const text: RouteAccess = { for: 'chat', scope: 'text' };
const openai: RouteAccess = { ...text, words: 'openai' };
const anthropic: RouteAccess = { ...text, words: 'anthropic' };
const models: RouteAccess = { for: 'account', scope: 'models' };
const usage: RouteAccess = { for: 'account', scope: 'usage' };
const ai: RouteAccess = { for: 'chat', scope: 'ai' };
const admin: RouteAccess = { for: 'admin', scope: 'admin' };

/** Every route that there is. Written by hand and from the specification, never from the contracts: it is what they are held to. */
export const ROUTE_ACCESS: Readonly<Record<string, RouteAccess>> = {
  'GET /': everybody,
  'GET /health': everybody,
  'GET /health/ready': everybody,
  // From this machine, where no METRICS_TOKEN is set; metrics.test.ts has the rest.
  'GET /metrics': everybody,
  'GET /openapi.json': everybody,
  'GET /api-docs': everybody,
  'GET /api': everybody,
  [`GET ${SWAGGER_ASSETS}/:name`]: everybody,

  'POST /auth/register': everybody,
  'POST /auth/login': everybody,
  'POST /auth/refresh': { for: 'everybody', refusal: 401 },
  'POST /auth/forgot-password': everybody,
  'PATCH /auth/reset-password/:token': everybody,
  'GET /auth/google': everybody,
  'GET /auth/google/callback': everybody,
  'POST /auth/logout': account,
  'GET /auth/me': account,
  'GET /auth/profile': account,
  'GET /auth/verify': account,
  'PATCH /auth/password': account,
  'GET /auth/devices': account,
  'DELETE /auth/devices/:id': { ...account, record: 'device' },
  'POST /auth/stream-ticket': { for: 'account', scope: ['chat', 'text', 'ai'] },

  'GET /user/profile': account,
  'PATCH /user/profile': account,
  'POST /user/favorites/*modelId': account,
  'GET /user/favorites': models,
  'GET /user/export': account,
  'DELETE /user/account': account,
  'POST /user/api-keys': account,
  'GET /user/api-keys': account,
  'DELETE /user/api-keys/:keyId': { ...account, record: 'key' },
  'GET /user/stats': usage,
  'GET /user/ledger': usage,
  'GET /chat/stats': usage,
  'GET /ai/usage': usage,
  'GET /v1/balance': usage,

  'POST /ai/enhance': ai,
  'GET /ai/stream/:sessionId': { ...ai, record: 'enhancement' },
  // Viewers may read what there is.
  'GET /ai/session/:sessionId': { ...ai, for: 'account', record: 'enhancement' },
  'DELETE /ai/session/:sessionId': { ...ai, record: 'enhancement' },
  'PUT /ai/entities/:type/:id': ai,
  'GET /ai/entities/:type/:id': { ...ai, record: 'entity' },
  'DELETE /ai/entities/:type/:id': { ...ai, record: 'entity' },

  'GET /groups': chat,
  'POST /groups': chat,
  'PATCH /groups/:id': { ...chat, record: 'group', body: { name: 'New' } },
  'DELETE /groups/:id': { ...chat, record: 'group' },
  'GET /groups/:id/sessions': { ...chat, record: 'group' },
  'GET /sessions': chat,
  'POST /sessions': chat,
  'GET /sessions/:id': { ...chat, record: 'session' },
  'PATCH /sessions/:id': { ...chat, record: 'session', body: { title: 'New' } },
  'PATCH /sessions/:id/favorite': { ...chat, record: 'session', body: { isFavorite: true } },
  'PATCH /sessions/:id/group': { ...chat, record: 'session', body: { groupId: null } },
  'DELETE /sessions/:id': { ...chat, record: 'session' },
  'GET /sessions/:id/export.json': { ...chat, record: 'session' },
  'GET /sessions/:id/export.md': { ...chat, record: 'session' },
  'GET /messages/:sessionId': { ...chat, record: 'session' },
  'POST /messages': chat,
  'DELETE /messages/:id': { ...chat, record: 'message' },
  'POST /messages/:id/stop': { ...chat, record: 'message' },
  'POST /messages/:id/regenerate': { ...chat, record: 'message' },
  'GET /sse/sessions/:id/stream': { ...chat, record: 'session' },

  'POST /chat': chat,
  'GET /chat/sessions': chat,
  'GET /chat/sessions/:id': { ...chat, record: 'session' },
  'PATCH /chat/sessions/:id': { ...chat, record: 'session', body: { title: 'New' } },
  'DELETE /chat/sessions/:id': { ...chat, record: 'session' },
  'DELETE /chat/messages/:id': { ...chat, record: 'message' },
  'POST /playground/sessions': chat,
  'GET /playground/stream': chat,
  'GET /playground/sessions': chat,
  'GET /playground/sessions/:id': { ...chat, record: 'run' },
  'DELETE /playground/sessions/:id': { ...chat, record: 'run' },

  'GET /models': models,
  'GET /models/*modelId': models,
  'GET /models/category/:category': models,
  'GET /models/providers': models,
  'GET /models/categories': models,
  'POST /models/sync': admin,

  'POST /v1/generate': text,
  'POST /v1/stream': text,
  'GET /v1/stream': text,
  'POST /v1/chat/completions': openai,
  'POST /v1/responses': openai,
  'POST /v1/messages': anthropic,
  'POST /v1/messages/count_tokens': anthropic,
  'GET /v1/models': openai,
  'GET /v1/models/*modelId': openai,

  'PUT /v1/balance': admin,
  'GET /admin/stats': admin,
  'GET /admin/system': admin,
  'GET /admin/audit-log': admin,
  'GET /admin/generations': admin,
  'POST /admin/generations/:id/refund': admin,
  'PATCH /admin/models/*modelId': admin,
  'GET /admin/roles': admin,
  'POST /admin/roles': admin,
  'GET /admin/roles/:name': admin,
  'PATCH /admin/roles/:name': admin,
  'DELETE /admin/roles/:name': admin,
  'GET /admin/users': admin,
  'GET /admin/users/:userId': admin,
  'PATCH /admin/users/:userId': admin,
  'DELETE /admin/users/:userId': admin,
  'GET /admin/queues{/*path}': admin,
  'POST /admin/queues{/*path}': { ...admin, refusal: 405 },
  'PUT /admin/queues{/*path}': { ...admin, refusal: 405 },
  'PATCH /admin/queues{/*path}': { ...admin, refusal: 405 },
  'DELETE /admin/queues{/*path}': { ...admin, refusal: 405 },
};

/**
 * What is mounted while something is composed, read off the routers themselves: also what was mounted by hand, and
 * what no document tells of.
 */
export async function mountedWhile(compose: () => Promise<unknown>): Promise<string[]> {
  const routers = new Set<Router>();
  const { routes } = Router.prototype;
  Router.prototype.routes = function (this: Router) {
    routers.add(this);
    return routes.call(this);
  };
  try {
    await compose();
  } finally {
    Router.prototype.routes = routes;
  }
  return [...routers].flatMap(({ stack }) =>
    stack.flatMap(({ methods, path }) =>
      methods.filter((method) => method !== 'HEAD').map((method) => `${method} ${path}`),
    ),
  );
}
