import { z } from 'zod';
import {
  createDocument,
  type oas31,
  type ZodOpenApiOperationObject,
  type ZodOpenApiPathsObject,
} from 'zod-openapi';
import { anthropicErrorSchema } from '../contracts/anthropic-error.ts';
import { ERRORS, type ErrorCode, problemSchema } from '../contracts/errors.ts';
import { openAiErrorSchema } from '../contracts/openai-error.ts';
import { scopesOf } from '../contracts/permissions.ts';
import type { ErrorShape, RequestHeader, RouteContract } from '../contracts/route.ts';
import { idempotencyKeySchema } from '../contracts/routes/messages.ts';
import { foreignStatus } from '../presenters/foreign-error.ts';
import { readsBody } from './read-input.ts';
import { REFRESH_COOKIE } from './refresh-cookie.ts';

const COMMON_ERRORS: ErrorCode[] = ['validation_failed', 'internal', 'not_ready'];
const BODY_ERRORS: ErrorCode[] = ['malformed_json', 'payload_too_large', 'unsupported_media_type'];
/** Everywhere but on public routes: an API key may be refused by each of them. */
const AUTH_ERRORS: ErrorCode[] = ['unauthenticated', 'token_expired', 'token_revoked', 'forbidden'];

/** What an answer tells of rate limits; the first two stand in every other answer as well. */
const LIMIT_HEADERS = {
  'RateLimit-Policy': header('string', 'Each limit, `q` requests in `w` seconds: `"global";q=100;w=900`'),
  RateLimit: header('string', 'What is left of it, `r` requests for `t` seconds: `"global";r=99;t=900`'),
  'Retry-After': header('integer', 'Seconds after which to try again'),
};

/** The headers that some routes read. */
const REQUEST_HEADERS: Record<RequestHeader, z.ZodOptional> = {
  'Idempotency-Key': idempotencyKeySchema
    .optional()
    .describe('Makes it safe to repeat: the same request with the same key gets the first answer'),
  'Last-Event-ID': z
    .string()
    .optional()
    .describe('The id of the last event that was received: the stream goes on behind it'),
};

/** What a refusal looks like, in whose words it is. */
const REFUSALS: Record<ErrorShape, Record<string, object>> = {
  problem: { 'application/problem+json': { schema: problemSchema } },
  openai: { 'application/json': { schema: openAiErrorSchema } },
  anthropic: { 'application/json': { schema: anthropicErrorSchema } },
};

/** What a route counts against, beside what every route does. */
const LIMITED: Record<NonNullable<RouteContract['rateLimit']>, string> = {
  auth: 'Counts against the rate limits `global` and `auth`, by address.',
  generation:
    'Counts against the rate limit `global`, by address, and, when it starts replies, `generation`, by user.',
  none: 'Not rate limited.',
};

/** How one signs in; `bearer` takes API keys as well, where a route has a scope. */
const SECURITY_SCHEMES: Record<string, oas31.SecuritySchemeObject> = {
  bearer: {
    type: 'http',
    scheme: 'bearer',
    bearerFormat: 'JWT or pk_...',
    description: 'An access token, or an API key with the scope that the route names',
  },
  apiKey: {
    type: 'apiKey',
    in: 'header',
    name: 'x-api-key',
    description:
      'An API key (`POST /user/api-keys`) with the scope that the route names; counts when there is no bearer',
  },
  refreshToken: {
    type: 'apiKey',
    in: 'cookie',
    name: REFRESH_COOKIE,
    description: 'A refresh token, as the cookie or as `Authorization: Bearer`',
  },
  streamTicket: {
    type: 'apiKey',
    in: 'query',
    name: 'ticket',
    description: 'From `POST /auth/stream-ticket`, for one use',
  },
};

/** How a route may be called: any of these. An API key stands there with each scope that is enough. */
function toSecurity({ access, scope }: RouteContract): Record<string, string[]>[] {
  if (access === 'public') return [];
  return [
    { bearer: [] },
    ...scopesOf(scope).map((each) => ({ apiKey: [each] })),
    ...(access === 'ticket' ? [{ streamTicket: [] }] : []),
    ...(access === 'sign-in' ? [{ refreshToken: [] }] : []),
  ];
}

/** The OpenAPI 3.1 document of the mounted routes. */
export function createOpenApiDocument(
  contracts: readonly RouteContract[],
  { version }: { version: string },
): oas31.OpenAPIObject {
  return createDocument({
    openapi: '3.1.0',
    info: {
      title: 'Parley',
      version,
      description:
        'Realtime AI chat. Every path answers with and without the `/api` prefix. Errors are ' +
        '`application/problem+json`; switch on their `code`.',
    },
    servers: [{ url: '/' }, { url: '/api' }],
    tags: [...new Set(contracts.map((contract) => contract.tag))].map((name) => ({ name })),
    paths: toPaths(contracts),
    components: {
      securitySchemes: SECURITY_SCHEMES,
    },
  });
}

