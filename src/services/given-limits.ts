import type { UsageLimits } from '../data/entities/usage.ts';

/** Limits as they are stored and compared: without what was left out of a request. */
export const givenLimits = (limits: object): UsageLimits =>
  Object.fromEntries(Object.entries(limits).filter(([, value]) => value !== undefined));
