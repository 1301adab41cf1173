import type { Database } from './database.ts';
import type { ModelLayers } from './entities/model.ts';
import { mergeModel } from './merge-model.ts';
import { createFindShipped, type ModelSnapshot, modelId } from './model-snapshot.ts';
import { findSnapshotDate, setSnapshotDate } from './repositories/catalogue-state.ts';
import { lockModels, type StoredModel, upsertModels } from './repositories/models.ts';

/** What a model begins with. */
const NOTHING_ELSE: Omit<ModelLayers, 'snapshot'> = { synced: null, override: null, vanishedAt: null };

/**
 * Puts a snapshot below what providers and admins say, if it is newer than the one that is there. A model that it
 * does not have any more keeps what the last one said. Returns whether it did anything.
 */
export async function applySnapshot(
  { db, transaction }: Pick<Database, 'db' | 'transaction'>,
  snapshot: ModelSnapshot,
): Promise<boolean> {
  const before = await findSnapshotDate(db);
  if (before !== null && before >= snapshot.date) return false;
  const findShipped = createFindShipped(snapshot);
  await transaction(async (inside) => {
    const known = await lockModels(inside);
    const names = new Map<string, Pick<StoredModel, 'provider' | 'name'> & Partial<ModelLayers>>();
    for (const { provider, name } of snapshot.models) names.set(modelId(provider, name), { provider, name });
    for (const model of known) names.set(model.id, model);

    const models = [...names].flatMap(([id, { provider, name, ...before }]): StoredModel[] => {
      const shipped = findShipped(provider, name);
      if (!shipped) return [];
      const { synced, override, vanishedAt } = { ...NOTHING_ELSE, ...before };
      const layers = { snapshot: shipped.facts, synced, override, vanishedAt };
      return [{ id, provider, name, ...layers, ...mergeModel(layers) }];
    });
    await upsertModels(inside, models);
    const providers = new Set(snapshot.models.map(({ provider }) => provider));
    await setSnapshotDate(inside, [...providers], snapshot.date);
  });
  return true;
}
