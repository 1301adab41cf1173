import { EntitySchema } from 'typeorm';
import type { Permission } from '../../contracts/permissions.ts';
import type { UsageLimits } from './usage.ts';

/** A collection of permissions, with what its users may use. */
export interface RoleRecord {
  name: string;
  permissions: Permission[];
  /** Everything is allowed, also what comes later. */
  allPermissions: boolean;
  /** Came with the product: it may be changed, but not deleted. */
  builtIn: boolean;
  usageLimits: UsageLimits;
  createdAt: Date;
  updatedAt: Date;
}

export const RoleEntity = new EntitySchema<RoleRecord>({
  name: 'Role',
  tableName: 'roles',
  columns: {
    name: { type: 'text', primary: true },
    permissions: { type: 'jsonb' },
    allPermissions: { type: 'boolean' },
    builtIn: { type: 'boolean' },
    usageLimits: { type: 'jsonb' },
    createdAt: { type: 'timestamptz', createDate: true },
    updatedAt: { type: 'timestamptz', updateDate: true },
  },
});
