const PROVIDER = 'provider:';
const MODEL = 'model:';

/** How a cooldown names a provider as a whole. Kept in the store: processes of all versions must mean the same by it. */
export const providerTarget = (provider: string): string => PROVIDER + provider;

/** How a cooldown names a model, given as `provider/name`. */
export const modelTarget = (model: string): string => MODEL + model;

/** The model that a {@link modelTarget} names; undefined for one that names a provider. */
export const modelOf = (target: string): string | undefined =>
  target.startsWith(MODEL) ? target.slice(MODEL.length) : undefined;
