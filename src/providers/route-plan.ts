import type { Candidate } from './candidate.ts';
import { verdictOf } from './failover-rules.ts';
import type { ProviderError } from './provider.ts';

/** Which candidates should be left alone for a while: until when, in milliseconds since 1970; 0 when they need not be. */
export interface Cooldowns {
  /** For whatever reason: others are asked first. */
  coolsUntil(provider: string, model: string): number;
  /** Because the provider said so: before that it would refuse. */
  refusesUntil(model: string): number;
}

/** How a route waits; in milliseconds. */
export interface RoutePatience {
  /** Longest wait of one route for its second round, all waits together. */
  maxWaitMs: number;
  /** About how long a candidate is left alone that gave no `Retry-After`: half to one and a half of it. */
  backoffMs: number;
}

/** What a plan is made of. */
export interface RoutePlanOptions {
  /** The model that was asked, then its fallbacks. */
  candidates: readonly Candidate[];
  cooldowns: Cooldowns;
  patience: RoutePatience;
  now: () => number;
  /** From 0 to 1. */
  random: () => number;
}

/** The next call, after a wait. */
export interface Step {
  candidate: Candidate;
  waitMs: number;
}

interface Slot {
  candidate: Candidate;
  calls: number;
  /** After a call that failed and may be made again: not before; undefined when it may not. */
  againAt: number | undefined;
}

/** Calls of one candidate in one route. */
const MAX_CALLS = 2;

/**
 * In which order candidates are called, and after which waits:
 *
 * 1. Each once, in the order given, those that cool down left out.
 * 2. Then whoever is free soonest: one that cools down, or one for a second and last time. `Retry-After` and the pause
 *    before a second call are waited for, if that is within what is left of the patience; that a provider which failed
 *    too often recovers is not.
 * 3. One that refuses for longer is called at once, and last: nobody is turned away without a call.
 */
export class RoutePlan {
  readonly #options: RoutePlanOptions;
  readonly #slots: Slot[];
  #patienceMs: number;

  constructor(options: RoutePlanOptions) {
    this.#options = options;
    this.#slots = options.candidates.map((candidate) => ({ candidate, calls: 0, againAt: undefined }));
    this.#patienceMs = options.patience.maxWaitMs;
  }

  /** The next call; undefined when there is none. */
  next(): Step | undefined {
    const now = this.#options.now();
    const free = this.#slots.find((slot) => slot.calls === 0 && this.#freeAt(slot) <= now);
    if (free) return take(free, 0);

    const soonest = this.#soonest((slot) => slot.calls === 0 || slot.againAt !== undefined);
    if (!soonest) return undefined;
    const { refusesUntil } = this.#options.cooldowns;
    const waitUntil = soonest.calls === 0 ? refusesUntil(soonest.candidate.id) : this.#freeAt(soonest);
    const waitMs = Math.max(0, waitUntil - now);
    if (waitMs <= this.#patienceMs) {
      this.#patienceMs -= waitMs;
      return take(soonest, waitMs);
    }
    const last = this.#soonest((slot) => slot.calls === 0);
    return last && take(last, 0);
  }

  /** A call has failed before its first token, and may be followed by another. */
  failed(candidate: Candidate, error: ProviderError): void {
    const slot = this.#slots.find((each) => each.candidate === candidate);
    if (!slot || slot.calls >= MAX_CALLS || verdictOf(error.code) !== 'again') return;
    const { now, random, patience } = this.#options;
    slot.againAt = now() + (error.retryAfterMs ?? patience.backoffMs * (0.5 + random()));
  }

  #freeAt({ candidate, againAt }: Slot): number {
    const cools = this.#options.cooldowns.coolsUntil(candidate.provider.name, candidate.id);
    return Math.max(cools, againAt ?? 0);
  }

  #soonest(among: (slot: Slot) => boolean): Slot | undefined {
    let soonest: Slot | undefined;
    for (const slot of this.#slots) {
      if (among(slot) && (!soonest || this.#freeAt(slot) < this.#freeAt(soonest))) soonest = slot;
    }
    return soonest;
  }
}

function take(slot: Slot, waitMs: number): Step {
  slot.calls += 1;
  slot.againAt = undefined;
  return { candidate: slot.candidate, waitMs };
}
