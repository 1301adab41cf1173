import { AppError } from '../../base/errors.ts';
import { getQueueBoard } from '../../contracts/routes/admin-system.ts';
import type { BoardSessions } from '../../services/board-sessions.ts';
import type { Identity } from '../../services/identity.ts';
import { credentialOf } from '../bearer.ts';
import { createBoardCookie } from '../board-cookie.ts';
import type { AppContext } from '../context.ts';
import { limitRequest } from '../limit-request.ts';
import { QUEUE_BOARD, type ServeQueueBoard } from '../queue-board.ts';
import type { RouteModule } from '../route-table.ts';

/** What the board's routes work with. */
export interface QueueBoardRouteDeps {
  serve: ServeQueueBoard;
  sessions: BoardSessions;
  production: boolean;
  /** The board may change nothing. */
  readOnly: boolean;
}

const READING = new Set(['GET', 'HEAD']);
const METHODS = ['get', 'post', 'put', 'patch', 'delete'];
/** What changes queues is for who could give himself any permission anyway. */
const CHANGING = { permission: 'roles.manage', scope: 'admin' } as const;

/**
 * The board and everything below it. A browser cannot send a header with a page: a stream ticket lets it in once, and
 * gives it a cookie for the rest. Mounted by hand, as one handler stands before all that bull-board routes by itself;
 * its contract stands for all of them.
 */
export function queueBoardRoutes({
  serve,
  sessions,
  production,
  readOnly,
}: QueueBoardRouteDeps): RouteModule {
  return (table) => {
    const cookie = createBoardCookie({ production, path: QUEUE_BOARD });

    async function identify(ctx: AppContext): Promise<Identity> {
      const session = credentialOf(ctx) || ctx.query.ticket ? undefined : cookie.read(ctx);
      // The page asks for many files, and for news every few seconds: who is let in already is not counted.
      if (session !== undefined) {
        try {
          return sessions.read(session);
        } catch (error) {
          await limitRequest(table.rateLimits, undefined, ctx);
          throw error;
        }
      }
      await limitRequest(table.rateLimits, undefined, ctx);
      const identity = await table.identify('ticket', ctx);
      if (!identity) throw new AppError('unauthenticated', 'Sign in.');
      return identity;
    }

    table.contracts.push(getQueueBoard);
    table.router.register(`${QUEUE_BOARD}{/*path}`, METHODS, async (ctx: AppContext) => {
      const identity = await identify(ctx);
      ctx.state.userId = identity.userId;
      await table.authorize(identity, getQueueBoard);
      if (!READING.has(ctx.method)) {
        if (readOnly) throw new AppError('method_not_allowed', 'The board changes nothing.');
        await table.authorize(identity, CHANGING);
        // The board would not refuse a body that it cannot read. It reads none that was read before.
        Object.assign(ctx.request, { body: (await table.readBody(ctx)) ?? {} });
      }
      if (!credentialOf(ctx) && ctx.query.ticket) return enter(ctx, identity);
      await serve(ctx);
    });

    /** A page that goes on to the board by itself: after a redirect the browser would not send what it was just given. */
    function enter(ctx: AppContext, identity: Identity): void {
      cookie.write(ctx, sessions.issue(identity));
      const [prefix] = ctx.originalUrl.split(QUEUE_BOARD);
      ctx.type = 'text/html';
      ctx.body = `<!doctype html><meta http-equiv="refresh" content="0;url=${prefix === '/api' ? prefix : ''}${QUEUE_BOARD}"><title>Parley</title>`;
    }
  };
}
