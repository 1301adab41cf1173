import { Decimal } from 'decimal.js';
import { z } from 'zod';
import { defineCursor } from '../base/cursor.ts';
import { invalidField, notFound } from '../base/errors.ts';
import { type Page, type PageQuery, pageFrom } from '../base/page.ts';
import { textSchema } from '../contracts/fields.ts';
import { MODEL_CATEGORIES, type Model } from '../contracts/model.ts';
import type { ModelOverrideBody } from '../contracts/routes/admin-models.ts';
import type { ListModelsQuery, ModelCategoryCount, ModelProvider } from '../contracts/routes/models.ts';
import type { Database } from '../data/database.ts';
import type { ModelOverride } from '../data/entities/model.ts';
import { mergeModel } from '../data/merge-model.ts';
import { listCatalogueStates } from '../data/repositories/catalogue-state.ts';
import { countModels, findModel, listModels, lockModel, upsertModels } from '../data/repositories/models.ts';
import { presentModel } from '../presenters/model.ts';
import { type Actor, audit, differences } from './audit.ts';
import type { Catalogue } from './catalogue.ts';
import { findModelId } from './find-model-id.ts';

/** The catalogue, for people: read from the database, so that a change shows at once wherever it was made. */
export interface Models {
  /** @throws {AppError} `validation_failed` for a bad cursor */
  list(query: ListModelsQuery): Promise<Page<Model>>;
  /** @throws {AppError} `not_found` */
  get(id: string): Promise<Model>;
  /** By their names. @throws {AppError} `validation_failed` for a bad cursor */
  providers(query: PageQuery): Promise<Page<ModelProvider>>;
  /** In the order of the contract, the empty ones too. @throws {AppError} `validation_failed` for a bad cursor */
  categories(query: PageQuery): Promise<Page<ModelCategoryCount>>;
  /**
   * Says something of a model above what its provider tells; null takes it back.
   *
   * @throws {AppError} `not_found`
   */
  override(actor: Actor, id: string, changes: ModelOverrideBody): Promise<Model>;
}

/** What {@link createModels} works with. */
export interface ModelsDeps {
  database: Pick<Database, 'db' | 'transaction'>;
  catalogue: Pick<Catalogue, 'changed' | 'directory'>;
  /** Names of the providers that are served here. */
  served: readonly string[];
}

/** The id of the last model that was shown. */
const cursor = defineCursor(z.tuple([textSchema({ min: 1, max: 200 })]));
/** The last provider. */
const providerCursor = defineCursor(z.tuple([textSchema({ min: 1, max: 100 })]));
/** The last category. */
const categoryCursor = defineCursor(z.tuple([z.enum(MODEL_CATEGORIES)]));

/** The catalogue, on a database. */
export function createModels({ database, catalogue, served }: ModelsDeps): Models {
  const { db } = database;
  const present = (model: Parameters<typeof presentModel>[0]) => presentModel(model, served);

  async function positionOf(text: string | undefined) {
    const [id] = cursor.decode(text) ?? [];
    if (id === undefined) return undefined;
    const model = await findModel(db, id);
    // No model is ever deleted.
    if (!model) throw invalidField('query.cursor', 'is not a cursor of this list');
    return model;
  }

  return {
    async list({ limit, cursor: from, available, ...filter }) {
      const after = await positionOf(from);
      const usable = available === undefined ? undefined : { is: available, served: [...served] };
      const found = await listModels(db, { ...filter, available: usable, after, limit: limit + 1 });
      return pageFrom(found, limit, { present, cursorOf: ({ id }) => cursor.encode([id]) });
    },

    async get(given) {
      const model = await findModel(db, await findModelId(db, catalogue.directory, given));
      if (!model) throw notFound('model');
      return present(model);
    },

    async providers({ limit, cursor: from }) {
      const [after = ''] = providerCursor.decode(from) ?? [];
      const [counts, states] = await Promise.all([
        countModels(db, 'provider', [...served]),
        listCatalogueStates(db),
      ]);
      const names = new Set([...counts.map((count) => count.of), ...served]);
      const found = [...names].filter((name) => name > after).sort();
      return pageFrom(found, limit, {
        present: (provider) => {
          const { models = 0, available = 0 } = counts.find((count) => count.of === provider) ?? {};
          const syncedAt =
            states.find((state) => state.provider === provider)?.syncedAt?.toISOString() ?? null;
          return { provider, configured: served.includes(provider), models, available, syncedAt };
        },
        cursorOf: (provider) => providerCursor.encode([provider]),
      });
    },

    async categories({ limit, cursor: from }) {
      const [after] = categoryCursor.decode(from) ?? [];
      const begin = after === undefined ? 0 : MODEL_CATEGORIES.indexOf(after) + 1;
      const counts = await countModels(db, 'category', [...served]);
      return pageFrom(MODEL_CATEGORIES.slice(begin), limit, {
        present: (category) => {
          const { models = 0, available = 0 } = counts.find((count) => count.of === category) ?? {};
          return { category, models, available };
        },
        cursorOf: (category) => categoryCursor.encode([category]),
      });
    },

    async override(actor, given, changes) {
      const id = await findModelId(db, catalogue.directory, given);
      const changed = await database.transaction(async (inside) => {
        const before = await lockModel(inside, id);
        if (!before) throw notFound('model');
        const override = withChanges(before.override ?? {}, changes);
        const { createdAt: _createdAt, updatedAt: _updatedAt, ...layers } = { ...before, override };
        await upsertModels(inside, [{ ...layers, ...mergeModel(layers) }]);
        const details = differences<ModelOverride>(before.override ?? {}, override ?? {});
        if (details) {
          await audit(inside, actor, {
            action: 'model.override',
            targetType: 'model',
            targetId: id,
            details,
          });
        }
        return findModel(inside, id);
      });
      await catalogue.changed();
      if (!changed) throw notFound('model');
      return present(changed);
    },
  };
}

/** What an admin says after saying something more; null when nothing is left. */
function withChanges(
  before: ModelOverride,
  { price = {}, ...changes }: ModelOverrideBody,
): ModelOverride | null {
  const amounts = Object.entries(price).map(([key, value]) => [key, toAmount(value)]);
  const said = { ...before, ...Object.fromEntries([...Object.entries(changes), ...amounts]) };
  const kept = Object.entries(said).filter(([, value]) => value !== null && value !== undefined);
  return kept.length === 0 ? null : (Object.fromEntries(kept) as ModelOverride);
}

/** Not an exponent, as JavaScript writes small numbers. */
function toAmount(value: number | null | undefined): string | null | undefined {
  return typeof value === 'number' ? new Decimal(value).toFixed() : value;
}
