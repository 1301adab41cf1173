import type { ModelCapability, ModelCategory, ModelTier } from '../../contracts/model.ts';
import type { MODEL_SORTS } from '../../contracts/routes/models.ts';
import type { ModelRecord } from '../entities/model.ts';
import { escapeLike } from './session-filter.ts';

/** Which models are listed; what is undefined does not matter. */
export interface ModelFilter {
  provider?: string | undefined;
  category?: ModelCategory | undefined;
  tier?: ModelTier | undefined;
  capability?: ModelCapability | undefined;
  /** Part of the id or the title, whatever its case. */
  search?: string | undefined;
  /** Tokens; a model of which it is not known is not listed. */
  minContextLength?: number | undefined;
  /** US dollars for a million tokens. */
  maxInputPrice?: number | undefined;
  /** US dollars for a million tokens. */
  maxOutputPrice?: number | undefined;
  /** Whether they can be asked: enabled, and of one of these providers. */
  available?: { is: boolean; served: string[] } | undefined;
}

/** An order of a list of models. */
export type ModelSort = (typeof MODEL_SORTS)[number];

/** A place in a list of models: the last one that was shown. */
export type ModelPosition = Pick<
  ModelRecord,
  'id' | 'title' | 'usdPerMillionInput' | 'usdPerMillionOutput' | 'contextLength'
>;

/** The conditions of a list of models, as SQL, and their parameters. */
export interface ModelConditions {
  where: string;
  order: string;
  params: unknown[];
}

/** What a list is sorted by, in SQL, and the same of a place in it. Models of the same are told apart by id. */
const KEYS = {
  name: { sql: 'lower(title)', of: 'lower($::text)', value: ({ title }: ModelPosition) => title },
  price: {
    sql: '(usd_per_million_input + usd_per_million_output)',
    of: '(SELECT sum(part) FROM unnest($::numeric[]) AS part)',
    value: (at: ModelPosition) => [at.usdPerMillionInput, at.usdPerMillionOutput],
  },
  context: {
    sql: 'coalesce(context_length, 0)',
    of: 'coalesce($::integer, 0)',
    value: ({ contextLength }: ModelPosition) => contextLength,
  },
} as const;

/** What is asked for as conditions; only that is in the statement. */
export function modelConditions({
  sort,
  after,
  ...filter
}: ModelFilter & { sort: ModelSort; after?: ModelPosition | undefined }): ModelConditions {
  const params: unknown[] = [];
  const param = (value: unknown): string => `$${params.push(value)}`;
  const found = filterConditions(filter, param);

  const key = KEYS[sort.replace('-', '') as keyof typeof KEYS];
  const [beyond, direction] = sort.startsWith('-') ? ['<', 'DESC'] : ['>', 'ASC'];
  if (after) {
    const place = key.of.replace('$', () => param(key.value(after)));
    found.push(`(${key.sql}, id) ${beyond} (${place}, ${param(after.id)})`);
  }
  return {
    where: found.length === 0 ? '' : `WHERE ${found.join(' AND ')}`,
    order: `ORDER BY ${key.sql} ${direction}, id ${direction}`,
    params,
  };
}

function filterConditions(filter: ModelFilter, param: (value: unknown) => string): string[] {
  const found: string[] = [];
  const { provider, category, tier, capability, search, available } = filter;
  if (provider !== undefined) found.push(`provider = ${param(provider)}`);
  if (category !== undefined) found.push(`category = ${param(category)}`);
  if (tier !== undefined) found.push(`tier = ${param(tier)}`);
  if (capability !== undefined) found.push(`capabilities @> ${param(JSON.stringify([capability]))}::jsonb`);
  if (search !== undefined) {
    const pattern = param(`%${escapeLike(search)}%`);
    found.push(`(id ILIKE ${pattern} OR title ILIKE ${pattern})`);
  }
  const { minContextLength, maxInputPrice, maxOutputPrice } = filter;
  if (minContextLength !== undefined) found.push(`context_length >= ${param(minContextLength)}::integer`);
  if (maxInputPrice !== undefined) found.push(`usd_per_million_input <= ${param(maxInputPrice)}::numeric`);
  if (maxOutputPrice !== undefined) found.push(`usd_per_million_output <= ${param(maxOutputPrice)}::numeric`);
  if (available !== undefined) {
    found.push(`(enabled AND provider = ANY(${param(available.served)})) = ${param(available.is)}`);
  }
  return found;
}
