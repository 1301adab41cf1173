import { AppError, isFailure } from '../../base/errors.ts';
import type { Logger } from '../../base/logger.ts';
import { newSecret } from '../../base/secrets.ts';
import { finishGoogle, finishGoogleOnPage, startGoogle } from '../../contracts/routes/google.ts';
import type { Google, GoogleAnswer } from '../../google/google.ts';
import type { SignIn } from '../../services/sign-in.ts';
import type { SignInWithGoogle } from '../../services/sign-in-with-google.ts';
import { createSignInAnswer, userAgent } from '../answer-sign-in.ts';
import type { AppContext } from '../context.ts';
import type { GoogleCookie } from '../google-cookie.ts';
import { mountRoute } from '../mount-route.ts';
import type { RefreshCookie } from '../refresh-cookie.ts';
import type { RouteModule } from '../route-table.ts';

/** What signing in with Google works with. */
export interface GoogleRouteDeps {
  /** Undefined: it is not configured. */
  google: Google | undefined;
  signInWithGoogle: SignInWithGoogle;
  googleCookie: GoogleCookie;
  refreshCookie: RefreshCookie;
  /** The page that browsers are sent to; undefined: they are answered JSON. */
  redirectUrl: string | undefined;
  log: Logger;
}

/** Signing in with Google: out to it, and back. */
export function googleRoutes(deps: GoogleRouteDeps): RouteModule {
  const { signInWithGoogle, googleCookie, refreshCookie, redirectUrl, log } = deps;
  const signedIn = createSignInAnswer(refreshCookie);

  function requireGoogle(): Google {
    if (deps.google) return deps.google;
    throw new AppError('not_configured', 'Signing in with Google is not set up on this server.');
  }

  async function finish(ctx: AppContext, answer: GoogleAnswer): Promise<SignIn> {
    const profile = await requireGoogle().finish(googleCookie.read(ctx), answer);
    const signIn = await signInWithGoogle(profile, userAgent(ctx));
    googleCookie.clear(ctx);
    return signIn;
  }

  return (table) => {
    mountRoute(table, startGoogle, async (_input, { ctx }) => {
      const google = requireGoogle();
      // One for all tabs: each has a state of its own.
      const browser = googleCookie.read(ctx) ?? newSecret();
      const location = await google.begin(browser);
      googleCookie.write(ctx, browser);
      redirect(ctx, location);
    });

    if (redirectUrl === undefined) {
      mountRoute(table, finishGoogle, async ({ query }, { ctx }) => signedIn(ctx, await finish(ctx, query)));
      return;
    }

    mountRoute(table, finishGoogleOnPage, async ({ query }, { ctx, requestId }) => {
      const page = new URL(redirectUrl);
      try {
        signedIn(ctx, await finish(ctx, query));
      } catch (error) {
        if (!(error instanceof AppError)) throw error;
        if (isFailure(error)) log.error({ err: error, requestId, code: error.code }, 'failed to sign in');
        page.searchParams.set('error', error.code);
      }
      redirect(ctx, page.href);
    });
  };
}

function redirect(ctx: AppContext, location: string): void {
  ctx.status = 302;
  ctx.set('Location', location);
  ctx.body = '';
}
