import type { Database } from '../../src/data/database.ts';
import { listOperators, type ManagedUserRecord } from '../../src/data/repositories/managed-users.ts';
import { findRole, listRoles } from '../../src/data/repositories/roles.ts';
import { findUserByEmail } from '../../src/data/repositories/users.ts';
import { ADMIN_ROLE } from '../../src/services/authorize.ts';
import { createChangeAccess } from '../../src/services/change-access.ts';
import { createUpdateManagedUser } from '../../src/services/update-managed-user.ts';

/** What went wrong is for whoever typed it. */
export class CommandError extends Error {
  override readonly name = 'CommandError';
}

/** What is typed after `npm run admin --`. */
export const USAGE = `npm run admin -- grant EMAIL [ROLE]   gives an account a role, ${ADMIN_ROLE} unless told otherwise
npm run admin -- revoke EMAIL         gives it that of a new account back (DEFAULT_ROLE)
npm run admin -- list                 who may do something with what is not his own`;

/** What the commands work with. */
export interface CommandWorld {
  database: Database;
  /** What new accounts get. */
  defaultRole: string;
}

/** One command: what it says when it is done. @throws {CommandError}, {AppError} */
export type Command = (world: CommandWorld) => Promise<string>;

/** The command that these words are; undefined for none. */
export function parseCommand(words: readonly string[]): Command | undefined {
  const [name, email, role, ...more] = words;
  if (more.length > 0) return undefined;
  if (name === 'list' && email === undefined) return list;
  if (email === undefined) return undefined;
  if (name === 'grant') return (world) => setRole(world, email, role ?? ADMIN_ROLE);
  if (name === 'revoke' && role === undefined) return (world) => setRole(world, email, world.defaultRole);
  return undefined;
}

async function setRole({ database }: CommandWorld, email: string, role: string): Promise<string> {
  const { db } = database;
  const user = await findUserByEmail(db, email);
  if (!user) throw new CommandError(`There is no account of ${email}. Register it first.`);
  if (!(await findRole(db, role))) {
    const names = (await listRoles(db, { limit: 50 })).map((each) => each.name).join(', ');
    throw new CommandError(`There is no role "${role}". There are: ${names}.`);
  }
  const update = createUpdateManagedUser({ changeAccess: createChangeAccess({ database }) });
  const after = await update({ userId: null }, user.id, { role });
  const note = after.isActive ? '' : ' The account is deactivated.';
  if (user.role === role) return `${after.email} has the role ${role} already.${note}`;
  return `${after.email} has the role ${role} now; before: ${user.role}. A running server knows within 5 s.${note}`;
}

async function list({ database }: CommandWorld): Promise<string> {
  const users = await listOperators(database.db);
  if (users.length === 0) return 'Nobody.';
  return users.map(lineOf).join('\n');
}

const lineOf = ({ email, role, isActive }: ManagedUserRecord): string =>
  `${email}  ${role}${isActive ? '' : '  (deactivated)'}`;
