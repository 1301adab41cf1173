import { type Problem, problemSchema } from '../../src/contracts/errors.ts';
import type { SignedIn } from '../../src/contracts/routes/auth.ts';

/** Who signs up or in. */
export interface Credentials {
  email: string;
  password: string;
}

/** The server said no; its `problem` says why. */
export class Refused extends Error {
  override readonly name = 'Refused';
  readonly problem: Problem;

  constructor(problem: Problem) {
    super(problem.detail);
    this.problem = problem;
  }
}

/** The server could not be reached, or answered with something that is not Parley's. */
export class Unreachable extends Error {
  override readonly name = 'Unreachable';
}

/** Longest wait for an answer over HTTP, in milliseconds. */
const TIMEOUT_MS = 30_000;

/** A sign-in: keeps its tokens fresh, and asks the API on its behalf. */
export class Account {
  readonly #url: string;
  #signedIn: SignedIn;
  #refreshing: Promise<void> | undefined;

  private constructor(url: string, signedIn: SignedIn) {
    this.#url = url;
    this.#signedIn = signedIn;
  }

  /**
   * Signs in, or up when nobody has the address yet.
   *
   * @throws {Refused} `email_taken` when the password is wrong
   * @throws {Unreachable}
   */
  static async open(url: string, credentials: Credentials): Promise<{ account: Account; isNew: boolean }> {
    try {
      const signedIn = await request<SignedIn>(url, 'POST', '/auth/login', { body: credentials });
      return { account: new Account(url, signedIn), isNew: false };
    } catch (error) {
      if (!(error instanceof Refused) || error.problem.code !== 'invalid_credentials') throw error;
      const signedIn = await request<SignedIn>(url, 'POST', '/auth/register', { body: credentials });
      return { account: new Account(url, signedIn), isNew: true };
    }
  }

  get accessToken(): string {
    return this.#signedIn.accessToken;
  }

  get email(): string {
    return this.#signedIn.user.email;
  }

  /**
   * Trades the refresh token for fresh tokens; calls at the same time share one trade.
   *
   * @throws {Refused} when the sign-in is over
   * @throws {Unreachable} when it may work later
   */
  refresh(): Promise<void> {
    const { refreshToken } = this.#signedIn;
    this.#refreshing ??= request<SignedIn>(this.#url, 'POST', '/auth/refresh', { body: { refreshToken } })
      .then((signedIn) => {
        this.#signedIn = signedIn;
      })
      .finally(() => {
        this.#refreshing = undefined;
      });
    return this.#refreshing;
  }

  /**
   * A request of the API; answers the JSON of the answer.
   *
   * @throws {Refused} @throws {Unreachable}
   */
  async ask<T>(method: string, path: string, body?: object): Promise<T> {
    return this.#authorised((token) => request<T>(this.#url, method, path, { body, token }));
  }

  /** A file of the API, as text. @throws {Refused} @throws {Unreachable} */
  async download(path: string): Promise<string> {
    return this.#authorised(async (token) => (await send(this.#url, 'GET', path, { token })).text());
  }

  async #authorised<T>(work: (token: string) => Promise<T>): Promise<T> {
    try {
      return await work(this.accessToken);
    } catch (error) {
      if (!(error instanceof Refused) || error.problem.code !== 'token_expired') throw error;
      await this.refresh();
      return work(this.accessToken);
    }
  }
}

interface RequestParts {
  body?: object | undefined;
  token?: string;
}

async function request<T>(url: string, method: string, path: string, parts: RequestParts): Promise<T> {
  const answer = await send(url, method, path, parts);
  return (answer.status === 204 ? undefined : await answer.json()) as T;
}

async function send(
  url: string,
  method: string,
  path: string,
  { body, token }: RequestParts,
): Promise<Response> {
  let answer: Response;
  try {
    answer = await fetch(new URL(path, url), {
      method,
      headers: {
        ...(body ? { 'content-type': 'application/json' } : {}),
        ...(token ? { authorization: `Bearer ${token}` } : {}),
      },
      ...(body ? { body: JSON.stringify(body) } : {}),
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
  } catch (cause) {
    throw new Unreachable(`There is no answer from ${url}.`, { cause });
  }
  if (answer.ok) return answer;
  const problem = problemSchema.safeParse(await answer.json().catch(() => undefined));
  if (problem.success) throw new Refused(problem.data);
  throw new Unreachable(`${url} answered with ${answer.status}, which is not like Parley.`);
}
