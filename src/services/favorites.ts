import { z } from 'zod';
import { defineCursor } from '../base/cursor.ts';
import { AppError } from '../base/errors.ts';
import { type Page, type PageQuery, pageFrom } from '../base/page.ts';
import { textSchema } from '../contracts/fields.ts';
import type { Model } from '../contracts/model.ts';
import { MAX_FAVORITES } from '../contracts/routes/user.ts';
import type { Database } from '../data/database.ts';
import {
  deleteFavorite,
  insertFavorite,
  isFavorite,
  lockFavoritesOf,
} from '../data/repositories/favorites.ts';
import { listFavoriteModels } from '../data/repositories/models.ts';
import { presentModel } from '../presenters/model.ts';
import { findModelId } from './find-model-id.ts';
import { accountGone } from './identity-refusals.ts';
import type { ModelDirectory } from './model-directory.ts';

/** The models that a user has marked. */
export interface Favorites {
  /** By their ids. @throws {AppError} `validation_failed` for a bad cursor */
  list(userId: string, query: PageQuery): Promise<Page<Model>>;
  /**
   * Marks a model, or takes the mark away.
   *
   * @param id full, or a bare name where it is unambiguous
   * @throws {AppError} `not_found`; `model_not_available` for a name that is ambiguous; `conflict` when too many are marked
   */
  toggle(userId: string, id: string): Promise<{ modelId: string; favorite: boolean }>;
}

/** What favourites need. */
export interface FavoritesDeps {
  database: Pick<Database, 'db' | 'transaction'>;
  models: Pick<ModelDirectory, 'candidates' | 'resolve'>;
  /** Names of the providers that are served here. */
  served: readonly string[];
}

/** The id of the last model that was shown. */
const cursor = defineCursor(z.tuple([textSchema({ min: 1, max: 200 })]));

/** Makes them, on a database. */
export function createFavorites({ database, models, served }: FavoritesDeps): Favorites {
  const { db } = database;

  /** What is marked is that, though the catalogue may not have it any more. */
  async function fullId(userId: string, given: string): Promise<string> {
    return (await isFavorite(db, userId, given)) ? given : findModelId(db, models, given);
  }

  return {
    async list(userId, { limit, cursor: from }) {
      const [after] = cursor.decode(from) ?? [];
      const found = await listFavoriteModels(db, { userId, after, limit: limit + 1 });
      return pageFrom(found, limit, {
        present: (model) => presentModel(model, served),
        cursorOf: ({ id }) => cursor.encode([id]),
      });
    },

    async toggle(userId, given) {
      const modelId = await fullId(userId, given);
      return database.transaction(async (inside) => {
        if (!(await lockFavoritesOf(inside, userId))) throw accountGone();
        if (await deleteFavorite(inside, userId, modelId)) return { modelId, favorite: false };
        if (await insertFavorite(inside, { userId, modelId, most: MAX_FAVORITES })) {
          return { modelId, favorite: true };
        }
        throw new AppError(
          'conflict',
          `At most ${MAX_FAVORITES} models can be marked. Take a mark away first.`,
        );
      });
    },
  };
}
