import {
  createDocument,
  type oas31,
  type ZodOpenApiOperationObject,
  type ZodOpenApiPathsObject,
} from 'zod-openapi';
import { ERRORS, type ErrorCode, problemSchema } from '../contracts/errors.ts';
import type { RouteContract } from '../contracts/route.ts';

const COMMON_ERRORS: ErrorCode[] = ['validation_failed', 'rate_limited', 'internal'];
const BODY_ERRORS: ErrorCode[] = ['malformed_json', 'payload_too_large', 'unsupported_media_type'];
const AUTH_ERRORS: ErrorCode[] = ['unauthenticated', 'token_expired', 'token_revoked'];

/** How a route may be called, by its access. */
const SECURITY: Record<RouteContract['access'], Record<string, string[]>[]> = {
  public: [],
  user: [{ bearer: [] }],
  ticket: [{ bearer: [] }, { streamTicket: [] }],
};

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
      securitySchemes: {
        bearer: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT', description: 'An access token' },
        streamTicket: {
          type: 'apiKey',
          in: 'query',
          name: 'ticket',
          description: 'From `POST /auth/stream-ticket`, for one use',
        },
      },
    },
  });
}

function toPaths(contracts: readonly RouteContract[]): ZodOpenApiPathsObject {
  const paths: ZodOpenApiPathsObject = {};
  for (const contract of contracts) {
    const path = openApiPath(contract.path);
    paths[path] = { ...paths[path], [contract.method]: toOperation(contract) };
  }
  return paths;
}

/** `/groups/:id` and `/models/*modelId` as `/groups/{id}` and `/models/{modelId}`. */
export function openApiPath(path: string): string {
  return path.replace(/[:*](\w+)/g, '{$1}');
}

function toOperation(contract: RouteContract): ZodOpenApiOperationObject {
  const { params, query, body, answer, summary, tag, access, permission } = contract;
  return {
    operationId: operationId(contract),
    summary,
    ...(permission && { description: `Needs the permission \`${permission}\`.` }),
    tags: [tag],
    security: SECURITY[access],
    requestParams: { ...(params && { path: params }), ...(query && { query }) },
    ...(body && {
      requestBody: {
        required: !body.safeParse(undefined).success,
        content: { 'application/json': { schema: body } },
      },
    }),
    responses: { [answer.status]: toResponse(contract), ...toProblemResponses(contract) },
  };
}

/** `POST /auth/stream-ticket` -> `postAuthStreamTicket`: unique, as method and path are. */
function operationId({ method, path }: RouteContract): string {
  const words = path.split(/\W+/).filter(Boolean);
  return method + words.map((word) => word.charAt(0).toUpperCase() + word.slice(1)).join('');
}

function toResponse({ answer: { schema, contentType, description } }: RouteContract) {
  const type = contentType ?? 'application/json';
  const content = schema ? { [type]: { schema } } : contentType && { [type]: {} };
  return { description: description ?? 'Success', ...(content ? { content } : {}) };
}

function toProblemResponses(contract: RouteContract) {
  const codes = new Set<ErrorCode>([
    ...COMMON_ERRORS,
    ...(contract.body ? BODY_ERRORS : []),
    ...(contract.access === 'public' ? [] : AUTH_ERRORS),
    ...(contract.permission ? (['forbidden'] as const) : []),
    ...(contract.errors ?? []),
  ]);
  const byStatus: Record<string, string[]> = {};
  for (const code of codes) {
    const { status, title } = ERRORS[code];
    byStatus[status] = [...(byStatus[status] ?? []), `\`${code}\`: ${title}.`];
  }
  const responses = Object.entries(byStatus).map(([status, reasons]) => [
    status,
    {
      description: reasons.join(' '),
      content: { 'application/problem+json': { schema: problemSchema } },
    },
  ]);
  return Object.fromEntries(responses);
}
