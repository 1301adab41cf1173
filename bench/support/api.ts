import { Agent, request } from 'undici';

const agent = new Agent({ connections: 16, pipelining: 1 });

/** A signed-in user of a Parley server. */
export class Api {
  readonly token: string;
  readonly #base: string;

  constructor(port: number, token: string) {
    this.#base = baseOf(port);
    this.token = token;
  }

  /** Signs up a new user. */
  static async signUp(port: number): Promise<Api> {
    const email = `bench-${process.hrtime.bigint()}@example.test`;
    const body = (await call(baseOf(port), 'POST', '/auth/register', { email, password: 'benchmark' })) as {
      accessToken: string;
    };
    return new Api(port, body.accessToken);
  }

  /** Opens a session; its id. */
  async openSession(): Promise<string> {
    return ((await this.post('/sessions', {})) as { id: string }).id;
  }

  /** Posts a JSON body. */
  post(path: string, body: object): Promise<unknown> {
    return call(this.#base, 'POST', path, body, this.token);
  }
}

const baseOf = (port: number): string => `http://127.0.0.1:${port}`;

/** Does something `count` times, 32 at once. */
export async function inBatches<T>(count: number, work: (index: number) => Promise<T>): Promise<T[]> {
  const results: T[] = new Array(count);
  let next = 0;
  const lane = async () => {
    for (let index = next++; index < count; index = next++) results[index] = await work(index);
  };
  await Promise.all(Array.from({ length: 32 }, lane));
  return results;
}

async function call(
  base: string,
  method: 'POST',
  path: string,
  body: object,
  token?: string,
): Promise<unknown> {
  const answer = await request(`${base}${path}`, {
    method,
    dispatcher: agent,
    headers: { 'content-type': 'application/json', ...(token ? { authorization: `Bearer ${token}` } : {}) },
    body: JSON.stringify(body),
  });
  const text = await answer.body.text();
  if (answer.statusCode >= 300) throw new Error(`${path}: ${answer.statusCode} ${text}`);
  return JSON.parse(text) as unknown;
}
