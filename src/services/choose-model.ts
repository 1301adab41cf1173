import { AppError } from '../base/errors.ts';
import type { AccessDirectory } from './access.ts';
import type { DefaultModel } from './default-model.ts';
import { reachOf } from './model-access.ts';
import type { Model, ModelDirectory } from './model-directory.ts';

/** What choosing a model works with. */
export interface ChooseModelDeps {
  models: Pick<ModelDirectory, 'resolve'>;
  access: Pick<AccessDirectory, 'of'>;
  /** The model of a request that names none. */
  defaultModel: DefaultModel;
}

/** What a request says of the model that it wants. */
export interface WantedModel {
  userId: string;
  /** As it stands in the request; undefined: the default. */
  named: string | undefined;
  /** Where it would stand, as in `body.model`. */
  path: string;
}

/**
 * The model that a request names, or else the default of the server.
 *
 * @throws {AppError} `model_not_available`, which names the configuration where the request has named nothing
 */
export async function chooseModel(
  deps: ChooseModelDeps,
  { userId, named, path }: WantedModel,
): Promise<Model> {
  const { models, access, defaultModel } = deps;
  if (named !== undefined) return models.resolve(named, path);
  const id = defaultModel(await reachOf(access, userId));
  try {
    return models.resolve(id, path);
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    const why = error.errors?.[0]?.message;
    const message = `must be named: the default of this server (DEFAULT_MODEL), "${id}", ${why}`;
    throw new AppError(error.code, `${path}: ${message}.`, { errors: [{ path, message }] });
  }
}
