import { AppError } from '../base/errors.ts';
import { type Permission, type Scope, scopesOf } from '../contracts/permissions.ts';
import type { AccessDirectory } from './access.ts';
import type { Identity } from './identity.ts';
import { accountGone, lacksPermission } from './identity-refusals.ts';

/** What is asked of whoever does something. */
export interface Demand {
  /** Left out: everybody may. */
  permission?: Permission | undefined;
  /** Of an API key, any of these; left out: no key may. */
  scope?: Scope | readonly Scope[] | undefined;
}

/**
 * Makes sure that who asks may do something, by what the account is now: a token is older than that.
 *
 * @throws {AppError} `unauthenticated` for an account that is gone, `token_revoked` for one that is deactivated; `forbidden`
 */
export type Authorize = (identity: Pick<Identity, 'userId' | 'scopes'>, demand: Demand) => Promise<void>;

/** The role that may do everything. */
export const ADMIN_ROLE = 'admin';

/** Makes the check. */
export function createAuthorize(access: Pick<AccessDirectory, 'of'>): Authorize {
  return async ({ userId, scopes }, { permission, scope }) => {
    const account = await access.of(userId);
    if (!account) throw accountGone();
    if (!account.isActive) throw new AppError('token_revoked', 'This account is deactivated.');
    if (scopes) requireScope(scopes, scopesOf(scope));
    if (permission && !account.may(permission)) throw lacksPermission(permission);
  };
}

function requireScope(has: readonly Scope[], anyOf: readonly Scope[]): void {
  if (anyOf.length === 0) throw new AppError('forbidden', 'API keys cannot do this. Sign in instead.');
  if (anyOf.some((scope) => has.includes(scope))) return;
  const named = anyOf.map((scope) => `\`${scope}\``).join(' or ');
  throw new AppError('forbidden', `This needs an API key with the scope ${named}.`);
}
