import type { KoaAdapter } from '@bull-board/koa';
import { AppError } from '../base/errors.ts';
import type { QueueViewer } from '../queue/queue-viewer.ts';
import type { AppContext } from './context.ts';
import { withoutForeignFonts } from './foreign-fonts.ts';

/** Where the board is; under `/api` as well. */
export const QUEUE_BOARD = '/admin/queues';

/**
 * Answers a request that may see the board; the body has been read.
 *
 * @throws {AppError} `not_found` for what the board does not have
 */
export type ServeQueueBoard = (ctx: AppContext) => Promise<void>;

type Middleware = ReturnType<KoaAdapter['registerPlugin']>;

/** Its files come from this server, the data from below its own path; styles are set by its scripts. */
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data:",
  "font-src 'self'",
  "connect-src 'self'",
  "worker-src 'self'",
  "base-uri 'self'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

/** The packages of the board take a quarter of a second to load, and few servers ever show it. */
async function loadBoard() {
  const [{ createBullBoard }, { BullMQAdapter }, { KoaAdapter }] = await Promise.all([
    import('@bull-board/api'),
    import('@bull-board/api/bullMQAdapter'),
    import('@bull-board/koa'),
  ]);
  return { createBullBoard, BullMQAdapter, KoaAdapter };
}

/** Makes the board over all queues. They are opened with its first request. */
export function createQueueBoard({
  viewer,
  readOnlyMode,
}: {
  viewer: Pick<QueueViewer, 'queues'>;
  readOnlyMode: boolean;
}): ServeQueueBoard {
  /** By the path that the browser sees: the page's addresses begin with it. */
  const boards = new Map<string, Middleware>();

  async function boardAt(base: string): Promise<Middleware> {
    const known = boards.get(base);
    if (known) return known;
    const [queues, { createBullBoard, BullMQAdapter, KoaAdapter }] = await Promise.all([
      viewer.queues(),
      loadBoard(),
    ]);
    const serverAdapter = new KoaAdapter().setBasePath(base);
    createBullBoard({
      queues: queues.map((queue) => new BullMQAdapter(queue, { readOnlyMode })),
      serverAdapter,
      options: { uiConfig: { boardTitle: 'Parley' } },
    });
    const board = serverAdapter.registerPlugin({ mount: QUEUE_BOARD });
    boards.set(base, board);
    return board;
  }

  return async (ctx) => {
    const base = ctx.originalUrl.startsWith('/api/') ? `/api${QUEUE_BOARD}` : QUEUE_BOARD;
    const board = await boardAt(base);
    ctx.set('Content-Security-Policy', POLICY);
    await board(ctx, noNext);
    requireAnswered(ctx);
    if (typeof ctx.body === 'string' && ctx.type === 'text/html') ctx.body = withoutForeignFonts(ctx.body);
  };
}

const noNext = async () => {};

/** Not by a middleware behind the board: that would throw inside of it, and the board answers 500 to whatever is thrown. */
function requireAnswered(ctx: AppContext): void {
  if (ctx.status === 404 && ctx.body === undefined) {
    throw new AppError('not_found', 'There is nothing at this path.');
  }
}
