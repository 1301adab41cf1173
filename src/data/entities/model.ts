import { EntitySchema } from 'typeorm';
import type {
  ModelCapability,
  ModelCategory,
  ModelParameter,
  ModelSource,
  ModelTier,
} from '../../contracts/model.ts';

/** What is known of a model. Money is in decimal strings. */
export interface ModelFacts {
  /** For people. */
  title: string;
  category: ModelCategory;
  tier: ModelTier;
  /** Most tokens of prompt and reply together; null: not known. */
  contextLength: number | null;
  /** Most tokens of a reply; null: not known. */
  maxOutputTokens: number | null;
  capabilities: ModelCapability[];
  /** The settings that it takes. */
  parameters: ModelParameter[];
  /** US dollars for a million input tokens. */
  usdPerMillionInput: string;
  /** US dollars for a million input tokens that the provider had in its cache. */
  usdPerMillionCachedInput: string;
  /** US dollars for a million output tokens. */
  usdPerMillionOutput: string;
  /** Credits for 100 tokens, input and output alike. */
  creditsPer100Tokens: string;
}

/** The layer below all others: only the price of cached input may be missing, which is then that of input. */
export type ShippedFacts = Omit<ModelFacts, 'usdPerMillionCachedInput'> &
  Partial<Pick<ModelFacts, 'usdPerMillionCachedInput'>>;

/** What an admin says of a model. */
export type ModelOverride = Partial<ModelFacts> & { enabled?: boolean };

/** What each source says of a model; see {@link ../merge-model.ts} for what follows from it. */
export interface ModelLayers {
  /** What this version of Parley knows: from its snapshot, or by rule of a model that is not in it. */
  snapshot: ShippedFacts;
  /** What the provider told last; null while it has told nothing. */
  synced: Partial<ModelFacts> | null;
  override: ModelOverride | null;
  /** When the provider was first found not to list it any more; null while it does. */
  vanishedAt: Date | null;
}

/** A model of the catalogue: its layers, and what they come to. Rows are never deleted. */
export interface ModelRecord extends ModelLayers, ModelFacts {
  /** `provider/name`; `echo` for the offline one. */
  id: string;
  provider: string;
  /** The provider's own name of it. */
  name: string;
  /** Neither switched off nor vanished. */
  enabled: boolean;
  /** The latest source that said something of it. */
  source: ModelSource;
  createdAt: Date;
  updatedAt: Date;
}

/** What the catalogue has of a provider. */
export interface CatalogueStateRecord {
  provider: string;
  /** Day of the snapshot that was applied last, as in `2026-11-20`. */
  snapshotDate: string | null;
  /** When the provider's list was taken over last. */
  syncedAt: Date | null;
  /** Fingerprint of the base URL that the list came from; null: the provider's own. */
  endpoint: string | null;
}

export const ModelEntity = new EntitySchema<ModelRecord>({
  name: 'Model',
  tableName: 'models',
  columns: {
    id: { type: 'text', primary: true },
    provider: { type: 'text' },
    name: { type: 'text' },
    snapshot: { type: 'jsonb' },
    synced: { type: 'jsonb', nullable: true },
    override: { type: 'jsonb', nullable: true },
    vanishedAt: { type: 'timestamptz', nullable: true },
    title: { type: 'text' },
    category: { type: 'text' },
    tier: { type: 'text' },
    contextLength: { type: 'integer', nullable: true },
    maxOutputTokens: { type: 'integer', nullable: true },
    capabilities: { type: 'jsonb' },
    parameters: { type: 'jsonb' },
    usdPerMillionInput: { type: 'numeric' },
    usdPerMillionCachedInput: { type: 'numeric' },
    usdPerMillionOutput: { type: 'numeric' },
    creditsPer100Tokens: { type: 'numeric', name: 'credits_per_100_tokens' },
    enabled: { type: 'boolean' },
    source: { type: 'text' },
    createdAt: { type: 'timestamptz', createDate: true },
    updatedAt: { type: 'timestamptz', updateDate: true },
  },
});

export const CatalogueStateEntity = new EntitySchema<CatalogueStateRecord>({
  name: 'CatalogueState',
  tableName: 'catalogue_state',
  columns: {
    provider: { type: 'text', primary: true },
    snapshotDate: { type: 'date', nullable: true },
    syncedAt: { type: 'timestamptz', nullable: true },
    endpoint: { type: 'text', nullable: true },
  },
});
