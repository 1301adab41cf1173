import { hashSecret, looksLikeSecret, newSecret } from '../base/secrets.ts';

/** Where a sign-in that has begun is kept until the browser is back. Shared by all processes. */
export interface PendingStore {
  put(key: string, value: string, ttlMs: number): Promise<void>;
  /** The value, removed in the same step; null when it is not there, or not any more. */
  take(key: string): Promise<string | null>;
}

/** A request as the strategy sees it. */
export interface StateRequest {
  /** The secret that one browser alone has, in a cookie. */
  browser: string | undefined;
  /** Is told when the store fails, or something that nobody thought of. */
  fail: (error: unknown) => void;
}

type Stored = (error: null, state: string) => void;
type Verified = (error: null, ok: string | false, info?: object) => void;

/** How long somebody may take to sign in at Google, in milliseconds. */
export const PENDING_MS = 600_000;

/**
 * Keeps the state and the PKCE verifier of a sign-in, for the session that passport would have. They are found by the
 * state and the browser's secret together, once: a link with a state is worth nothing in another browser.
 */
export class StateStore {
  readonly #pending: PendingStore;

  constructor(pending: PendingStore) {
    this.#pending = pending;
  }

  /** Called by passport-oauth2, which tells by the five parameters that it is to give the verifier. */
  store(request: StateRequest, verifier: string, _state: unknown, _meta: unknown, stored: Stored): void {
    const state = newSecret();
    this.#pending
      .put(keyOf(request.browser ?? '', state), verifier, PENDING_MS)
      .then(() => stored(null, state))
      .catch(request.fail);
  }

  /** Called by passport-oauth2; answers the verifier. */
  verify(request: StateRequest, state: unknown, verified: Verified): void {
    const { browser } = request;
    if (!isSecret(browser) || !isSecret(state)) {
      verified(null, false, {});
      return;
    }
    this.#pending
      .take(keyOf(browser, state))
      .then((verifier) => verified(null, verifier ?? false, {}))
      .catch(request.fail);
  }
}

/** Nothing else reaches the store. */
const isSecret = (value: unknown): value is string => typeof value === 'string' && looksLikeSecret(value);

function keyOf(browser: string, state: string): string {
  return `google:${hashSecret(`${browser}.${state}`).toString('base64url')}`;
}
