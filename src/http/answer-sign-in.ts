import type { SignedIn } from '../contracts/routes/auth.ts';
import { presentUser } from '../presenters/user.ts';
import type { SignIn } from '../services/sign-in.ts';
import type { AppContext } from './context.ts';
import type { RefreshCookie } from './refresh-cookie.ts';

/** The one answer to everybody who signs in, in whatever way: the tokens, and the refresh token as a cookie too. */
export function createSignInAnswer(
  refreshCookie: Pick<RefreshCookie, 'write'>,
): (ctx: AppContext, signIn: SignIn) => SignedIn {
  return (ctx, signIn) => {
    refreshCookie.write(ctx, signIn.refreshToken);
    return {
      user: presentUser(signIn.user),
      accessToken: signIn.accessToken,
      refreshToken: signIn.refreshToken,
      expiresIn: signIn.expiresInSeconds,
    };
  };
}

/** What a client says that it is, for the list of devices. */
export const userAgent = (ctx: AppContext): string | null => ctx.get('user-agent') || null;
