import type { z } from 'zod';
import type { ErrorCode } from './errors.ts';
import type { Permission, Scope } from './permissions.ts';

/** HTTP methods in use. */
export type Method = 'get' | 'post' | 'put' | 'patch' | 'delete';

/**
 * In whose words a route refuses: those of our own (`application/problem+json`), or those that the clients of another API
 * understand.
 */
export type ErrorShape = 'problem' | 'openai' | 'anthropic';

/** A header that some routes read, beside those that every route does. */
export type RequestHeader = 'Idempotency-Key' | 'Last-Event-ID';

/** What a route answers with when it succeeds. */
export interface RouteAnswer {
  status: 200 | 201 | 204 | 302;
  /** The body; left out for 204 and for bodies that are not JSON. */
  schema?: z.ZodType;
  /** The media type, `application/json` unless told otherwise. */
  contentType?: string;
  /** `text/event-stream` instead, for clients that ask for it: when, and with what. The handler then returns nothing. */
  streams?: string;
  /** Its stream has an end: whoever comes back with the id of the last event is answered with 204. */
  ends?: true;
  description?: string;
}

/** One route: the source of its validation, its handler's types, its OpenAPI entry and its typed client. */
export interface RouteContract {
  method: Method;
  /** Without the `/api` prefix; parameters as in `/groups/:id`. */
  path: string;
  summary: string;
  tag: string;
  /**
   * `public`: no token; `user`: a signed-in user; `ticket`: a signed-in user or a stream ticket (`?ticket=`); `sign-in`: a
   * signed-in user, or who brings the refresh token of a sign-in whose access token has run out.
   */
  access: 'public' | 'user' | 'ticket' | 'sign-in';
  /** What the account must be allowed to do, by its role at that moment; left out: everybody who has access. */
  permission?: Permission;
  /** What an API key must be made for to be taken here, any of these; left out: none is, however it was made. */
  scope?: Scope | readonly Scope[];
  /**
   * What a request counts against, beside the limit of all requests: `auth` (by address), `generation` (by user, when it
   * starts one). `none`: against nothing at all.
   */
  rateLimit?: 'auth' | 'generation' | 'none';
  params?: z.ZodObject;
  /** The headers that its handler is given. */
  headers?: readonly RequestHeader[];
  query?: z.ZodObject;
  body?: z.ZodType;
  answer: RouteAnswer;
  /** In whose words it refuses; left out: our own. */
  errorShape?: ErrorShape;
  /** Codes beyond those that every route may answer with. */
  errors?: ErrorCode[];
}

/** Keeps a contract's own type while it is checked against {@link RouteContract}. */
export function defineRoute<const R extends RouteContract>(route: R): R {
  return route;
}

type Parsed<S> = S extends z.ZodType ? z.output<S> : undefined;

/** What the handler of a route is given, validated. */
export interface RouteInput<R extends RouteContract> {
  params: Parsed<R['params']>;
  query: Parsed<R['query']>;
  body: Parsed<R['body']>;
}

/** What the handler of a route is given of the headers: those that its contract names, as they came. */
export type RouteHeaders<R extends RouteContract> = R extends {
  headers: readonly (infer H extends RequestHeader)[];
}
  ? { [name in H]: string | undefined }
  : undefined;

/** What the handler of a route returns. */
export type RouteOutput<R extends RouteContract> = R['answer'] extends { schema: infer S extends z.ZodType }
  ? z.input<S> | (R['answer'] extends { streams: string } ? undefined : never)
  : undefined;
