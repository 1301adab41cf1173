/** What one round trip counts in the average of all. */
const WEIGHT = 0.01;
/** A generation publishes again after so many times what a round trip takes. */
const ROUND_TRIPS = 8;
/** It is never kept from it for longer, in milliseconds. A longer round trip is a failure, not a load. */
const MOST_MS = 60;
/** Shorter waits are none: timers do not keep them. */
const LEAST_MS = 1;

/**
 * How soon a generation publishes again, which all generations of a process find out together. Where the way to the broker is
 * free, a round trip takes a fraction of a millisecond, and nobody waits. Where it is not, or this process has no time, each delta
 * that is published at once delays all others: then the text of a few more milliseconds goes out with it.
 */
export class Pace {
  #roundTripMs = 0;

  /** Takes note of a round trip. @returns how long whoever made it waits before it makes the next, in milliseconds */
  pauseAfter(roundTripMs: number): number {
    this.#roundTripMs += WEIGHT * (Math.min(roundTripMs, MOST_MS) - this.#roundTripMs);
    const pauseMs = Math.min(ROUND_TRIPS * this.#roundTripMs, MOST_MS) - roundTripMs;
    return pauseMs < LEAST_MS ? 0 : pauseMs;
  }
}
