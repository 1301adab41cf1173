import type { AppContext } from './context.ts';

/** Name of the cookie. */
const BOARD_COOKIE = 'parley_board';

/** The session of the board in a browser, where scripts cannot read it. */
export interface BoardCookie {
  /** Undefined without one, and in requests that a page of another origin made. */
  read(ctx: AppContext): string | undefined;
  write(ctx: AppContext, session: { value: string; seconds: number }): void;
}

/** Makes the access to the cookie: sent to the board alone, never across sites; `Secure` in production. */
export function createBoardCookie({
  production,
  path,
}: {
  production: boolean;
  /** The board's, without `/api`. */
  path: string;
}): BoardCookie {
  const secure = production ? '; Secure' : '';
  return {
    read: (ctx) => (isOfOwnPage(ctx) ? ctx.cookies.get(BOARD_COOKIE) : undefined),
    write(ctx, { value, seconds }) {
      for (const at of [path, `/api${path}`]) {
        ctx.append(
          'Set-Cookie',
          `${BOARD_COOKIE}=${value}; Path=${at}; Max-Age=${seconds}; HttpOnly; SameSite=Strict${secure}`,
        );
      }
    },
  };
}

/** A site is wider than an origin: what a page beside ours has a browser send is not believed either. */
function isOfOwnPage(ctx: AppContext): boolean {
  const site = ctx.get('sec-fetch-site');
  if (site !== '' && site !== 'same-origin' && site !== 'none') return false;
  const origin = ctx.get('origin');
  return origin === '' || (URL.canParse(origin) && new URL(origin).host === ctx.host);
}
