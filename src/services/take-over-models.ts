import { isDeepStrictEqual } from 'node:util';
import type { Database, Db } from '../data/database.ts';
import type { ModelRecord } from '../data/entities/model.ts';
import { mergeModel } from '../data/merge-model.ts';
import { type FindShipped, modelId } from '../data/model-snapshot.ts';
import { setSynced } from '../data/repositories/catalogue-state.ts';
import { lockModels, type StoredModel, upsertModels } from '../data/repositories/models.ts';
import type { ListedModel } from '../providers/provider.ts';
import { factsByRule } from './catalogue-rules.ts';
import { toSyncedFacts } from './synced-facts.ts';

/** What a provider says it has, and from where. */
export interface ProviderList {
  provider: string;
  /** By names that can be ones of models here. */
  listed: ListedModel[];
  /** Fingerprint of the base URL that was asked; null: the provider's own. */
  endpoint: string | null;
}

/** How the catalogue changed. */
export interface TakenOver {
  added: number;
  /** Changed, or listed again after they were gone. */
  updated: number;
  /** Not listed any more. */
  vanished: number;
}

/** What taking a list over needs. */
export interface TakeOver {
  findShipped: FindShipped;
  /** Called at the end, in the same transaction. */
  done?: (db: Db, taken: TakenOver) => Promise<void> | undefined;
}

/**
 * Makes a provider's list the middle layer of its models, in one transaction. A model that is not in it is marked as
 * vanished, unless the list has it under another of its names.
 */
export function takeOverModels(
  database: Pick<Database, 'transaction'>,
  { provider, listed, endpoint }: ProviderList,
  { findShipped, done }: TakeOver,
): Promise<TakenOver> {
  const offered = new Map(listed.map((each) => [each.name, each]));
  return database.transaction(async (db) => {
    const known = new Map((await lockModels(db, provider)).map((model) => [model.name, model]));
    const taken: TakenOver = { added: 0, updated: 0, vanished: 0 };
    const changed: StoredModel[] = [];
    /** Models of the snapshot that are listed, under whichever of their names. */
    const bases = new Set<string>();

    for (const [name, listing] of offered) {
      const before = known.get(name);
      const shipped = findShipped(provider, name);
      if (shipped) bases.add(shipped.base);
      const after = mergedModel(before, {
        id: modelId(provider, name),
        provider,
        name,
        snapshot: shipped?.facts ?? before?.snapshot ?? factsByRule(provider, name),
        synced: toSyncedFacts(provider, listing),
        override: before?.override ?? null,
        vanishedAt: null,
      });
      if (before && !isChanged(before, after)) continue;
      changed.push(after);
      taken[before ? 'updated' : 'added'] += 1;
    }
    for (const [name, before] of known) {
      if (offered.has(name) || before.vanishedAt) continue;
      // Only shipped, never listed: an alias of what is listed, as `…-latest` of a dated version.
      if (!before.synced && bases.has(findShipped(provider, name)?.base ?? '')) continue;
      changed.push(mergedModel(before, { ...before, vanishedAt: new Date() }));
      taken.vanished += 1;
    }
    await upsertModels(db, changed);
    await setSynced(db, provider, endpoint);
    await done?.(db, taken);
    return taken;
  });
}

type Unmerged = Pick<
  StoredModel,
  'id' | 'provider' | 'name' | 'snapshot' | 'synced' | 'override' | 'vanishedAt'
>;

function mergedModel(before: ModelRecord | undefined, layers: Unmerged): StoredModel {
  const { createdAt: _createdAt, updatedAt: _updatedAt, ...rest } = { ...before, ...layers };
  return { ...rest, ...mergeModel(layers) };
}

function isChanged(
  { createdAt: _createdAt, updatedAt: _updatedAt, ...before }: ModelRecord,
  after: StoredModel,
) {
  return !isDeepStrictEqual(before, after);
}
