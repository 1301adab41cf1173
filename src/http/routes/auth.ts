import { AppError } from '../../base/errors.ts';
import {
  createStreamTicket,
  getMe,
  getProfile,
  login,
  logout,
  refresh,
  register,
  type SignedIn,
  verify,
} from '../../contracts/routes/auth.ts';
import { presentUser } from '../../presenters/user.ts';
import type { Auth } from '../../services/auth.ts';
import { looksLikeRefreshToken } from '../../services/refresh-secrets.ts';
import type { StreamTickets } from '../../services/stream-tickets.ts';
import { createSignInAnswer, userAgent } from '../answer-sign-in.ts';
import { bearerToken } from '../bearer.ts';
import type { AppContext } from '../context.ts';
import { mountRoute } from '../mount-route.ts';
import type { RefreshCookie } from '../refresh-cookie.ts';
import type { RouteModule } from '../route-table.ts';

/** What the routes under `/auth` work with. */
export interface AuthRouteDeps {
  auth: Auth;
  streamTickets: StreamTickets;
  refreshCookie: RefreshCookie;
}

/** Signing up, in and out, and who is signed in. */
export function authRoutes({ auth, streamTickets, refreshCookie }: AuthRouteDeps): RouteModule {
  const signedIn = createSignInAnswer(refreshCookie);

  return (table) => {
    mountRoute(table, register, async ({ body }, { ctx }) =>
      signedIn(ctx, await auth.register({ ...body, userAgent: userAgent(ctx) })),
    );

    mountRoute(table, login, async ({ body }, { ctx }) =>
      signedIn(ctx, await auth.login({ ...body, userAgent: userAgent(ctx) })),
    );

    mountRoute(table, refresh, async ({ body }, { ctx }) => {
      const token = body?.refreshToken ?? headerToken(ctx);
      if (token !== undefined) return signedIn(ctx, await auth.refresh(token));
      return refreshByCookie(ctx);
    });

    mountRoute(table, logout, async (_input, { identity, ctx }) => {
      await auth.logout(identity);
      refreshCookie.clear(ctx);
    });

    for (const route of [getMe, getProfile]) {
      mountRoute(table, route, async (_input, { identity }) => presentUser(await auth.getUser(identity)));
    }

    mountRoute(table, verify, async (_input, { identity }) => ({
      valid: true,
      user: presentUser(await auth.getUser(identity)),
      expiresAt: new Date(identity.expiresAt).toISOString(),
    }));

    mountRoute(table, createStreamTicket, async (_input, { identity }) => {
      const { ticket, expiresInSeconds } = await streamTickets.issue(identity);
      return { ticket, expiresIn: expiresInSeconds };
    });
  };

  async function refreshByCookie(ctx: AppContext): Promise<SignedIn> {
    const token = refreshCookie.read(ctx);
    if (token === undefined) {
      throw new AppError(
        'unauthenticated',
        'Send a refresh token: in the body, as Bearer, or as the cookie.',
      );
    }
    try {
      return signedIn(ctx, await auth.refresh(token));
    } catch (error) {
      // It will never be good again; the browser need not bring it any more.
      if (error instanceof AppError && error.status === 401) refreshCookie.clear(ctx);
      throw error;
    }
  }
}

/** Many clients send their access token with every request: that is not a refresh token, and no reason to fail. */
function headerToken(ctx: AppContext): string | undefined {
  const token = bearerToken(ctx.get('authorization'));
  return token !== undefined && looksLikeRefreshToken(token) ? token : undefined;
}
