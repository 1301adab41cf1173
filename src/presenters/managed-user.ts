import type { ManagedUser } from '../contracts/routes/admin-users.ts';
import type { ManagedUserRecord } from '../data/repositories/managed-users.ts';

/** An account, as who runs the server sees it. */
export function presentManagedUser(user: ManagedUserRecord): ManagedUser {
  const { emailVerifiedAt, createdAt, lastLoginAt, ...rest } = user;
  return {
    ...rest,
    emailVerified: emailVerifiedAt !== null,
    createdAt: createdAt.toISOString(),
    lastLoginAt: lastLoginAt?.toISOString() ?? null,
  };
}
