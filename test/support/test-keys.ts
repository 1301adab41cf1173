import type { CreateApiKeyBody, NewApiKey } from '../../src/contracts/routes/api-keys.ts';
import { RestClient } from './rest-client.ts';
import type { Served, TestUser } from './test-user.ts';

/** Makes an API key for a user, with the scope `chat` unless told otherwise. */
export const makeKey = (
  process: Served,
  user: TestUser,
  wish: Partial<CreateApiKeyBody> = {},
): Promise<NewApiKey> =>
  user.at(process).post<NewApiKey>('/user/api-keys', { name: 'Key', scopes: ['chat'], ...wish });

/** The same user, signing in with another token or with an API key. */
export const withToken = (user: TestUser, token: string): TestUser => ({
  ...user,
  token,
  at: ({ url }) => new RestClient({ url, userId: user.id, token }),
});
