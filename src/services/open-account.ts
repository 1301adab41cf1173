import type { Config } from '../base/config.ts';
import { newId } from '../base/ids.ts';
import type { Db } from '../data/database.ts';
import type { UserRecord } from '../data/entities/user.ts';
import { openAccount } from '../data/repositories/accounts.ts';
import { postEntry } from '../data/repositories/ledger.ts';
import { insertUser, type NewUser } from '../data/repositories/users.ts';
import { ADMIN_ROLE } from './authorize.ts';

/** What of the configuration is about new accounts. */
export type NewAccountConfig = Pick<Config, 'WELCOME_CREDITS' | 'ADMIN_EMAIL' | 'DEFAULT_ROLE'>;

/**
 * Opens an account, with its role and its welcome credits. Undefined when the e-mail address or the account of Google has
 * one already.
 */
export async function openNewAccount(
  db: Db,
  person: Omit<NewUser, 'id' | 'role'>,
  { WELCOME_CREDITS, ADMIN_EMAIL, DEFAULT_ROLE }: NewAccountConfig,
): Promise<UserRecord | undefined> {
  const role = isSameEmail(person.email, ADMIN_EMAIL) ? ADMIN_ROLE : DEFAULT_ROLE;
  const user = await insertUser(db, { ...person, id: newId(), role });
  if (!user) return undefined;
  await openAccount(db, user.id);
  if (WELCOME_CREDITS > 0) {
    const amount = String(WELCOME_CREDITS);
    await postEntry(db, { id: newId(), userId: user.id, kind: 'grant', amount, reason: 'welcome' });
  }
  return user;
}

function isSameEmail(email: string, other: string | undefined): boolean {
  return other !== undefined && email.toLowerCase() === other.toLowerCase();
}
