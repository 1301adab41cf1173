import type { Group } from '../contracts/routes/groups.ts';
import type { GroupRecord } from '../data/entities/group.ts';

/** A group in the shape of the contract. */
export function presentGroup({ id, name, createdAt, updatedAt }: GroupRecord): Group {
  return { id, name, createdAt: createdAt.toISOString(), updatedAt: updatedAt.toISOString() };
}
