import type { Config } from './base/config.ts';
import type { Lifecycle } from './base/lifecycle.ts';
import type { Logger } from './base/logger.ts';
import { publicUrl } from './base/public-url.ts';
import type { Database } from './data/database.ts';
import type { Feed } from './feed/ports.ts';
import { createGoogle } from './google/google.ts';
import { createGoogleCookie } from './http/google-cookie.ts';
import { createRefreshCookie } from './http/refresh-cookie.ts';
import type { RouteModule } from './http/route-table.ts';
import { authRoutes } from './http/routes/auth.ts';
import { deviceRoutes } from './http/routes/devices.ts';
import { googleRoutes } from './http/routes/google.ts';
import { passwordRoutes } from './http/routes/passwords.ts';
import { createMailer } from './mail/mailer.ts';
import type { AccessTokens } from './services/access-tokens.ts';
import { createAuth } from './services/auth.ts';
import type { Background } from './services/background.ts';
import { createChangePassword } from './services/change-password.ts';
import { createDevices } from './services/devices.ts';
import { createForgottenPasswords } from './services/forgotten-passwords.ts';
import type { RateLimits } from './services/rate-limits.ts';
import type { RefreshSecrets } from './services/refresh-secrets.ts';
import type { Revocations } from './services/revocations.ts';
import { createSignIns } from './services/sign-in.ts';
import { createSignInWithGoogle } from './services/sign-in-with-google.ts';
import type { StreamTickets } from './services/stream-tickets.ts';

/** What a web process gives to the routes under `/auth`. */
export interface SignInParts {
  config: Config;
  log: Logger;
  lifecycle: Lifecycle;
  database: Database;
  rateLimits: RateLimits;
  background: Background;
  accessTokens: AccessTokens;
  secrets: RefreshSecrets;
  revocations: Revocations;
  streamTickets: StreamTickets;
  /** Of what all processes share. */
  feed: Pick<Feed, 'tickets'>;
  /** Longest wait for each answer of Google, in milliseconds; left out: some seconds. */
  googleTimeoutMs?: number | undefined;
}

/** Builds `/auth`: signing up, in and out, with a password or with Google; passwords, devices. */
export function composeSignIn(parts: SignInParts): RouteModule[] {
  const { config, log, lifecycle, database, rateLimits, revocations, background } = parts;
  const refreshTokenDays = config.REFRESH_TOKEN_DAYS;
  const signIns = createSignIns({ ...parts, refreshTokenDays });
  const mailer = createMailer(config, log);
  lifecycle.onClose('mailer', () => mailer.close());
  const refreshCookie = createRefreshCookie(config);
  return [
    authRoutes({
      auth: createAuth({ ...parts, signIns, refreshTokenDays, newAccounts: config }),
      streamTickets: parts.streamTickets,
      refreshCookie,
    }),
    passwordRoutes({
      changePassword: createChangePassword(parts),
      forgottenPasswords: createForgottenPasswords({
        database,
        mailer,
        background,
        revocations,
        signIns,
        rateLimits,
        publicUrl: publicUrl(config),
      }),
      refreshCookie,
    }),
    deviceRoutes({ devices: createDevices({ database, revocations }) }),
    googleRoutes({
      google: createGoogle({
        config,
        pending: parts.feed.tickets,
        publicUrl: publicUrl(config),
        timeoutMs: parts.googleTimeoutMs,
      }),
      signInWithGoogle: createSignInWithGoogle({ database, signIns, newAccounts: config }),
      googleCookie: createGoogleCookie(config),
      refreshCookie,
      redirectUrl: config.OAUTH_REDIRECT_URL,
      log,
    }),
  ];
}
