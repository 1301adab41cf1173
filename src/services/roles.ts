import { defineCursor } from '../base/cursor.ts';
import { AppError, notFound } from '../base/errors.ts';
import { type Page, type PageQuery, pageFrom } from '../base/page.ts';
import { type Role, roleNameSchema } from '../contracts/role.ts';
import type { CreateRoleBody, UpdateRoleBody } from '../contracts/routes/admin-roles.ts';
import type { Database, Db } from '../data/database.ts';
import {
  deleteRoleRow,
  findRole,
  insertRole,
  listRoles,
  type RoleContent,
  type RoleView,
  replaceRole,
} from '../data/repositories/roles.ts';
import { presentRole } from '../presenters/role.ts';
import { type Actor, audit, differences } from './audit.ts';
import { ADMIN_ROLE } from './authorize.ts';
import { type ChangeAccess, requireAdminLeft, requireNoOwnLimits, requireWithin } from './change-access.ts';
import { givenLimits } from './given-limits.ts';

/**
 * Roles, and what they allow. Whoever changes one must have everything that it allows, before and after, and leaves the
 * limits of his own alone; else `forbidden`.
 */
export interface Roles {
  /** By name. @throws {AppError} `validation_failed` for a bad cursor */
  list(query: PageQuery): Promise<Page<Role>>;
  /** @throws {AppError} `not_found` */
  get(name: string): Promise<Role>;
  /** @throws {AppError} `conflict` when the name is taken; `forbidden` */
  create(actor: Actor, body: CreateRoleBody): Promise<Role>;
  /**
   * @throws {AppError} `not_found`; `conflict` when `admin` would not allow everything any more, or nobody could do
   *   everything; `forbidden`
   */
  update(actor: Actor, name: string, changes: UpdateRoleBody): Promise<Role>;
  /**
   * @throws {AppError} `not_found`; `conflict` for a role that came with the product, that somebody has, or that new
   *   accounts get; `forbidden`
   */
  remove(actor: Actor, name: string): Promise<void>;
}

/** What {@link createRoles} works with. */
export interface RolesDeps {
  database: Pick<Database, 'db'>;
  changeAccess: ChangeAccess;
  /** What new accounts get. */
  defaultRole: string;
}

const cursors = defineCursor(roleNameSchema);
const permission = 'roles.manage';

/** Roles, on a database. */
export function createRoles({ database: { db }, changeAccess, defaultRole }: RolesDeps): Roles {
  return {
    async list({ limit, cursor }) {
      const found = await listRoles(db, { limit: limit + 1, after: cursors.decode(cursor) });
      return pageFrom(found, limit, { present: presentRole, cursorOf: ({ name }) => cursors.encode(name) });
    },

    get: async (name) => presentRole(await requireRole(db, name)),

    create: (actor, body) =>
      changeAccess({ actor, permission }, async (inside, rights) => {
        requireWithin(rights, body, `The role "${body.name}"`);
        const role = await insertRole(inside, { ...body, usageLimits: givenLimits(body.usageLimits) });
        if (!role) {
          throw new AppError('conflict', `There is a role "${body.name}" already.`, {
            errors: [{ path: 'body.name', message: 'is taken' }],
          });
        }
        await note(inside, actor, {
          action: 'role.create',
          name: role.name,
          details: { after: contentOf(role) },
        });
        return presentRole(role);
      }),

    update: (actor, name, changes) =>
      changeAccess({ actor, permission }, async (inside, rights) => {
        const before = await requireRole(inside, name);
        const after = withChanges(before, changes);
        for (const each of [before, after]) requireWithin(rights, each, `The role "${name}"`);
        if (name === rights.role) requireNoOwnLimits(rights, { usageLimits: changes.usageLimits });
        if (name === ADMIN_ROLE && !after.allPermissions) {
          throw new AppError(
            'conflict',
            `The role "${ADMIN_ROLE}" allows everything, always. Make another role.`,
          );
        }
        const changed = differences(contentOf(before), contentOf(after));
        if (!changed) return presentRole(before);
        const role = await replaceRole(inside, after);
        if (before.allPermissions) await requireAdminLeft(inside);
        await note(inside, actor, { action: 'role.update', name, details: changed });
        return presentRole(role ?? before);
      }),

    remove: (actor, name) =>
      changeAccess({ actor, permission }, async (inside, rights) => {
        const role = await requireRole(inside, name);
        requireWithin(rights, role, `The role "${name}"`);
        const why = whyKept(role, defaultRole);
        if (why) throw new AppError('conflict', `The role "${name}" ${why}.`);
        await deleteRoleRow(inside, name);
        await note(inside, actor, { action: 'role.delete', name, details: { before: contentOf(role) } });
      }),
  };
}

async function requireRole(db: Db, name: string): Promise<RoleView> {
  const role = await findRole(db, name);
  if (role) return role;
  throw notFound('role');
}

function whyKept({ name, builtIn, inUse }: RoleView, defaultRole: string): string | undefined {
  if (builtIn) return 'came with the product and cannot be deleted';
  if (inUse) return 'is had by users; give them another one first';
  return name === defaultRole ? 'is what new accounts get (DEFAULT_ROLE)' : undefined;
}

function withChanges(before: RoleContent, changes: UpdateRoleBody): RoleContent {
  const { permissions, allPermissions, usageLimits } = changes;
  return {
    name: before.name,
    permissions: permissions ?? before.permissions,
    allPermissions: allPermissions ?? before.allPermissions,
    usageLimits: usageLimits ? givenLimits(usageLimits) : before.usageLimits,
  };
}

/** What of a role is written down. */
const contentOf = ({ permissions, allPermissions, usageLimits }: RoleContent) => ({
  permissions,
  allPermissions,
  usageLimits,
});

function note(
  db: Db,
  actor: Actor,
  { name, ...what }: { action: 'role.create' | 'role.update' | 'role.delete'; name: string; details: object },
): Promise<void> {
  return audit(db, actor, { ...what, targetType: 'role', targetId: name, details: { ...what.details } });
}
