import type { RouteContract, RouteHeaders, RouteInput, RouteOutput } from '../contracts/route.ts';
import type { Identity } from '../services/identity.ts';
import type { OnRateLimit } from '../services/rate-limits.ts';
import type { AppContext } from './context.ts';
import { limitRequest, noteRateLimit } from './limit-request.ts';
import { readInput } from './read-input.ts';
import type { RouteTable } from './route-table.ts';

/** What a handler is given beside its input. */
export interface RequestContext<R extends RouteContract> {
  /**
   * Who asks; undefined on public routes. On routes that start generations also who is to be told what is left of that
   * limit, so that it stands in the answer.
   */
  identity: R['access'] extends 'public' ? undefined : Identity & { onRateLimit?: OnRateLimit };
  /** Stands in the log and in every error answer. */
  requestId: string;
  /** The headers that the contract names. */
  headers: RouteHeaders<R>;
  /** For cookies, files and streams. */
  ctx: AppContext;
}

/**
 * What a route does: its input is valid, its identity known, and what it returns is answered with the status
 * of the contract. Where the contract has no schema of the answer, the handler sets `ctx.body` itself. To stream it sets
 * `ctx.respond = false`.
 */
export type RouteHandler<R extends RouteContract> = (
  input: RouteInput<R>,
  context: RequestContext<R>,
) => Promise<[RouteOutput<R>] extends [undefined] ? void : RouteOutput<R>>;

/**
 * Mounts a route: rate limits, authentication, permission, then validation, then the handler, then the answer, all by the contract.
 *
 * @example mountRoute(table, getGroup, async ({ params }, { identity }) => present(await find(identity, params.id)))
 */
export function mountRoute<R extends RouteContract>(
  table: RouteTable,
  contract: R,
  handler: NoInfer<RouteHandler<R>>,
): void {
  table.contracts.push(contract);
  table.router[contract.method](contract.path, async (ctx: AppContext) => {
    const { requestId } = ctx.state;
    ctx.state.errorShape = contract.errorShape ?? 'problem';
    await limitRequest(table.rateLimits, contract.rateLimit, ctx);
    const identity = await table.identify(contract.access, ctx);
    if (identity) ctx.state.userId = identity.userId;
    if (identity) await table.authorize(identity, contract);
    const input = await readInput(contract, ctx, table.readBody);
    const asking = contract.rateLimit === 'generation' ? { ...identity, onRateLimit: noteIn(ctx) } : identity;
    const context: RequestContext<R> = {
      identity: asking as RequestContext<R>['identity'],
      requestId,
      headers: headersOf(contract, ctx),
      ctx,
    };
    answer(ctx, contract, await handler(input, context));
  });
}

function headersOf<R extends RouteContract>({ headers }: R, ctx: AppContext): RouteHeaders<R> {
  const given = headers?.map((name) => [name, ctx.headers[name.toLowerCase()]]);
  return (given && Object.fromEntries(given)) as RouteHeaders<R>;
}

const noteIn =
  (ctx: AppContext): OnRateLimit =>
  (state) =>
    noteRateLimit(ctx, state);

function answer(
  ctx: AppContext,
  { answer: { status, schema, contentType } }: RouteContract,
  output: unknown,
) {
  // The handler has answered by itself: it streams, or whoever asked has left.
  if (ctx.respond === false) return;
  if (schema) {
    ctx.status = status;
    ctx.type = contentType ?? 'application/json';
    // Encoded here, not by Koa, so that a value that cannot be is answered like any other failure.
    ctx.body = JSON.stringify(output);
  } else if (status === 204) {
    ctx.status = status;
  } else if (contentType && !ctx.headerSent) {
    ctx.status = status;
    ctx.type = contentType;
  }
}
