import { newId } from '../../src/base/ids.ts';
import type { Database } from '../../src/data/database.ts';
import { type AccessTokenSettings, createAccessTokens } from '../../src/services/access-tokens.ts';
import { openNewAccount } from '../../src/services/open-account.ts';
import { Api, inBatches } from './api.ts';

/** Where the people are, and what their server was given. */
export interface PeopleOf {
  database: Database;
  port: number;
  tokens: AccessTokenSettings;
  welcomeCredits: number;
}

/**
 * Opens accounts, and signs their tokens, as the server would: a password takes a tenth of a second of CPU, and nothing of
 * what is measured here.
 */
export async function openAccounts(
  count: number,
  { database, port, tokens, welcomeCredits }: PeopleOf,
): Promise<Api[]> {
  const accessTokens = createAccessTokens(tokens);
  const account = { WELCOME_CREDITS: welcomeCredits, DEFAULT_ROLE: 'user', ADMIN_EMAIL: undefined };
  return inBatches(count, async () => {
    const person = {
      email: `bench-${newId()}@example.test`,
      name: '',
      passwordHash: null,
      googleId: null,
      emailVerified: true,
    };
    const user = await database.transaction((db) => openNewAccount(db, person, account));
    if (!user) throw new Error('no account');
    return new Api(port, accessTokens.issue(user, newId()).token);
  });
}
