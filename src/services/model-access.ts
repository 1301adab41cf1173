import { AppError } from '../base/errors.ts';
import type { AccessDirectory } from './access.ts';
import type { ModelReach } from './default-model.ts';
import type { Model } from './model-directory.ts';

/** A model that is asked for, and where its name stood in the request. */
export interface AskedModel {
  model: Model;
  /** As in `body.model`. */
  path: string;
}

/** Which models an account reaches, by the role that it has now. Asks nobody where that is known already. */
export async function reachOf(access: Pick<AccessDirectory, 'of'>, userId: string): Promise<ModelReach> {
  return (await access.of(userId))?.may('models.paid') ? 'all' : 'free';
}

/**
 * Makes sure that a user may ask these models: those of tier `paid` need the permission `models.paid`.
 *
 * @throws {AppError} `forbidden`, naming each that is out of reach
 */
export async function requireReach(
  access: Pick<AccessDirectory, 'of'>,
  userId: string,
  asked: readonly AskedModel[],
): Promise<void> {
  const paid = asked.filter(({ model }) => model.tier === 'paid');
  const [first] = paid;
  if (!first) return;
  const account = await access.of(userId);
  if (account?.may('models.paid')) return;
  const message = `needs the permission \`models.paid\`, which your role ${JSON.stringify(account?.role ?? '')} does not have`;
  throw new AppError(
    'forbidden',
    `${first.path}: "${first.model.id}" is a paid model and ${message}. ` +
      'Ask a free one (GET /models?tier=free&available=true), or ask who runs this server for the role `premium` ' +
      '(for everybody: DEFAULT_ROLE).',
    { errors: paid.map(({ path }) => ({ path, message })) },
  );
}