function toPaths(contracts: readonly RouteContract[]): ZodOpenApiPathsObject {
  const paths: ZodOpenApiPathsObject = {};
  const firsts = new Map<string, string>();
  for (const contract of contracts) {
    const own = openApiPath(contract.path);
    const template = own.replace(PARAMETER, '{}');
    const path = firsts.get(template) ?? own;
    firsts.set(template, path);
    paths[path] = { ...paths[path], [contract.method]: toOperation(contract, path) };
  }
  return paths;
}

const PARAMETER = /\{\w+\}/g;

/**
 * The parameters of a path under the names that they have in the document: paths that differ in those names alone are the same
 * path, and bear the names of the first. https://spec.openapis.org/oas/v3.1.0#paths-object
 */
function toPathParams({ path, params }: RouteContract, documented: string): z.ZodObject | undefined {
  const names = documented.match(PARAMETER) ?? [];
  const shapes = openApiPath(path)
    .match(PARAMETER)
    ?.map((own, index) => [names[index]?.slice(1, -1), params?.shape[own.slice(1, -1)]]);
  return params && z.object(Object.fromEntries(shapes ?? []));
}

function header(type: 'string' | 'integer', description: string) {
  return { description, schema: { type } };
}

/** `/groups/:id` and `/models/*modelId` as `/groups/{id}` and `/models/{modelId}`. */
export function openApiPath(path: string): string {
  return path.replace(/[:*](\w+)/g, '{$1}');
}

function toOperation(contract: RouteContract, path: string): ZodOpenApiOperationObject {
  const { query, headers = [], body, answer, summary, tag, permission, rateLimit } = contract;
  const params = toPathParams(contract, path);
  const notes = [
    ...(permission ? [`Needs the permission \`${permission}\`.`] : []),
    ...toKeyNotes(contract),
    ...(rateLimit ? [LIMITED[rateLimit]] : []),
  ];
  return {
    operationId: operationId(contract),
    summary,
    ...(notes.length > 0 && { description: notes.join(' ') }),
    tags: [tag],
    security: toSecurity(contract),
    requestParams: {
      ...(params && { path: params }),
      ...(query && { query }),
      ...(headers.length > 0 && { header: toHeaderParams(headers) }),
    },
    ...(body && {
      requestBody: {
        required: !body.safeParse(undefined).success,
        content: { 'application/json': { schema: body } },
      },
    }),
    responses: {
      [answer.status]: toResponse(contract),
      ...(answer.ends && { 204: { description: 'Nothing comes after the event of `Last-Event-ID`' } }),
      ...toProblemResponses(contract),
    },
  };
}

const toHeaderParams = (headers: readonly RequestHeader[]): z.ZodObject =>
  z.object(Object.fromEntries(headers.map((name) => [name, REQUEST_HEADERS[name]])));

function toKeyNotes({ access, scope }: RouteContract): string[] {
  if (access === 'public') return [];
  const scopes = scopesOf(scope).map((each) => `\`${each}\``);
  return [scopes.length > 0 ? `API keys need the scope ${scopes.join(' or ')}.` : 'Not for API keys.'];
}

/** `POST /auth/stream-ticket` -> `postAuthStreamTicket`: unique, as method and path are. */
function operationId({ method, path }: RouteContract): string {
  const words = path.split(/\W+/).filter(Boolean);
  return method + words.map((word) => word.charAt(0).toUpperCase() + word.slice(1)).join('');
}

function toResponse({ answer: { schema, contentType, streams, description } }: RouteContract) {
  const type = contentType ?? 'application/json';
  const whole = schema ? { [type]: { schema } } : contentType && { [type]: {} };
  const content = whole && { ...whole, ...(streams && { 'text/event-stream': {} }) };
  const said = [description ?? (streams ? undefined : 'Success'), streams].filter(Boolean).join(' ');
  return { description: said, ...(content ? { content } : {}) };
}

function toProblemResponses(contract: RouteContract) {
  const { errorShape: shape = 'problem' } = contract;
  const codes = new Set<ErrorCode>([
    ...COMMON_ERRORS,
    ...(contract.rateLimit === 'none' ? [] : (['rate_limited'] as const)),
    ...(readsBody(contract) ? BODY_ERRORS : []),
    ...(contract.access === 'public' ? [] : AUTH_ERRORS),
    ...(contract.errors ?? []),
  ]);
  const byStatus: Record<string, string[]> = {};
  for (const code of codes) {
    const { title } = ERRORS[code];
    const status = shape === 'problem' ? ERRORS[code].status : foreignStatus(code);
    byStatus[status] = [...(byStatus[status] ?? []), `\`${code}\`: ${title}.`];
  }
  const responses = Object.entries(byStatus).map(([status, reasons]) => [
    status,
    {
      description: reasons.join(' '),
      ...(status === '429' && { headers: LIMIT_HEADERS }),
      content: REFUSALS[shape],
    },
  ]);
  return Object.fromEntries(responses);
}
