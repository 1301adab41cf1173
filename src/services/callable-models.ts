import { notFound } from '../base/errors.ts';
import type { Database } from '../data/database.ts';
import type { ModelRecord } from '../data/entities/model.ts';
import { findModel, listAllModels } from '../data/repositories/models.ts';
import type { AccessDirectory } from './access.ts';
import { reachOf, requireReach } from './model-access.ts';
import type { ModelDirectory } from './model-directory.ts';

/** The models that somebody can ask, for clients that choose from a list. */
export interface CallableModels {
  /** Switched on, served, and within reach; by their ids. */
  list(userId: string): Promise<ModelRecord[]>;
  /**
   * One of them, by its id or an unambiguous bare name.
   *
   * @param path where the id stood in the request
   * @throws {AppError} `model_not_available`, `forbidden`
   */
  get(userId: string, id: string, path: string): Promise<ModelRecord>;
}

/** What {@link createCallableModels} works with. */
export interface CallableModelsDeps {
  database: Pick<Database, 'db'>;
  models: Pick<ModelDirectory, 'find' | 'resolve'>;
  access: Pick<AccessDirectory, 'of'>;
}

/** Makes the list, of what stands in the catalogue and can be asked as this process knows it. */
export function createCallableModels({ database, models, access }: CallableModelsDeps): CallableModels {
  return {
    async list(userId) {
      const reach = await reachOf(access, userId);
      const known = await listAllModels(database.db);
      return known
        .filter(({ id, tier }) => models.find(id) && (reach === 'all' || tier === 'free'))
        .sort((a, b) => (a.id < b.id ? -1 : 1));
    },
    async get(userId, id, path) {
      const model = models.resolve(id, path);
      await requireReach(access, userId, [{ model, path }]);
      const found = await findModel(database.db, model.id);
      // No model is ever deleted.
      if (!found) throw notFound('model');
      return found;
    },
  };
}
