import { notFound } from '../base/errors.ts';
import type { Db } from '../data/database.ts';
import { findModel } from '../data/repositories/models.ts';
import type { ModelDirectory } from './model-directory.ts';

/**
 * The full id of a model of the catalogue, whether or not it can be asked, by its id or by a bare name where that is
 * unambiguous. `given` stands in the path of the request.
 *
 * @throws {AppError} `not_found`; `model_not_available` for a name that may be one of several
 */
export async function findModelId(
  db: Db,
  models: Pick<ModelDirectory, 'candidates' | 'resolve'>,
  given: string,
): Promise<string> {
  if (await findModel(db, given)) return given;
  const [only, ...others] = models.candidates(given);
  if (!only) throw notFound('model');
  return others.length === 0 ? only.id : models.resolve(given, 'params.modelId').id;
}
