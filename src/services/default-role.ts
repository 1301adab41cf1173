import type { Logger } from '../base/logger.ts';
import type { Database } from '../data/database.ts';
import { findRole, listRoles } from '../data/repositories/roles.ts';
import { type DefaultModel, findNamed } from './default-model.ts';
import type { ModelDirectory } from './model-directory.ts';

/** What {@link checkDefaultRole} works with. */
export interface DefaultRoleDeps {
  database: Pick<Database, 'db'>;
  /** `DEFAULT_ROLE`. */
  name: string;
  defaultModel: DefaultModel;
  models: Pick<ModelDirectory, 'resolve'>;
  log: Logger;
}

/** Most names that a refusal lists. */
const MAX_NAMED = 20;

/**
 * Makes sure, at the start, that new accounts can be given their role; and warns where they will not reach the model
 * that the operator has chosen for sessions.
 *
 * @throws when there is no such role, or it allows everything
 */
export async function checkDefaultRole({
  database: { db },
  name,
  defaultModel,
  models,
  log,
}: DefaultRoleDeps) {
  const role = await findRole(db, name);
  if (!role) {
    const names = (await listRoles(db, { limit: MAX_NAMED })).map((each) => each.name).join(', ');
    throw new Error(`DEFAULT_ROLE: there is no role "${name}". There are: ${names}.`);
  }
  if (role.allPermissions) {
    throw new Error(
      `DEFAULT_ROLE: every new account would be allowed everything, as the role "${name}" is. ` +
        'Name another role, and the first admin by ADMIN_EMAIL.',
    );
  }
  const [usual, reached] = [defaultModel(), defaultModel('free')];
  if (usual === reached || role.permissions.includes('models.paid')) return;
  // One that cannot be asked at all is another matter, see `check-named-models.ts`.
  if (findNamed(models, usual)?.tier !== 'paid') return;
  log.warn(
    { role: name, model: usual, instead: reached },
    'new accounts reach free models only, and the default model is a paid one; DEFAULT_ROLE=premium lets them ask it',
  );
}
