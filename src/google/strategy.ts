import { Strategy, type StrategyOptions } from 'passport-google-oauth20';
import { fetchText } from './fetch-text.ts';
import { parseUserinfo } from './profile.ts';

/** What {@link GoogleStrategy} is made with. */
export interface GoogleStrategyOptions extends StrategyOptions {
  userProfileURL: string;
  /** Longest wait for each answer of Google, in milliseconds. */
  timeoutMs: number;
}

type Answered = (error: Error | { statusCode: number; data: string } | null, body?: string) => void;

/** What there is of the package `oauth` below the strategy. */
interface OAuthClient {
  useAuthorizationHeaderforGET(useIt: boolean): void;
  get(url: string, accessToken: string, answered: Answered): void;
  _request(
    method: string,
    url: string,
    headers: Record<string, string> | null,
    body: string | null,
    accessToken: string | null,
    answered: Answered,
  ): void;
}

/**
 * Passport's strategy for Google, on HTTP of our own: that of `oauth` waits for ever, reads without a bound, puts access
 * tokens into URLs, and an answer that is `null` ends the process.
 */
export class GoogleStrategy extends Strategy {
  // Passport derives an object from this one for each request: private names (`#`) are not there.
  private readonly userinfoUrl: string;

  constructor({ timeoutMs, ...options }: GoogleStrategyOptions) {
    super(options, (_accessToken, _refreshToken, profile, verified) => verified(null, profile));
    this.userinfoUrl = options.userProfileURL;
    this.client.useAuthorizationHeaderforGET(true);
    this.client._request = (method, url, headers, body, _accessToken, answered) => {
      const request = { method, url, headers: headers ?? {}, body: body || undefined, timeoutMs };
      fetchText(request)
        .then(({ status, text }) =>
          status >= 200 && status < 300 ? answered(null, text) : answered({ statusCode: status, data: text }),
        )
        // Also when what was answered is nothing that the package can read.
        .catch((error: Error) => answered(error));
    };
  }

  override userProfile(accessToken: string, done: (error?: unknown, profile?: unknown) => void): void {
    this.client.get(this.userinfoUrl, accessToken, (error, body = '') => {
      if (error) return done(asError(error));
      let profile: unknown;
      try {
        profile = parseUserinfo(body);
      } catch (cause) {
        return done(new Error('the userinfo of Google is not as expected', { cause }));
      }
      done(null, profile);
    });
  }

  private get client(): OAuthClient {
    return this._oauth2 as unknown as OAuthClient;
  }
}

function asError(error: Error | { statusCode: number }): Error {
  return error instanceof Error
    ? error
    : new Error(`Google answered ${error.statusCode} instead of userinfo`);
}
