import { AppError } from '../../base/errors.ts';
import {
  createStreamTicket,
  getMe,
  getProfile,
  login,
  logout,
  refresh,
  register,
  verify,
} from '../../contracts/routes/auth.ts';
import { presentUser } from '../../presenters/user.ts';
import type { Auth } from '../../services/auth.ts';
import type { StreamTickets } from '../../services/stream-tickets.ts';
import { createSignInAnswer, userAgent } from '../answer-sign-in.ts';
import { refreshTokenInHeader, withRefreshCookie } from '../identify-refresh.ts';
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
      const refreshed = async (token: string) => signedIn(ctx, await auth.refresh(token));
      const token = body?.refreshToken ?? refreshTokenInHeader(ctx);
      if (token !== undefined) return refreshed(token);
      const answer = await withRefreshCookie(ctx, refreshCookie, refreshed);
      if (answer) return answer;
      throw new AppError(
        'unauthenticated',
        'Send a refresh token: in the body, as Bearer, or as the cookie.',
      );
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
}
