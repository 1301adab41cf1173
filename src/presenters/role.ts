import type { Role } from '../contracts/role.ts';
import type { RoleView } from '../data/repositories/roles.ts';

/** A role, in the shape of the contract. */
export function presentRole({ createdAt, updatedAt, ...role }: RoleView): Role {
  return { ...role, createdAt: createdAt.toISOString(), updatedAt: updatedAt.toISOString() };
}
