/** How often something may be done. */
export interface RatePolicy {
  /** Whoever gives the same name counts together. */
  name: string;
  limit: number;
  /** Begins with the first that is counted. */
  windowSeconds: number;
}

/** How much of a limit is left. */
export interface RateCount {
  /** Within the limit. */
  allowed: boolean;
  remaining: number;
  /** Until the window ends, in milliseconds; 0: none has begun. */
  resetMs: number;
}

/** Counts by one policy, each key for itself. */
export interface RateCounter {
  /** Counts one, also beyond the limit. @throws when the store does not answer */
  take(key: string): Promise<RateCount>;
  /** How a key stands: nothing is counted. @throws when the store does not answer */
  read(key: string): Promise<RateCount>;
  /** Takes back what was counted in the window that runs; never more than that. @throws when the store does not answer */
  giveBack(key: string): Promise<RateCount>;
  /** Ends the window of a key, with all that was counted in it. @throws when the store does not answer */
  forget(key: string): Promise<void>;
}

/** Where it is counted how often who did what. It may be lost at any moment: then it is counted anew. */
export interface RateLimitStore {
  /** The counter of a policy; one that is opened twice counts together. */
  open(policy: RatePolicy): RateCounter;
}
