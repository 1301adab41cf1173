import { type Db, rows } from '../database.ts';
import type { ModelRecord } from '../entities/model.ts';
import { type ModelFilter, type ModelPosition, type ModelSort, modelConditions } from './model-filter.ts';

/** Prices without the zeros that fill their columns up. */
const COLUMNS = `id, provider, name, snapshot, synced, override, vanished_at AS "vanishedAt", title, category, tier,
  context_length AS "contextLength", max_output_tokens AS "maxOutputTokens", capabilities, parameters,
  trim_scale(usd_per_million_input) AS "usdPerMillionInput",
  trim_scale(usd_per_million_cached_input) AS "usdPerMillionCachedInput",
  trim_scale(usd_per_million_output) AS "usdPerMillionOutput",
  trim_scale(credits_per_100_tokens) AS "creditsPer100Tokens", enabled, source,
  created_at AS "createdAt", updated_at AS "updatedAt"`;

/** The whole catalogue. */
export const listAllModels = (db: Db): Promise<ModelRecord[]> =>
  rows<ModelRecord>(db, `SELECT ${COLUMNS} FROM models ORDER BY id`);

/** A page of the catalogue. */
export interface ModelPage extends ModelFilter {
  sort: ModelSort;
  limit: number;
  /** Only models that come after this one in the list. */
  after?: ModelPosition | undefined;
}

/** Models that a filter lets through, in order. A few thousand rows: no index would be faster. */
export async function listModels(db: Db, { limit, ...page }: ModelPage): Promise<ModelRecord[]> {
  const { where, order, params } = modelConditions(page);
  return rows<ModelRecord>(
    db,
    `SELECT ${COLUMNS} FROM models ${where} ${order} LIMIT $${params.length + 1}`,
    [...params, limit],
  );
}

/** The model with this id. */
export async function findModel(db: Db, id: string): Promise<ModelRecord | undefined> {
  return (await rows<ModelRecord>(db, `SELECT ${COLUMNS} FROM models WHERE id = $1`, [id]))[0];
}

/** As {@link findModel}, kept from others until the transaction ends. */
export async function lockModel(db: Db, id: string): Promise<ModelRecord | undefined> {
  return (await rows<ModelRecord>(db, `SELECT ${COLUMNS} FROM models WHERE id = $1 FOR UPDATE`, [id]))[0];
}

/** The models of one provider, or all, kept from others until the transaction ends. */
export async function lockModels(db: Db, provider?: string): Promise<ModelRecord[]> {
  const of = provider === undefined ? '' : 'WHERE provider = $1';
  const params = provider === undefined ? [] : [provider];
  // In one order, so that two transactions cannot wait for each other.
  return rows<ModelRecord>(db, `SELECT ${COLUMNS} FROM models ${of} ORDER BY id FOR UPDATE`, params);
}

/** The models that a user has marked, in the order of their ids; only those after `after`. */
export async function listFavoriteModels(
  db: Db,
  { userId, after = '', limit }: { userId: string; after?: string | undefined; limit: number },
): Promise<ModelRecord[]> {
  return rows<ModelRecord>(
    db,
    `SELECT ${COLUMNS} FROM models
      WHERE id IN (SELECT model_id FROM favorite_models WHERE user_id = $1 AND model_id > $2) ORDER BY id LIMIT $3`,
    [userId, after, limit],
  );
}

/** What of a model is written; the times are the database's. */
export type StoredModel = Omit<ModelRecord, 'createdAt' | 'updatedAt'>;

/** Stores models, new ones and changed ones, in one statement. */
export async function upsertModels(db: Db, models: StoredModel[]): Promise<void> {
  if (models.length === 0) return;
  await rows(
    db,
    `INSERT INTO models (id, provider, name, snapshot, synced, override, vanished_at, title, category, tier,
        context_length, max_output_tokens, capabilities, parameters, usd_per_million_input,
        usd_per_million_cached_input, usd_per_million_output, credits_per_100_tokens, enabled, source)
     SELECT id, provider, name, snapshot, NULLIF(synced, 'null'), NULLIF(override, 'null'), "vanishedAt", title,
        category, tier, "contextLength", "maxOutputTokens", capabilities, parameters, "usdPerMillionInput",
        "usdPerMillionCachedInput", "usdPerMillionOutput", "creditsPer100Tokens", enabled, source
       FROM jsonb_to_recordset($1::jsonb) AS given (id text, provider text, name text, snapshot jsonb,
        synced jsonb, override jsonb, "vanishedAt" timestamptz, title text, category text, tier text,
        "contextLength" integer, "maxOutputTokens" integer, capabilities jsonb, parameters jsonb,
        "usdPerMillionInput" numeric, "usdPerMillionCachedInput" numeric, "usdPerMillionOutput" numeric,
        "creditsPer100Tokens" numeric, enabled boolean, source text)
     ON CONFLICT (id) DO UPDATE SET snapshot = excluded.snapshot, synced = excluded.synced,
        override = excluded.override, vanished_at = excluded.vanished_at, title = excluded.title,
        category = excluded.category, tier = excluded.tier, context_length = excluded.context_length,
        max_output_tokens = excluded.max_output_tokens, capabilities = excluded.capabilities,
        parameters = excluded.parameters, usd_per_million_input = excluded.usd_per_million_input,
        usd_per_million_cached_input = excluded.usd_per_million_cached_input,
        usd_per_million_output = excluded.usd_per_million_output,
        credits_per_100_tokens = excluded.credits_per_100_tokens, enabled = excluded.enabled,
        source = excluded.source, updated_at = now()`,
    [JSON.stringify(models)],
  );
}

/** How many models there are of something. */
export interface ModelCount {
  /** The provider, or the category. */
  of: string;
  models: number;
  /** Enabled ones whose provider is served here. */
  available: number;
}

/**
 * The models by provider or by category.
 *
 * @param served names of the providers that are served here
 */
export function countModels(db: Db, by: 'provider' | 'category', served: string[]): Promise<ModelCount[]> {
  return rows<ModelCount>(
    db,
    `SELECT ${by} AS "of", count(*)::int AS models,
            (count(*) FILTER (WHERE enabled AND provider = ANY($1)))::int AS available
       FROM models GROUP BY ${by} ORDER BY ${by}`,
    [served],
  );
}
