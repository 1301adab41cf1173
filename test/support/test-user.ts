import type { SignedIn } from '../../src/contracts/routes/auth.ts';
import { RestClient } from './rest-client.ts';

/** Where a process serves. */
export interface Served {
  readonly url: string;
}

/** A user of real processes, signed in. */
export interface TestUser {
  readonly id: string;
  readonly email: string;
  readonly password: string;
  readonly token: string;
  /** The user's requests to one of the processes. */
  at(process: Served): RestClient;
}

/** Opens an account, with an address of its own unless one is given. */
export async function signUp(
  process: Served,
  email = `${crypto.randomUUID()}@example.com`,
): Promise<TestUser> {
  const credentials = { email, password: 'correct horse' };
  return { ...credentials, ...(await enter(process, '/auth/register', credentials)) };
}

/** The same user, signed in once more: another device. */
export async function signInAgain(process: Served, { email, password }: TestUser): Promise<TestUser> {
  return { email, password, ...(await enter(process, '/auth/login', { email, password })) };
}

async function enter(
  process: Served,
  path: string,
  credentials: object,
): Promise<Pick<TestUser, 'id' | 'token' | 'at'>> {
  const answer = await fetch(process.url + path, {
    method: 'POST',
    body: JSON.stringify(credentials),
    headers: { 'content-type': 'application/json' },
  });
  if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
  const { user, accessToken: token } = (await answer.json()) as SignedIn;
  return { id: user.id, token, at: ({ url }) => new RestClient({ url, userId: user.id, token }) };
}
