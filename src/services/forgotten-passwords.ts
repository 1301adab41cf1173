import { AppError, invalidField } from '../base/errors.ts';
import { newId } from '../base/ids.ts';
import { hashSecret, looksLikeSecret, newSecret } from '../base/secrets.ts';
import type { Database, Db } from '../data/database.ts';
import { revokeApiKeysOf } from '../data/repositories/api-keys.ts';
import {
  findPasswordReset,
  replacePasswordReset,
  usePasswordReset,
} from '../data/repositories/password-resets.ts';
import { revokeOtherFamilies } from '../data/repositories/refresh-tokens.ts';
import { findUserByEmail, lockUser, resetPassword } from '../data/repositories/users.ts';
import type { Mailer } from '../mail/ports.ts';
import type { Background } from './background.ts';
import { accountKey } from './count-failures.ts';
import { hashPassword } from './passwords.ts';
import type { RateLimits } from './rate-limits.ts';
import { resetMail } from './reset-mail.ts';
import type { Revocations } from './revocations.ts';
import type { SignIn, SignIns } from './sign-in.ts';

/** A new password for whoever got the mail. */
export interface PasswordReset {
  token: string;
  password: string;
  /** The User-Agent, for the list of devices. */
  userAgent: string | null;
}

/** Passwords that are set by way of a mail. Also how an account without one gets one. */
export interface ForgottenPasswords {
  /**
   * Mails a link, if the address has an active account. Returns at once and says nothing of that: all of it is done
   * afterwards, so that neither the answer nor its time tells which addresses there are.
   */
  ask(email: string): void;
  /**
   * Sets the password, verifies the address, revokes all sign-ins of the account, and signs in. The API keys of an
   * account whose address nobody had verified are revoked as well: it may have been opened by somebody else.
   *
   * @throws {AppError} `validation_failed` at `params.token` for one that is not known, was used, or has expired
   */
  reset(reset: PasswordReset): Promise<SignIn>;
}

/** What {@link createForgottenPasswords} works with. */
export interface ForgottenPasswordsDeps {
  database: Database;
  mailer: Pick<Mailer, 'send'>;
  background: Background;
  revocations: Pick<Revocations, 'announce'>;
  signIns: Pick<SignIns, 'open'>;
  rateLimits: Pick<RateLimits, 'login' | 'resetMail'>;
  /** Where browsers find the server. */
  publicUrl: string;
}

/** Life of a link. */
const LIFE_MINUTES = 60;

/** Makes the verbs. */
export function createForgottenPasswords(deps: ForgottenPasswordsDeps): ForgottenPasswords {
  const { database, mailer, background, revocations, signIns, rateLimits, publicUrl } = deps;

  async function mailLink(email: string): Promise<void> {
    if (await isTooOften(rateLimits.resetMail.count(accountKey(email)))) return;
    const user = await findUserByEmail(database.db, email);
    if (!user?.isActive) return;
    const token = newSecret();
    const reset = { id: newId(), userId: user.id, tokenHash: hashSecret(token), minutes: LIFE_MINUTES };
    const stored = await database.transaction(async (db) => {
      // Of two at once the later one ends the link of the other.
      if (!(await lockUser(db, user.id))) return false;
      await replacePasswordReset(db, reset);
      return true;
    });
    // To the address as it was registered, not as it was asked for.
    if (stored) await mailer.send(resetMail({ to: user.email, token, publicUrl, minutes: LIFE_MINUTES }));
  }

  async function setPassword(db: Db, { token, password, userAgent }: PasswordReset) {
    const tokenHash = hashSecret(token);
    const userId = await findPasswordReset(db, tokenHash);
    // The account first, here as where links are made: in one order, or two of them wait for each other.
    const user = userId === undefined ? undefined : await lockUser(db, userId);
    if (!user?.isActive || !(await usePasswordReset(db, tokenHash))) return undefined;
    await resetPassword(db, { id: user.id, passwordHash: await hashPassword(password) });
    const families = await revokeOtherFamilies(db, { userId: user.id, except: null });
    const keys = user.emailVerifiedAt === null ? await revokeApiKeysOf(db, user.id) : [];
    const signIn = await signIns.open(db, { userId: user.id, userAgent });
    return signIn && { signIn, revoked: [...families, ...keys] };
  }

  return {
    ask: (email) => background.run('mail of a new password', () => mailLink(email)),

    async reset(wish) {
      const done = looksLikeSecret(wish.token)
        ? await database.transaction((db) => setPassword(db, wish))
        : undefined;
      if (!done) {
        throw invalidField('params.token', 'is not known, was used, or has expired. Ask for another link.');
      }
      await revocations.announce(done.revoked);
      await rateLimits.login.forget(accountKey(done.signIn.user.email));
      return done.signIn;
    },
  };
}

async function isTooOften(counting: Promise<void>): Promise<boolean> {
  try {
    await counting;
    return false;
  } catch (error) {
    if (error instanceof AppError && error.code === 'rate_limited') return true;
    throw error;
  }
}
