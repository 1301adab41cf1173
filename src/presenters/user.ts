import type { User } from '../contracts/user.ts';
import type { UserRecord } from '../data/entities/user.ts';

/** An account, as its owner sees it. */
export function presentUser(user: UserRecord): User {
  return {
    id: user.id,
    email: user.email,
    name: user.name,
    role: user.role,
    emailVerified: user.emailVerifiedAt !== null,
    createdAt: user.createdAt.toISOString(),
  };
}
