import { Passport } from 'passport';
import type { Config } from '../base/config.ts';
import { AppError } from '../base/errors.ts';
import type { GoogleProfile } from './profile.ts';
import { type PendingStore, type StateRequest, StateStore } from './state-store.ts';
import { GoogleStrategy } from './strategy.ts';

/** What Google gave the browser to bring back. */
export interface GoogleAnswer {
  code?: string | undefined;
  state?: string | undefined;
  /** Why there is no code. */
  error?: string | undefined;
}

/** Signing in with Google. A browser is known by a secret that it keeps from the first step to the second. */
export interface Google {
  /** Where to send a browser. @throws when the store does not answer */
  begin(browser: string): Promise<string>;
  /**
   * Who is back.
   *
   * @throws {AppError} `sign_in_not_completed` when it was declined, or was not begun in this browser, or before;
   *   `google_failed` when Google does not answer as it should
   */
  finish(browser: string | undefined, answer: GoogleAnswer): Promise<GoogleProfile>;
}

/** What of the configuration is about Google. */
export type GoogleConfig = Pick<
  Config,
  | 'GOOGLE_CLIENT_ID'
  | 'GOOGLE_CLIENT_SECRET'
  | 'GOOGLE_CALLBACK_URL'
  | 'GOOGLE_AUTHORIZATION_URL'
  | 'GOOGLE_TOKEN_URL'
  | 'GOOGLE_USERINFO_URL'
>;

/** What {@link createGoogle} works with. */
export interface GoogleOptions {
  config: GoogleConfig;
  pending: PendingStore;
  /** Where browsers find the server. */
  publicUrl: string;
  /** Longest wait for each answer of Google, in milliseconds. Default 10 s. */
  timeoutMs?: number | undefined;
}

/** https://accounts.google.com/.well-known/openid-configuration */
const TOKEN_URL = 'https://oauth2.googleapis.com/token';
const USERINFO_URL = 'https://openidconnect.googleapis.com/v1/userinfo';
const TIMEOUT_MS = 10_000;

/** Passport, without a web framework around it. Undefined when Google is not configured. */
export function createGoogle(options: GoogleOptions): Google | undefined {
  const strategy = createStrategy(options);
  return strategy && wrap(strategy);
}

function wrap(strategy: GoogleStrategy): Google {
  const passport = new Passport();
  // By its name: only then each request has a strategy of its own, and nobody is answered what was for another.
  passport.use('google', strategy);

  /** Runs the strategy on a request that it thinks is Express's. */
  function run(query: GoogleAnswer, browser: string | undefined): Promise<string | GoogleProfile> {
    return new Promise((resolve, reject) => {
      const request: StateRequest & { query: GoogleAnswer } = { query, browser, fail: reject };
      const response = {
        setHeader: (name: string, value: string) => name === 'Location' && resolve(value),
        end: () => {},
      };
      const done: Done = (error, profile, _challenge, status) => {
        if (error) return reject(explainError(error));
        return profile ? resolve(profile) : reject(explainRefusal(status));
      };
      passport.authenticate('google', { session: false }, done)(request, response, reject);
    });
  }

  return {
    async begin(browser) {
      return (await run({}, browser)) as string;
    },
    async finish(browser, answer) {
      return (await run(answer, browser)) as GoogleProfile;
    },
  };
}

type Done = (error: unknown, profile?: GoogleProfile | false, challenge?: unknown, status?: number) => void;

function createStrategy({ config, pending, publicUrl, timeoutMs = TIMEOUT_MS }: GoogleOptions) {
  const { GOOGLE_CLIENT_ID: clientID, GOOGLE_CLIENT_SECRET: clientSecret } = config;
  if (!clientID || !clientSecret) return undefined;
  const { GOOGLE_AUTHORIZATION_URL: authorizationURL } = config;
  return new GoogleStrategy({
    clientID,
    clientSecret,
    callbackURL: config.GOOGLE_CALLBACK_URL ?? `${publicUrl}/auth/google/callback`,
    ...(authorizationURL && { authorizationURL }),
    tokenURL: config.GOOGLE_TOKEN_URL ?? TOKEN_URL,
    userProfileURL: config.GOOGLE_USERINFO_URL ?? USERINFO_URL,
    scope: ['openid', 'email', 'profile'],
    pkce: true,
    // Its types know neither the verifier nor a request that is not Express's.
    store: new StateStore(pending) as never,
    timeoutMs,
  });
}

/** 403 is what passport-oauth2 says of a state that is not known; else it is `access_denied`. */
function explainRefusal(status: number | undefined): AppError {
  const detail =
    status === 403
      ? 'This sign-in was not begun in this browser, is used up, or took more than 10 minutes. Begin again.'
      : 'The sign-in with Google was declined.';
  return new AppError('sign_in_not_completed', detail);
}

function explainError(error: unknown): AppError {
  const { name, code } = error as { name?: unknown; code?: unknown };
  const said = typeof code === 'string' && /^[a-z_]{1,40}$/.test(code) ? ` (${code})` : '';
  // What the browser brought, and a code that Google does not take, or not any more.
  if (name === 'AuthorizationError' || (name === 'TokenError' && code === 'invalid_grant')) {
    return new AppError(
      'sign_in_not_completed',
      `Google did not let the sign-in through${said}. Begin again.`,
    );
  }
  return new AppError('google_failed', `Google did not answer as it should${said}. Try again later.`, {
    cause: error,
  });
}
